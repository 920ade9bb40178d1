"""Crops, flips and blurs as matrix products: one matrix for the rows of an image, one for its columns.

A crop with a flip and an antialiased resize is linear in the pixels and separable, so a batch of them, each with its
own box, is two batched matrix products. The same holds for a Gaussian blur with reflected borders.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor


def _triangle(distance: Tensor) -> Tensor:
    return (1 - distance.abs()).clamp_(min=0)


def _cubic(distance: Tensor) -> Tensor:
    """Keys' cubic with a = -0.5 (PIL's, and torch's antialiased one) as a sum of two truncated polynomials."""
    distance = distance.abs()
    near, far = (1 - distance).clamp_(min=0), (2 - distance).clamp_(min=0)
    return (near * near).mul_(1 - 2 * near).add_((far * far).mul_(0.5 * far - 0.5))


def _lanczos(distance: Tensor) -> Tensor:
    """PIL's, with three lobes."""
    return torch.sinc(distance).mul_(torch.sinc(distance / 3)).masked_fill_(distance.abs() >= 3, 0)


FILTERS = {"bilinear": _triangle, "bicubic": _cubic, "lanczos": _lanczos}


def separable(images: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """rows @ image @ columns^T per channel: images [n, c, h, w], rows [n, H, h], columns [n, W, w] -> [n, c, H, W].

    In the images' own precision also under autocast: a bfloat16 pixel has fewer bits than a stored one.
    """
    n, channels, height, _ = images.shape
    with torch.autocast(images.device.type, enabled=False):
        wide = images.flatten(1, 2) @ columns.mT
        return rows[:, None] @ wide.view(n, channels, height, columns.shape[1])


def _axis_weights(
    start: Tensor, length: Tensor, flip: Tensor | None, pixels: int, size: int, interpolation: str, dtype: torch.dtype
) -> Tensor:
    """[n, size, pixels]: what each of `pixels` gives to each of the `size` resampled ones; rows sum to 1."""
    steps = torch.arange(size, device=start.device, dtype=torch.float64) + 0.5
    if flip is not None:
        steps = torch.where(flip[:, None], size - steps, steps)
    scale = length.double()[:, None] / size
    centre = start[:, None] + scale * steps
    whole = centre.floor()  # apart from the fraction, so that float32 keeps distances exact in large images too
    position = torch.arange(pixels, device=start.device)
    distance = position.to(dtype) - whole.to(dtype)[..., None]
    distance = distance.sub_((centre - whole - 0.5).to(dtype)[..., None]).div_(scale.clamp(min=1).to(dtype)[..., None])
    inside = (position >= start[:, None]) & (position < (start + length)[:, None])
    weights = FILTERS[interpolation](distance).mul_(inside[:, None].to(dtype))
    return weights.div_(weights.sum(-1, keepdim=True))


def resample(
    images: Tensor,
    *,
    top: Tensor,
    left: Tensor,
    height: Tensor,
    width: Tensor,
    flip: Tensor,
    size: int,
    interpolation: str = "bilinear",
) -> Tensor:
    """Crops, resizes with antialiasing and flips each image by its own box: [n, c, h, w] -> [n, c, size, size].

    Boxes are int64 [n] in pixels, flip is bool [n]. Equals torchvision's resized_crop(antialias=True), then
    horizontal_flip, image by image. Bicubic weights are negative in places, so values may leave [0, 1]; like
    torchvision on floats this function does not clamp. Differentiable in the images.
    """
    if interpolation not in FILTERS:
        raise ValueError(f"expected interpolation {' or '.join(FILTERS)}, got {interpolation!r}; choose one of them")
    dtype, (pixels_y, pixels_x) = images.dtype, images.shape[-2:]
    rows = _axis_weights(top, height, None, pixels_y, size, interpolation, dtype)
    columns = _axis_weights(left, width, flip, pixels_x, size, interpolation, dtype)
    return separable(images, rows, columns)


def resized(images: Tensor, *, height: int, width: int, interpolation: str = "bicubic") -> Tensor:
    """Whole images, or maps of features, in another size with antialiasing: [n, c, h, w] -> [n, c, height, width].

    Not clamped. Differentiable in the images, which come back as they are where the size is their own.
    """
    start = torch.zeros(1, dtype=torch.int64, device=images.device)
    rows, columns = (
        _axis_weights(start, start + pixels, None, pixels, size, interpolation, images.dtype)
        for pixels, size in zip(images.shape[-2:], (height, width), strict=True)
    )
    return separable(images, rows, columns)


def blur_radius(sigma: float, size: int) -> int:
    """Taps on either side of a Gaussian blur: three standard deviations, or what a reflected border of size allows."""
    return min(math.ceil(3 * sigma), size - 1)


def gaussian_blur(images: Tensor, sigma: Tensor | float, *, radius: int) -> Tensor:
    """Blurs each image [n, c, h, w] by its own standard deviation, [n] or one for all, in pixels, greater than 0.

    Equals torchvision's gaussian_blur with kernel_size = 2 * radius + 1 (borders reflected). Differentiable in both.
    """
    offsets = torch.arange(-radius, radius + 1, device=images.device, dtype=images.dtype)
    sigma = torch.as_tensor(sigma, device=images.device, dtype=images.dtype).reshape(-1, 1)
    with torch.autocast(images.device.type, enabled=False):
        kernels = torch.softmax(-0.5 * (offsets / sigma).square(), dim=-1).expand(len(images), -1)
        rows, columns = (_blur_weights(kernels, pixels) for pixels in images.shape[-2:])
    return separable(images, rows, columns)


def _blur_weights(kernels: Tensor, pixels: int) -> Tensor:
    """[n, pixels, pixels]: kernels [n, 2 * radius + 1] slid along an axis whose borders are reflected."""
    radius = kernels.shape[1] // 2
    if radius >= pixels:
        raise ValueError(
            f"expected a blur radius below the {pixels} pixels of the image, got {radius}; see blur_radius"
        )
    identity = torch.eye(pixels, device=kernels.device, dtype=kernels.dtype)
    taps = F.pad(identity[None], (radius, radius), mode="reflect")[0].unfold(1, kernels.shape[1], 1)
    return torch.einsum("nk,pik->nip", kernels, taps)
