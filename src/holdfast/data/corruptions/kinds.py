"""The 15 common corruptions of ImageNet-C and CIFAR-10-C at five strengths (Hendrycks, Dietterich, arXiv:1903.12261).

Generated, not read from the published files: constants are theirs, for 32 and for 224 pixels, draws are keyed by image,
and docs/audits/robustness.md says where a generated one differs.
"""

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from holdfast.data.corruptions import noise
from holdfast.data.images import Images
from holdfast.randomness import fold, key

STRENGTHS = (1, 2, 3, 4, 5)
SMALL_IMAGE = 64
"""Up to this side, in pixels, the constants are CIFAR-10-C's; above, ImageNet-C's."""
_CHUNK = 256

Corrupt = Callable[[Tensor, Tensor, Any], Tensor]
"""(images [n, 3, h, w] in [0, 1], keys [n], constants of the strength) -> images, not yet clamped."""


@dataclass(frozen=True)
class Corruption:
    """One kind: how it is made, and its constants by strength."""

    make: Corrupt
    small: tuple[Any, ...]
    """CIFAR-10-C's, strengths 1 to 5."""
    large: tuple[Any, ...]
    """ImageNet-C's, strengths 1 to 5."""


def corrupt(images: Images, name: str, *, strength: int, seed: int = 0) -> Images:
    """These images, corrupted: ids, labels and size stay.

    name: a key of CORRUPTIONS. strength: 1 (weakest) to 5. Draws depend on seed, name, strength and id. The constants
    are CIFAR-10-C's up to 64 pixels and ImageNet-C's above; the two sizes they were made for are 32 and 224.
    Raises ValueError for an unknown name or strength.
    """
    if name not in CORRUPTIONS or strength not in STRENGTHS:
        raise ValueError(
            f"expected a corruption of {', '.join(CORRUPTIONS)} at strength 1 to 5, got {name!r} at {strength!r}"
        )
    kind = CORRUPTIONS[name]
    constants = (kind.small if images.pixels.shape[-1] <= SMALL_IMAGE else kind.large)[strength - 1]
    keys = fold(key(seed, f"corruption {name}", strength), images.ids.cpu())
    parts = []
    for rows in torch.arange(len(images)).split(_CHUNK):
        made = kind.make(images.floats(rows), keys[rows], constants)
        parts.append((made.clamp(0, 1) * 255).to(torch.uint8))  # cut off, not rounded, as in the published files
    return replace(images, pixels=torch.cat(parts), source=f"{images.source}, {name} {strength}")


def _gaussian_noise(images: Tensor, keys: Tensor, deviation: float) -> Tensor:
    return images + deviation * noise.normal(keys, images.shape[1:]).to(images.device)


def _shot_noise(images: Tensor, keys: Tensor, photons: float) -> Tensor:
    rates = (images * photons).cpu()
    drawn = [torch.poisson(rate, generator=noise.generator(k)) for rate, k in zip(rates, keys.tolist(), strict=True)]
    return torch.stack(drawn).to(images.device) / photons


def _impulse_noise(images: Tensor, keys: Tensor, share: float) -> Tensor:
    draws = noise.uniform(keys, images.shape[1:]).to(images.device)
    return torch.where(draws < share, (draws < share / 2).to(images.dtype), images)


def _defocus_blur(images: Tensor, keys: Tensor, constants: tuple[float, float]) -> Tensor:
    radius, alias = constants
    return noise.filtered(images, noise.disk(radius, alias).to(images.device))


def _glass_blur(images: Tensor, keys: Tensor, constants: tuple[float, int, int]) -> Tensor:
    sigma, reach, times = constants
    images = noise.smooth(images, sigma)
    for number in range(times):
        images = noise.shuffled(images, fold(keys, number), reach)
    return noise.smooth(images, sigma)


def _motion_blur(images: Tensor, keys: Tensor, constants: tuple[float, float]) -> Tensor:
    angles = noise.uniform(keys, (1,))[:, 0] * 90 - 45
    return noise.motion(images, angles.to(images.device), *constants)


def _zoom_blur(images: Tensor, keys: Tensor, constants: tuple[int, int]) -> Tensor:
    """constants: the step and the last of the factors, in hundredths above 1.

    Theirs are numpy's arange(1, 1.06, 0.01) and so on, whose rounding includes the end of the first two.
    """
    factors = [1 + hundredths / 100 for hundredths in range(0, constants[1] + 1, constants[0])]
    total = images.clone()
    for factor in factors:
        total += noise.zoomed(images, factor)
    return total / (len(factors) + 1)


