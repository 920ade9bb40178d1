"""Operations on top of a view, each image its own by its key: RandAugment's, as arithmetic (arXiv:1909.13719)."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from holdfast.data.views import colour
from holdfast.randomness import fold, uniform

Operation = Callable[[Tensor, Tensor], Tensor]
"""images [m, 3, h, w] in [0, 1] and amounts [m] in [-1, 1] -> images; an amount of 0 changes nothing."""


def _factor(amount: Tensor) -> Tensor:
    return 1 + 0.9 * amount


def _affine(images: Tensor, rows: Tensor) -> Tensor:
    """Each image by its own matrix [m, 2, 3] in half widths; grey where it reaches outside."""
    grid = F.affine_grid(rows, list(images.shape), align_corners=False)
    return F.grid_sample(images - 0.5, grid, align_corners=False) + 0.5


def _matrix(a: Tensor, b: Tensor, c: Tensor, d: Tensor, x: Tensor | None = None, y: Tensor | None = None) -> Tensor:
    zero = torch.zeros_like(a)
    return torch.stack(
        [torch.stack([a, b, zero if x is None else x], 1), torch.stack([c, d, zero if y is None else y], 1)], 1
    )


def _rotate(images: Tensor, amount: Tensor) -> Tensor:
    angle = torch.deg2rad(30 * amount)
    return _affine(images, _matrix(angle.cos(), -angle.sin(), angle.sin(), angle.cos()))


def _shear(images: Tensor, amount: Tensor) -> Tensor:
    one = torch.ones_like(amount)
    return _affine(images, _matrix(one, 0.3 * amount, torch.zeros_like(amount), one))


def _across(images: Tensor, amount: Tensor) -> Tensor:
    one, none = torch.ones_like(amount), torch.zeros_like(amount)
    return _affine(images, _matrix(one, none, none, one, x=0.9 * amount))


def _down(images: Tensor, amount: Tensor) -> Tensor:
    one, none = torch.ones_like(amount), torch.zeros_like(amount)
    return _affine(images, _matrix(one, none, none, one, y=0.9 * amount))


def _posterize(images: Tensor, amount: Tensor) -> Tensor:
    levels = (2 ** (8 - 4 * amount.abs()).round() - 1)[:, None, None, None]
    return (images * levels).round() / levels


def _solarize(images: Tensor, amount: Tensor) -> Tensor:
    return torch.where(images >= 1 - amount.abs()[:, None, None, None] + 1e-6, 1 - images, images)


def _stretch(images: Tensor, amount: Tensor) -> Tensor:
    """Towards a contrast that fills [0, 1] in each channel."""
    low, high = images.amin((2, 3), keepdim=True), images.amax((2, 3), keepdim=True)
    full = (images - low) / (high - low).clamp(min=1 / 255)
    return torch.lerp(images, full, amount.abs()[:, None, None, None])


OPERATIONS: dict[str, Operation] = {
    "brightness": lambda images, amount: colour.adjust_brightness(images, _factor(amount)),
    "contrast": lambda images, amount: colour.adjust_contrast(images, _factor(amount)),
    "saturation": lambda images, amount: colour.adjust_saturation(images, _factor(amount)),
    "rotate": _rotate,
    "shear": _shear,
    "across": _across,
    "down": _down,
    "posterize": _posterize,
    "solarize": _solarize,
    "stretch": _stretch,
}
"""By name, in the order in which they are drawn."""


def extra_operations(images: Tensor, *, chance: Tensor, strength: Tensor, keys: Tensor, count: int) -> Tensor:
    """Views [v, n, 3, h, w] in [0, 1] with up to count operations more, one after the other.

    chance: [n], of each operation of an image; strength: [v, n] in [0, 1]; keys: int64 [v, n]. Which operation, whether
    and in which direction depend on a view's own key alone.
    """
    shape, flat = images.shape, images.flatten(0, 1)
    for number in range(count):
        draw = uniform(fold(keys, number + 1), 3)
        applied = (draw[..., 0] < chance).flatten()
        which = (draw[..., 1] * len(OPERATIONS)).long().flatten()
        amount = (strength * (1 - 2 * (draw[..., 2] < 0.5).to(strength))).flatten().to(flat)
        for place, operation in enumerate(OPERATIONS.values()):
            rows = torch.nonzero(applied & (which == place))[:, 0]
            if len(rows):
                flat = flat.index_copy(0, rows, operation(flat[rows], amount[rows]).clamp(0, 1))
    return flat.view(shape)
