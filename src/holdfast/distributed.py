"""Several processes, one batch: gather with gradients and synchronised batch statistics, on CPU and GPU.

The operations are pairs of linear maps that are each other's adjoint, so every derivative of a derivative is again one
of them: a double-backward penalty works across ranks. Without a process group each is the identity.

With these, every rank computes the loss of the joined batch; torch's DistributedDataParallel then averages gradients
that `gather` has already summed over ranks, which is the joined batch's gradient exactly.
"""

from functools import partial
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.autograd import Function
from torch.nn import functional as F
from torch.nn.modules.batchnorm import _BatchNorm


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


def keep_strides(network: nn.Module) -> None:
    """Gradients of kernels of one pixel take the strides of their weights, where dimensions of size 1 are spelt anew.

    Such a kernel in channels_last counts as contiguous too, so the sum of two gradients of it (SDCLR's two branches)
    has contiguous strides: the same memory, which DistributedDataParallel takes for another layout, warns of and
    copies.
    """
    for parameter in network.parameters():
        if parameter.requires_grad and parameter.is_contiguous() and parameter.stride() != _plain(parameter):
            parameter.register_hook(partial(_respelt, strides=parameter.stride()))


def _plain(tensor: Tensor) -> tuple[int, ...]:
    return torch.empty(tensor.shape, device="meta").stride()


def _respelt(grad: Tensor, *, strides: tuple[int, ...]) -> Tensor:
    sides = zip(grad.shape, grad.stride(), strides, strict=True)
    same = all(size == 1 or ours == theirs for size, ours, theirs in sides)
    return grad.as_strided(grad.shape, strides) if same else grad


def total(local: Tensor) -> Tensor:
    """The sum over ranks of a tensor of equal shape on each; differentiable, any number of times."""
    return local if world_size() == 1 else _Sum.apply(local)  # type: ignore[return-value]


class SynchronisedBatchNorm(nn.Module):
    """Batch norm over the images of all ranks; same parameters, buffers and state-dict keys as the norm it replaces.

    timm's norms may end in a dropout and an activation (`drop`, `act`); they are kept.
    """

    running_mean: Tensor | None
    running_var: Tensor | None

    def __init__(self, norm: _BatchNorm):
        super().__init__()
        self.eps, self.momentum, self.track_running_stats = norm.eps, norm.momentum, norm.track_running_stats
        for name, parameter in norm.named_parameters(recurse=False):
            self.register_parameter(name, parameter)
        for name, buffer in norm.named_buffers(recurse=False):
            self.register_buffer(name, buffer)
        self.drop = getattr(norm, "drop", nn.Identity())
        self.act = getattr(norm, "act", nn.Identity())
        self.train(norm.training)

    def forward(self, x: Tensor) -> Tensor:
        """x [n, c, ...] -> the same shape."""
        weight, bias = getattr(self, "weight", None), getattr(self, "bias", None)
        if not self.training:
            y = F.batch_norm(x, self.running_mean, self.running_var, weight, bias, False, 0.0, self.eps)
            return self.act(self.drop(y))
        with torch.autocast(x.device.type, enabled=False):
            y = self._normalise(x.float() if x.dtype in (torch.bfloat16, torch.float16) else x)
            shape = (1, -1, *(1 for _ in x.shape[2:]))
            if weight is not None and bias is not None:
                y = y * weight.view(shape) + bias.view(shape)
        return self.act(self.drop(y.to(x.dtype)))

    def _normalise(self, x: Tensor) -> Tensor:
        axes = [0, *range(2, x.ndim)]
        shape = (1, -1, *(1 for _ in x.shape[2:]))
        count = total(x.new_tensor(float(x.numel() // x.shape[1])))
        mean = total(x.sum(axes)) / count
        centred = x - mean.view(shape)
        variance = total(centred.square().sum(axes)) / count
        if self.track_running_stats:
            self._track(mean.detach(), variance.detach() * count / (count - 1))
        return centred * (variance + self.eps).rsqrt().view(shape)

    @torch.no_grad()
    def _track(self, mean: Tensor, variance: Tensor) -> None:
        assert isinstance(self.running_mean, Tensor)
        assert isinstance(self.running_var, Tensor)
        assert isinstance(self.num_batches_tracked, Tensor)
        self.num_batches_tracked.add_(1)
        momentum = 1.0 / float(self.num_batches_tracked) if self.momentum is None else self.momentum
        self.running_mean.lerp_(mean.to(self.running_mean.dtype), momentum)
        self.running_var.lerp_(variance.to(self.running_var.dtype), momentum)


def synchronise_norms(module: nn.Module) -> nn.Module:
    """Replaces each batch norm inside module (in place) by a SynchronisedBatchNorm of the same tensors."""
    for name, child in module.named_children():
        if isinstance(child, _BatchNorm):
            setattr(module, name, SynchronisedBatchNorm(child))
        else:
            synchronise_norms(child)
    return module