def _snow(images: Tensor, keys: Tensor, constants: tuple[float, ...]) -> Tensor:
    mean, deviation, zoom, threshold, radius, sigma, kept = constants
    flakes = mean + deviation * noise.normal(keys, (1, *images.shape[2:])).to(images.device)
    flakes = noise.zoomed(flakes, zoom)
    flakes = torch.where(flakes < threshold, 0, flakes).clamp(0, 1)
    angles = noise.uniform(fold(keys, 1), (1,))[:, 0] * 90 - 135
    flakes = noise.motion(flakes, angles.to(images.device), radius, sigma)
    grey = (images * images.new_tensor([0.299, 0.587, 0.114])[:, None, None]).sum(1, keepdim=True)
    pale = kept * images + (1 - kept) * torch.maximum(images, grey * 1.5 + 0.5)
    return pale + flakes + flakes.flip((-2, -1))


def _frost(images: Tensor, keys: Tensor, constants: tuple[float, float]) -> Tensor:
    own, ice = constants
    texture = noise.frost_texture()
    if images.shape[-1] <= SMALL_IMAGE:
        texture = torch.nn.functional.avg_pool2d(texture, 4)  # theirs are shrunk to a fifth for CIFAR
    return own * images + ice * noise.crops(texture, keys, images.shape[2:]).to(images.device)


def _fog(images: Tensor, keys: Tensor, constants: tuple[float, float]) -> Tensor:
    density, decay = constants
    height, width = images.shape[2:]
    clouds = noise.plasma(keys, noise.power_of_two(max(height, width)), decay)[:, None, :height, :width]
    brightest = images.amax((1, 2, 3), keepdim=True)
    return (images + density * clouds.to(images.device)) * brightest / (brightest + density)


def _brightness(images: Tensor, keys: Tensor, shift: float) -> Tensor:
    """Value of hue, saturation, value; the other two stay: colours are scaled together."""
    value = images.amax(1, keepdim=True)
    raised = (value + shift).clamp(max=1)
    return torch.where(value > 0, images * raised / value.clamp(min=1e-8), raised)


def _contrast(images: Tensor, keys: Tensor, factor: float) -> Tensor:
    means = images.mean((2, 3), keepdim=True)
    return (images - means) * factor + means


def _elastic_transform(images: Tensor, keys: Tensor, constants: tuple[float, float, float]) -> Tensor:
    """constants: strength and width of the displacements, and the affine jitter, as shares of the side."""
    side = images.shape[-1] * (1 if images.shape[-1] <= SMALL_IMAGE else 244 / 224)  # theirs are of 244, for 224 pixels
    strength, sigma, jitter = (share * side for share in constants)
    images = noise.affine(images, keys, jitter)
    shifts = 2 * noise.uniform(fold(keys, 1), (2, *images.shape[2:])).to(images.device) - 1
    return noise.displaced(images, strength * noise.smooth(shifts, sigma, truncate=3, border="reflect"))


def _pixelate(images: Tensor, keys: Tensor, share: float) -> Tensor:
    def coarse(picture: Image.Image) -> Image.Image:
        size = picture.size
        small = (max(1, int(size[0] * share)), max(1, int(size[1] * share)))
        return picture.resize(small, Image.Resampling.BOX).resize(size, Image.Resampling.BOX)

    return _by_pillow(images, coarse)


def _jpeg_compression(images: Tensor, keys: Tensor, quality: int) -> Tensor:
    def compressed(picture: Image.Image) -> Image.Image:
        file = io.BytesIO()
        picture.save(file, "JPEG", quality=quality)
        return Image.open(file)

    return _by_pillow(images, compressed)


def _by_pillow(images: Tensor, change: Callable[[Image.Image], Image.Image]) -> Tensor:
    pixels = (images * 255).round().to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()
    changed = np.stack([np.asarray(change(Image.fromarray(picture))) for picture in pixels])
    # Half a level up, so that cutting off gives these bytes back.
    return (torch.from_numpy(changed).permute(0, 3, 1, 2).to(images) + 0.5) / 255


