"""Batch norms over the images of all ranks, and gradients laid out as DistributedDataParallel wants them."""

from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.modules.batchnorm import _BatchNorm

from holdfast.distributed.collectives import total


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
            y = self._normalise(x.float() if x.dtype in (torch.bfloat16, torch.float16) else x, weight, bias)
        return self.act(self.drop(y.to(x.dtype)))

    def _normalise(self, x: Tensor, weight: Tensor | None, bias: Tensor | None) -> Tensor:
        axes = [0, *range(2, x.ndim)]
        shape = (1, -1, *(1 for _ in x.shape[2:]))
        count = total(x.new_tensor(float(x.numel() // x.shape[1])))
        mean = total(x.sum(axes)) / count
        centred = x - mean.view(shape)
        variance = total(centred.square().sum(axes)) / count
        if self.track_running_stats:
            self._track(mean.detach(), variance.detach() * count / (count - 1))
        scale = (variance + self.eps).rsqrt()
        # One factor for each channel, so that autograd keeps one tensor of x's size, as torch's own norm does.
        y = centred * (scale if weight is None else scale * weight).view(shape)
        return y if bias is None else y + bias.view(shape)

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
