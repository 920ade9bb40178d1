"""Several processes, one batch: gather and sums with gradients, on CPU and GPU.

The operations are pairs of linear maps that are each other's adjoint, so every derivative of a derivative is again one
of them: a double-backward penalty works across ranks. Without a process group each is the identity.

With these, every rank computes the loss of the joined batch; torch's DistributedDataParallel then averages gradients
that `gather` has already summed over ranks, which is the joined batch's gradient exactly.
"""

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor
from torch.autograd import Function


def world_size() -> int:
    """Number of processes that train together; 1 without a process group."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def rank() -> int:
    """This process's number, from 0."""
    return dist.get_rank() if world_size() > 1 else 0


def _counts(local: Tensor) -> list[int]:
    counts = [torch.zeros(1, dtype=torch.int64, device=local.device) for _ in range(world_size())]
    dist.all_gather(counts, torch.tensor([local.shape[0]], device=local.device))
    return [int(count) for count in counts]


class _Gather(Function):
    """x_r [n_r, ...] -> the rows of all ranks in rank order; the adjoint of _SumSlice."""

    @staticmethod
    def forward(ctx: Any, local: Tensor, counts: list[int]) -> Tensor:
        ctx.counts = counts
        padded = local.new_zeros(max(counts), *local.shape[1:])
        padded[: local.shape[0]] = local
        parts = [torch.empty_like(padded) for _ in counts]
        dist.all_gather(parts, padded)
        return torch.cat([part[:count] for part, count in zip(parts, counts, strict=True)])

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        return _SumSlice.apply(grads[0], ctx.counts), None  # type: ignore[return-value]


class _SumSlice(Function):
    """y_r [sum n, ...] -> this rank's rows of the sum over ranks."""

    @staticmethod
    def forward(ctx: Any, joined: Tensor, counts: list[int]) -> Tensor:
        ctx.counts = counts
        total = joined.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(total)
        start = sum(counts[: rank()])
        return total[start : start + counts[rank()]].clone()

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        return _Gather.apply(grads[0], ctx.counts), None  # type: ignore[return-value]


class _Sum(Function):
    """x_r -> the sum over ranks, on every rank; its own adjoint."""

    @staticmethod
    def forward(ctx: Any, local: Tensor) -> Tensor:
        total = local.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        return _Sum.apply(grads[0])  # type: ignore[return-value]


def gather(local: Tensor) -> Tensor:
    """The rows of all ranks [sum of n_r, ...], in rank order, from this rank's [n_r, ...]; any number of times
    differentiable.
    """
    if world_size() == 1:
        return local
    return _Gather.apply(local, _counts(local))  # type: ignore[return-value]


@torch.no_grad()
def join_rows(local: Tensor) -> tuple[Tensor, Tensor]:
    """(rows of all ranks in rank order, how many each rank has [world]) of each rank's [n_r, ...]; on every rank."""
    counts = [local.shape[0]] if world_size() == 1 else _counts(local)
    return gather(local), torch.tensor(counts)


def largest(number: int) -> int:
    """The largest of a whole number that each rank has."""
    if world_size() == 1:
        return number
    device = "cuda" if dist.get_backend() == "nccl" else "cpu"
    found = torch.tensor([number], device=device)
    dist.all_reduce(found, op=dist.ReduceOp.MAX)
    return int(found)


def total(local: Tensor) -> Tensor:
    """The sum over ranks of a tensor of equal shape on each; differentiable, any number of times."""
    return local if world_size() == 1 else _Sum.apply(local)  # type: ignore[return-value]
