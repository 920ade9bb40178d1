"""Weights that others trained: a state-dict file, read without running code, put into a network named beside it."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor, nn


def read_tensors(path: Path) -> dict[str, Tensor]:
    """The tensors in a .safetensors file, or in a file of torch's opened with weights_only, by dotted name.

    Raises FileNotFoundError where there is none, ValueError for a file that holds code or is damaged.
    """
    if not path.is_file():
        raise FileNotFoundError(f"expected a file of weights, got no file at {path}; check the path")
    try:
        if path.suffix == ".safetensors":
            return safetensors.torch.load_file(path)
        return dict(_flat(torch.load(path, map_location="cpu", weights_only=True), ""))
    except Exception as error:  # unpickling, zip, key and safetensors errors have no common base
        raise ValueError(
            f"expected {path} to hold tensors and plain values only, got {type(error).__name__} on opening it safely; "
            "write module.state_dict() with safetensors where it was made"
        ) from error


def _flat(content: Any, name: str) -> Iterable[tuple[str, Tensor]]:
    """Checkpoints keep weights under 'state_dict', 'model', 'teacher' ...: nested names are joined by dots."""
    if isinstance(content, Tensor):
        yield name, content
    elif isinstance(content, Mapping):
        for key, value in content.items():
            yield from _flat(value, f"{name}.{key}" if name else str(key))


def load_foreign(networks: Iterable[nn.Module], tensors: dict[str, Tensor], what: str) -> nn.Module:
    """The first of networks whose names and shapes are those of a file's tensors, with these as its weights.

    The names may begin with a common prefix ('state_dict.backbone.'); a classifier and a projector are left out.
    what: 'NAME in FILE', for messages. Raises ValueError where the file holds no such network, several, or a larger
    one of the same kind.
    """
    reasons = []
    for network in networks:
        needed = [name for name in network.state_dict() if not name.endswith("num_batches_tracked")]
        state = _without_prefix(tensors, needed, what)
        problem = _problem(network, state, needed)
        if problem is None:
            network.load_state_dict({name: state[name] for name in network.state_dict() if name in state}, strict=False)
            return network
        reasons.append(problem)
    raise ValueError(f"expected the weights of {what}, got {reasons[0]}; name the network that they belong to")


def _without_prefix(tensors: dict[str, Tensor], needed: list[str], what: str) -> dict[str, Tensor]:
    ends = {name.removesuffix(needed[0]) for name in tensors if name.endswith(needed[0])}
    prefixes = [end for end in sorted(ends) if end == "" or end.endswith(".")]
    whole = [prefix for prefix in prefixes if all(prefix + name in tensors for name in needed)]
    if len(whole) > 1:
        raise ValueError(
            f"expected the weights of one {what}, got {len(whole)}: {', '.join(whole)}; write one to its own file"
        )
    if not whole:
        raise ValueError(
            f"expected the weights of {what}, got names such as {', '.join(list(tensors)[:3]) or 'none'}; "
            "name the network that they belong to, or load them into your own module"
        )
    return {name.removeprefix(whole[0]): tensor for name, tensor in tensors.items() if name.startswith(whole[0])}


def _problem(network: nn.Module, state: dict[str, Tensor], needed: list[str]) -> str | None:
    expected = network.state_dict()
    for name in needed:
        if state[name].shape != expected[name].shape:
            return f"{name} of shape {list(state[name].shape)} where it has {list(expected[name].shape)}"
    more = [name for name in state if name not in expected and _is_inside(network, name)]
    return f"{more[0]} besides, of a larger network" if more else None


def _is_inside(network: nn.Module, name: str) -> bool:
    """Whether an unused name lies within the network, and not in its classifier, whose place an identity holds."""
    parts, modules = name.split(".")[:-1], dict(network.named_modules())
    above = [".".join(parts[:depth]) for depth in range(1, len(parts) + 1)]
    return bool(parts) and parts[0] in modules and not any(isinstance(modules.get(at), nn.Identity) for at in above)