CORRUPTIONS: Mapping[str, Corruption] = {
    "gaussian_noise": Corruption(_gaussian_noise, (0.04, 0.06, 0.08, 0.09, 0.10), (0.08, 0.12, 0.18, 0.26, 0.38)),
    "shot_noise": Corruption(_shot_noise, (500, 250, 100, 75, 50), (60, 25, 12, 5, 3)),
    "impulse_noise": Corruption(_impulse_noise, (0.01, 0.02, 0.03, 0.05, 0.07), (0.03, 0.06, 0.09, 0.17, 0.27)),
    "defocus_blur": Corruption(
        _defocus_blur,
        ((0.3, 0.4), (0.4, 0.5), (0.5, 0.6), (1, 0.2), (1.5, 0.1)),
        ((3, 0.1), (4, 0.5), (6, 0.5), (8, 0.5), (10, 0.5)),
    ),
    "glass_blur": Corruption(
        _glass_blur,
        ((0.05, 1, 1), (0.25, 1, 1), (0.4, 1, 1), (0.25, 1, 2), (0.4, 1, 2)),
        ((0.7, 1, 2), (0.9, 2, 1), (1, 2, 3), (1.1, 3, 2), (1.5, 4, 2)),
    ),
    "motion_blur": Corruption(
        _motion_blur,
        ((6, 1), (6, 1.5), (6, 2), (8, 2), (9, 2.5)),
        ((10, 3), (15, 5), (15, 8), (15, 12), (20, 15)),
    ),
    "zoom_blur": Corruption(
        _zoom_blur,
        ((1, 6), (1, 11), (1, 15), (1, 20), (1, 25)),
        ((1, 11), (1, 15), (2, 20), (2, 24), (3, 30)),
    ),
    "snow": Corruption(
        _snow,
        (
            (0.1, 0.2, 1, 0.6, 8, 3, 0.95),
            (0.1, 0.2, 1, 0.5, 10, 4, 0.9),
            (0.15, 0.3, 1.75, 0.55, 10, 4, 0.9),
            (0.25, 0.3, 2.25, 0.6, 12, 6, 0.85),
            (0.3, 0.3, 1.25, 0.65, 14, 12, 0.8),
        ),
        (
            (0.1, 0.3, 3, 0.5, 10, 4, 0.8),
            (0.2, 0.3, 2, 0.5, 12, 4, 0.7),
            (0.55, 0.3, 4, 0.9, 12, 8, 0.7),
            (0.55, 0.3, 4.5, 0.85, 12, 8, 0.65),
            (0.55, 0.3, 2.5, 0.85, 12, 12, 0.55),
        ),
    ),
    "frost": Corruption(
        _frost,
        ((1, 0.2), (1, 0.3), (0.9, 0.4), (0.85, 0.4), (0.75, 0.45)),
        ((1, 0.4), (0.8, 0.6), (0.7, 0.7), (0.65, 0.7), (0.6, 0.75)),
    ),
    "fog": Corruption(
        _fog,
        ((0.2, 3), (0.5, 3), (0.75, 2.5), (1, 2), (1.5, 1.75)),
        ((1.5, 2), (2, 2), (2.5, 1.7), (2.5, 1.5), (3, 1.4)),
    ),
    "brightness": Corruption(_brightness, (0.05, 0.1, 0.15, 0.2, 0.3), (0.1, 0.2, 0.3, 0.4, 0.5)),
    "contrast": Corruption(_contrast, (0.75, 0.5, 0.4, 0.3, 0.15), (0.4, 0.3, 0.2, 0.1, 0.05)),
    "elastic_transform": Corruption(
        _elastic_transform,
        ((0, 0, 0.08), (0.05, 0.2, 0.07), (0.08, 0.06, 0.06), (0.1, 0.04, 0.05), (0.1, 0.03, 0.03)),
        ((2, 0.7, 0.1), (2, 0.08, 0.2), (0.05, 0.01, 0.02), (0.07, 0.01, 0.02), (0.12, 0.01, 0.02)),
    ),
    "pixelate": Corruption(_pixelate, (0.95, 0.9, 0.85, 0.75, 0.65), (0.6, 0.5, 0.4, 0.3, 0.25)),
    "jpeg_compression": Corruption(_jpeg_compression, (80, 65, 58, 50, 40), (25, 18, 15, 10, 7)),
}
"""By name, in the papers' order: noise, blur, weather, digital."""
