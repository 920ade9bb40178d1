"""Strided convolutions on maps so small that a part of the kernel meets only padding, in bf16 on a processor.

There the gradient of that part of the weights, 0 by definition, is left unwritten by torch 2.15.0 on a processor with
AVX512-bf16: whatever the memory held reaches the optimiser (findings/torch-2.15-bf16-gradient-of-unreached-taps.sh).
"""

import torch
from torch import Tensor, nn


class ExactConv2d(nn.Conv2d):
    """nn.Conv2d that computes in float32 where its kernel reaches beyond a small map and autocast is on for the CPU."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002  # torch's name
        if input.device.type == "cpu" and torch.is_autocast_enabled("cpu") and self.unreached(input):
            with torch.autocast("cpu", enabled=False):
                return super().forward(input.float())
        return super().forward(input)

    def unreached(self, images: Tensor) -> bool:
        """Whether a row or column of the kernel meets only padding on images [n, c, h, w]."""
        if isinstance(self.padding, str):
            return False  # torch allows 'same' and 'valid' words; 'same' only without stride
        return any(
            not _covers(*place)
            for place in zip(images.shape[-2:], self.kernel_size, self.stride, self.padding, self.dilation, strict=True)
        )


def _covers(size: int, kernel: int, stride: int, padding: int, dilation: int) -> bool:
    """Whether each of a kernel's taps meets a pixel at one place at least."""
    places = (size + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1
    taps = (dilation * tap - padding for tap in range(kernel))
    return all(any(0 <= tap + stride * place < size for place in range(places)) for tap in taps)


def exact_strides(network: nn.Module) -> None:
    """Makes the strided convolutions of a network that trains ExactConv2d, in place; weights and names stay."""
    for module in network.modules():
        if type(module) is nn.Conv2d and max(module.stride) > 1:
            module.__class__ = ExactConv2d
