"""Transformations of graded strength: what the invariance audit moves images with. Pixels stay in [0, 1]."""

import io
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from holdfast.data.views import (
    adjust_brightness,
    adjust_contrast,
    adjust_hue,
    adjust_saturation,
    blur_radius,
    gaussian_blur,
)
from holdfast.randomness import fold, uniform

Apply = Callable[[Tensor, float, Tensor], Tensor]
"""(images [n, 3, h, w] in [0, 1], strength, keys [n]) -> images; a sample's draws depend on its key alone."""


@dataclass(frozen=True)
class Graded:
    """A transformation and the strengths it is measured at; strength 0 changes nothing and is not among them."""

    name: str
    unit: str
    strengths: tuple[float, ...]
    """Ascending, in `unit`; the first is where the local sensitivity is taken."""
    apply: Apply


def _sides(keys: Tensor) -> Tensor:
    """±1 [n]: which way an image is moved, the same at every strength."""
    return 1.0 - 2.0 * (uniform(keys, 1)[:, 0] < 0.5)


def _coloured(operation: Callable[[Tensor, Tensor | float], Tensor], neutral: float) -> Apply:
    def apply(images: Tensor, strength: float, keys: Tensor) -> Tensor:
        return operation(images, neutral + strength * _sides(keys)).clamp(0, 1)

    return apply


def _blurred(images: Tensor, strength: float, keys: Tensor) -> Tensor:
    size = images.shape[-1]
    return gaussian_blur(images, strength * size, radius=blur_radius(strength * size, min(images.shape[-2:]))).clamp(
        0, 1
    )


def _rotated(images: Tensor, strength: float, keys: Tensor) -> Tensor:
    angle = torch.deg2rad(strength * _sides(keys))
    return _resampled(images, angle, torch.ones_like(angle), torch.zeros(len(keys), 2, device=images.device))


def _scaled(images: Tensor, strength: float, keys: Tensor) -> Tensor:
    """A square of side 1 - strength, somewhere in the image, enlarged to all of it."""
    centres = (2 * uniform(fold(keys, 1), 2) - 1) * strength
    return _resampled(
        images, torch.zeros(len(keys), device=images.device), images.new_full((len(keys),), 1 - strength), centres
    )


def _resampled(images: Tensor, angle: Tensor, side: Tensor, centres: Tensor) -> Tensor:
    """Bilinear, borders mirrored; angle [n] in radians, side [n] and centres [n, 2] as shares of half the image."""
    cos, sin = side * angle.cos(), side * angle.sin()
    matrix = torch.stack([cos, -sin, centres[:, 0], sin, cos, centres[:, 1]], dim=1).view(-1, 2, 3)
    grid = F.affine_grid(matrix, list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, mode="bilinear", padding_mode="reflection", align_corners=False).clamp(0, 1)


def _noisy(images: Tensor, strength: float, keys: Tensor) -> Tensor:
    draws = uniform(fold(keys, 2), math.prod(images.shape[1:])) + 2.0**-25  # never 0, where the quantile is infinite
    noise = math.sqrt(2) * torch.erfinv(2 * draws - 1).view_as(images)
    return (images + strength * noise).clamp(0, 1)


def _compressed(images: Tensor, strength: float, keys: Tensor) -> Tensor:
    return torch.stack([_jpeg(image, round(100 - strength)) for image in images.cpu()]).to(images.device)


def _jpeg(image: Tensor, quality: int) -> Tensor:
    pixels = (255 * image).round().to(torch.uint8).permute(1, 2, 0).contiguous().numpy()
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format="JPEG", quality=quality)
    decoded = np.array(Image.open(file))
    return torch.from_numpy(decoded).permute(2, 0, 1).float() / 255


GRADED = (
    Graded("brightness", "factor ±", (0.1, 0.2, 0.4, 0.8), _coloured(adjust_brightness, 1.0)),
    Graded("contrast", "factor ±", (0.1, 0.2, 0.4, 0.8), _coloured(adjust_contrast, 1.0)),
    Graded("saturation", "factor ±", (0.1, 0.2, 0.4, 0.8), _coloured(adjust_saturation, 1.0)),
    Graded("hue", "turns ±", (0.025, 0.05, 0.1, 0.25), _coloured(adjust_hue, 0.0)),
    Graded("blur", "sigma, share of the side", (0.02, 0.04, 0.08, 0.12), _blurred),
    Graded("rotation", "degrees ±", (5.0, 10.0, 20.0, 45.0), _rotated),
    Graded("scale", "share of the side cropped away", (0.1, 0.2, 0.35, 0.5), _scaled),
    Graded("noise", "standard deviation in pixels of [0, 1]", (0.02, 0.05, 0.1, 0.2), _noisy),
    Graded("jpeg", "100 - quality", (25.0, 50.0, 75.0, 90.0), _compressed),
)
"""Each applies to an image with a sign, a place or a noise of its own, drawn by its key."""
COLOURS = ("brightness", "contrast", "saturation", "hue")
