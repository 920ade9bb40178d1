"""Colour operations on a batch, each image by its own factor, equal to torchvision's functionals of the same name.

Images are [n, 3, h, w] floats in [0, 1] and stay in that range; a factor is a tensor [n], or one number for all
images. Every operation is differentiable in the images and in the factor. InvCLR's own ones have names of their own;
its hue may leave [0, 1], which training takes and attacks and audits refuse.
"""

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

_SMALLEST_CHROMA = 1e-8
"""Below this a pixel counts as grey; its hue is divided by this instead of by zero, so gradients stay finite."""


def _per_image(values: Tensor | float, images: Tensor) -> Tensor:
    """values [n] or a scalar, as [n, 1, 1, 1] of the images' device and precision."""
    return torch.as_tensor(values, device=images.device, dtype=images.dtype).reshape(-1, 1, 1, 1)


def luma(images: Tensor) -> Tensor:
    """[n, 1, h, w]: the grey value, with torchvision's weights (which sum to 0.9999)."""
    red, green, blue = images.split(1, dim=1)
    return red.mul(0.2989).add(green, alpha=0.587).add(blue, alpha=0.114)


def to_grey(images: Tensor) -> Tensor:
    """The grey value in all three channels, as torchvision's rgb_to_grayscale; same shape as images."""
    return luma(images).expand_as(images)


def solarize(images: Tensor, threshold: float = 0.5) -> Tensor:
    """Inverts values at or above the threshold."""
    return torch.where(images >= threshold, 1 - images, images)


def adjust_brightness(images: Tensor, factor: Tensor | float) -> Tensor:
    """factor * images, clamped: 0 is black, 1 changes nothing."""
    return images.mul(_per_image(factor, images)).clamp_(0, 1)


def adjust_contrast(images: Tensor, factor: Tensor | float) -> Tensor:
    """Blends with the image's mean grey value, clamped: 0 is that grey, 1 changes nothing."""
    factor = _per_image(factor, images)
    mean = luma(images.mean((-2, -1), keepdim=True))
    return torch.addcmul(mean * (1 - factor), images, factor).clamp_(0, 1)


def adjust_saturation(images: Tensor, factor: Tensor | float) -> Tensor:
    """Blends with the grey image, clamped: 0 is grey, 1 changes nothing."""
    factor = _per_image(factor, images)
    return torch.addcmul(luma(images) * (1 - factor), images, factor).clamp_(0, 1)


def adjust_hue(images: Tensor, shift: Tensor | float) -> Tensor:
    """Turns the hue by shift in [-0.5, 0.5] turns of the colour wheel (HSV); 0 changes nothing but the last bit.

    A channel is the largest one less the chroma times a trapezoid of the hue. Without the six sectors of the textbook
    formula it needs no comparison and no gather, which are several times slower than arithmetic on a CPU.
    """
    red, green, blue = images.split(1, dim=1)
    largest = torch.maximum(torch.maximum(red, green), blue)
    chroma = largest - torch.minimum(torch.minimum(red, green), blue)
    hue = _sixths(red, green, blue, largest, chroma) + 6 * _per_image(shift, images)
    hue = torch.sub(hue, torch.floor(hue / 6), alpha=6)
    weights = torch.cat([2 - (hue - 3).abs(), (hue - 2).abs() - 1, (hue - 4).abs() - 1], dim=1).clamp_(0, 1)
    return torch.addcmul(largest, chroma, weights, value=-1)


def _sixths(red: Tensor, green: Tensor, blue: Tensor, largest: Tensor, chroma: Tensor) -> Tensor:
    """The hue in sixths of a turn, in [-3, 3]: 0 red, 2 green, -2 blue; any value where the chroma is 0.

    From red to cyan the angle is 2 + (green + blue - red - largest) / chroma, on either side of the wheel.
    """
    angle = 2 + (green + blue - red - largest) / chroma.clamp(min=_SMALLEST_CHROMA)
    return torch.copysign(angle, green - blue)


OPERATIONS: Mapping[str, Callable[[Tensor, Tensor | float], Tensor]] = {
    "brightness": adjust_brightness,
    "contrast": adjust_contrast,
    "saturation": adjust_saturation,
    "hue": adjust_hue,
}
"""What colour jitter is made of, by the name of its factor."""


def invclr_luma(images: Tensor) -> Tensor:
    """[n, 1, h, w]: InvCLR's grey value, whose weights sum to 1 (ae-foster/invclr@6da77d0, data/augmentation.py)."""
    red, green, blue = images.split(1, dim=1)
    return red.mul(0.299).add(green, alpha=0.587).add(blue, alpha=0.114)


def invclr_grey(images: Tensor) -> Tensor:
    """InvCLR's grey value in all three channels; same shape as images."""
    return invclr_luma(images).expand_as(images)


def invclr_contrast(images: Tensor, factor: Tensor | float) -> Tensor:
    """As adjust_contrast, with InvCLR's grey value."""
    factor = _per_image(factor, images)
    mean = invclr_luma(images.mean((-2, -1), keepdim=True))
    return torch.addcmul(mean * (1 - factor), images, factor).clamp_(0, 1)


def invclr_saturation(images: Tensor, factor: Tensor | float) -> Tensor:
    """As adjust_saturation, with InvCLR's grey value."""
    factor = _per_image(factor, images)
    return torch.addcmul(invclr_luma(images) * (1 - factor), images, factor).clamp_(0, 1)


_TO_YIQ = ((0.299, 0.587, 0.114), (0.596, -0.274, -0.321), (0.211, -0.523, 0.311))
_FROM_YIQ = ((1.0, 0.956, 0.621), (1.0, -0.272, -0.647), (1.0, -1.107, 1.705))


def invclr_hue(images: Tensor, shift: Tensor | float) -> Tensor:
    """Turns the hue by shift turns as InvCLR does: a rotation of I and Q in YIQ, not clamped.

    With the authors' rounded constants a shift of 0 moves pixels by up to 2.7e-3, and values were seen in [-0.23,
    1.16].
    """
    angle = 2 * torch.pi * _per_image(shift, images)[:, 0]  # [n, 1, 1], or [1, 1, 1] for one number
    forth, back = (images.new_tensor(matrix) for matrix in (_TO_YIQ, _FROM_YIQ))
    with torch.autocast(images.device.type, enabled=False):
        y, i, q = (forth @ images.flatten(2)).unbind(1)  # [n, h * w] each
        cos, sin = angle[..., 0].cos(), angle[..., 0].sin()
        turned = torch.stack([y, cos * i - sin * q, sin * i + cos * q], dim=1)
        return (back @ turned).view_as(images)


INVCLR_OPERATIONS: Mapping[str, Callable[[Tensor, Tensor | float], Tensor]] = {
    "brightness": adjust_brightness,
    "contrast": invclr_contrast,
    "saturation": invclr_saturation,
    "hue": invclr_hue,
}
"""InvCLR's operations, in the fixed order in which it applies them."""


FAMILIES = {"torchvision": (OPERATIONS, to_grey), "invclr": (INVCLR_OPERATIONS, invclr_grey)}
"""Whose operations there are: those of the jitter, and the one that makes grey."""


def jitter(
    images: Tensor,
    factors: Mapping[str, Tensor],
    order: Sequence[str],
    operations: Mapping[str, Callable[[Tensor, Tensor | float], Tensor]] = OPERATIONS,
) -> Tensor:
    """Applies the operations named in order, each with its factors [n]; same shape as images."""
    for name in order:
        images = operations[name](images, factors[name])
    return images
