"""Which network of a name a set of tensors comes nearest to: a hint for refusals, found without allocating weights."""

import difflib
from collections.abc import Mapping
from pathlib import Path

import timm
import torch
from torch import Tensor, nn

from holdfast.runs import is_run_folder

_TRIED = 8
"""Networks that are built, without memory for their weights, to compare."""


def nearest_network(state: Mapping[str, Tensor]) -> str:
    """'the nearest is timm/NAME (n of m tensors); ', or '' where none is near (half of the tensors)."""
    best, found = 0.5, ""
    for name in _candidates(state):
        try:
            with torch.device("meta"):
                network = timm.create_model(name, num_classes=0)
        except (TypeError, RuntimeError, ValueError, NotImplementedError):
            continue
        expected = {k: v.shape for k, v in network.state_dict().items() if not k.endswith("num_batches_tracked")}
        both = sum(name in state and state[name].shape == shape for name, shape in expected.items())
        share = both / max(1, len(expected | dict.fromkeys(state)))
        if share > best:
            best, found = share, f"the nearest is timm/{name} ({both} of {len(expected)} tensors); "
    return found


def _candidates(state: Mapping[str, Tensor]) -> list[str]:
    """Names of the kind that the tensors look like, sorted by how alike the depths are."""
    if "layer1.0.conv1.weight" in state:
        blocks = [sum(f"layer{s}.{b}.conv1.weight" in state for b in range(40)) for s in (1, 2, 3, 4)]
        deep = "layer1.0.conv3.weight" in state
        depth = (3 if deep else 2) * sum(blocks) + 2
        return [f"resnet{depth}", *difflib.get_close_matches(f"resnet{depth}", timm.list_models("*resne*t*"), n=_TRIED)]
    patches = state.get("patch_embed.proj.weight")
    if patches is not None and patches.ndim == 4:
        kind = {192: "tiny", 384: "small", 768: "base", 1024: "large", 1280: "huge", 1536: "giant"}
        size = kind.get(patches.shape[0], "base")
        register = "reg_token" in state or "storage_tokens" in state
        names = timm.list_models(f"vit_{size}_patch{patches.shape[-1]}*")
        return sorted(names, key=lambda name: ("dinov3" in name or "reg" in name) != register)[:_TRIED]
    return []


def other_layers(network: nn.Module, theirs: nn.Module) -> str:
    """The first layer that is of another kind in two networks of equal shapes: "conv_stem is a Conv2d there and a
    Conv2dSame here"; '' where there is none. Kinds without weights count too, as activations do."""
    kinds = {name: type(module).__name__ for name, module in theirs.named_modules() if name}
    for name, module in network.named_modules():
        if name and kinds.get(name, type(module).__name__) != type(module).__name__:
            return f"{name} is a {type(module).__name__} there and a {kinds[name]} here"
    return ""


def other_heads(network: nn.Module, theirs: nn.Module) -> str:
    """The first layer that has another number of heads: "blocks.0.attn has 6 heads, not 12"; '' where there is none."""
    heads = {name: getattr(module, "num_heads", None) for name, module in theirs.named_modules()}
    for name, module in network.named_modules():
        ours, other = getattr(module, "num_heads", None), heads.get(name)
        if isinstance(ours, int) and isinstance(other, int) and ours != other:
            return f"{name} has {ours} heads, not {other}"
    return ""


def way_to_name(path: Path) -> str:
    """How to name the network of a file: by the folder it lies in where that says what it is."""
    if (path.parent / "config.json").is_file() and not is_run_folder(path.parent):
        return f"give its folder, which has a config.json: {path.parent}"
    return f"name the network: timm/NAME@{path} or torchvision/NAME@{path}"
