"""Activation checkpointing (arXiv:1604.06174): blocks of a network keep their inputs alone and are computed again in
the backward, with the weights, modes and statistics that they had.

timm's own switch computes again with what is there at that time: a pruned branch has taken its masked weights back by
then, and running statistics move a second time.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.checkpoint import checkpoint

from holdfast.distributed import SynchronisedBatchNorm

_CONTAINERS = (nn.Sequential, nn.ModuleList)
_NORMS = (_BatchNorm, SynchronisedBatchNorm)
_FEWEST = 2


def recompute_blocks(network: nn.Module, name: str) -> int:
    """Makes the blocks of a network (in place; its names and weights stay) keep no activations; returns their number.

    name: how the user calls it. Raises ValueError for a network of timm that cannot be checkpointed, or that has no
    blocks one after another.
    """
    blocks = list(blocks_of(network)) if hasattr(network, "set_grad_checkpointing") else []
    if len(blocks) < _FEWEST:
        raise ValueError(
            f"expected a network of blocks, such as a ResNet or a ViT, for --checkpoint-activations, got {name}; "
            "--chunk N saves memory with any network"
        )
    for block in blocks:
        block.forward = partial(_forward, block)
    return len(blocks)


def blocks_of(module: nn.Module) -> Iterator[nn.Module]:
    """A network's blocks: the modules that stand in a list and are made of others, in their order; of stages, which
    hold such lists, the blocks within."""
    for child in module.children():
        if isinstance(module, _CONTAINERS) and _is_made_of_others(child) and not _is_stage(child):
            yield child
        else:
            yield from blocks_of(child)


def _is_made_of_others(module: nn.Module) -> bool:
    return any(module.children()) and not isinstance(module, (*_CONTAINERS, *_NORMS))


def _is_stage(module: nn.Module) -> bool:
    lists = (inner for inner in module.modules() if isinstance(inner, _CONTAINERS))
    return any(sum(map(_is_made_of_others, one.children())) >= _FEWEST for one in lists)


class _Plain(nn.Module):
    """A block as it was before, for functional_call."""

    def __init__(self, block: nn.Module):
        super().__init__()
        self.block = block

    def forward(self, *given: Any, **named: Any) -> Any:
        return type(self.block).forward(self.block, *given, **named)


def _forward(block: nn.Module, *given: Any, **named: Any) -> Any:
    """The block's output; of its activations nothing is kept where a gradient is asked for."""
    if not torch.is_grad_enabled():
        return type(block).forward(block, *given, **named)
    plain = _Plain(block)
    # As they are now: a pruned branch lends other weights, and takes them back before the backward.
    lent: dict[str, Tensor] = {**dict(plain.named_parameters()), **dict(plain.named_buffers())}
    kept = {name: lent[name].clone() for name in _statistics(plain)}
    modes = [(module, name, getattr(module, name)) for module in plain.modules() for name in _switches(module)]
    again = False

    def run(*given: Any) -> Any:
        nonlocal again
        if not again:
            again = True
            return plain(*given, **named)
        return _once_more(plain, lent | {name: value.clone() for name, value in kept.items()}, modes, given, named)

    return checkpoint(run, *given, use_reentrant=False)


def _switches(module: nn.Module) -> tuple[str, ...]:
    """Attributes that decide what a module computes, and that may be others by the backward."""
    return ("training", "track_running_stats") if isinstance(module, _NORMS) else ("training",)


def _statistics(network: nn.Module) -> list[str]:
    """Names of the buffers that batch norms move."""
    norms = {name for name, module in network.named_modules() if isinstance(module, _NORMS)}
    return [name for name, _ in network.named_buffers() if name.rpartition(".")[0] in norms]


def _once_more(
    plain: _Plain, lent: Mapping[str, Tensor], modes: list[tuple[nn.Module, str, bool]], given: Any, named: Any
) -> Any:
    """The block with the tensors and modes of its first pass; running statistics are copies, which are dropped."""
    with _set(modes):
        return functional_call(plain, dict(lent), given, named)


@contextmanager
def _set(modes: list[tuple[nn.Module, str, bool]]) -> Iterator[None]:
    now = [(module, name, getattr(module, name)) for module, name, _ in modes]
    for module, name, value in modes:
        setattr(module, name, value)
    try:
        yield
    finally:
        for module, name, value in now:
            setattr(module, name, value)
