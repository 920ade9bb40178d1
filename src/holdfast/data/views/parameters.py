"""What views are made with: a table of parameters, drawn by keys or neutral."""

import math
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any

import torch
from torch import Tensor

from holdfast.config import ViewSettings
from holdfast.data.views.resample import blur_radius
from holdfast.randomness import fold, key, permutation, uniform

ATTEMPTS = 10
"""How often a crop is drawn before the centre of the image is taken, as torchvision does."""
COLOURS = ("brightness", "contrast", "saturation", "hue")
"""The factors of colour jitter, each also the name of its operation and of the setting that bounds it."""
_GATES = ("flip", "jitter", "grey", "blur", "solarize")
_DRAWS = ("top", "left", *_GATES, *COLOURS, "sigma")
"""Which of a sample's draws decides what; the crop attempts follow. To add one, append: an earlier draw then stays."""


@dataclass(frozen=True, kw_only=True)
class Parameters:
    """What `v` views of `n` images are made with. Tensors are [v, n] on one device; the rest holds for all of them."""

    top: Tensor
    """int64: first row of the crop, in pixels of the image."""
    left: Tensor
    """int64: first column of the crop."""
    height: Tensor
    """int64: rows of the crop, at least 1."""
    width: Tensor
    """int64: columns of the crop, at least 1."""
    flip: Tensor
    """bool: mirrored left to right."""
    jitter: Tensor
    """bool: whether the four colour factors are applied."""
    brightness: Tensor
    """Factor, 1 is neutral."""
    contrast: Tensor
    """Factor, 1 is neutral."""
    saturation: Tensor
    """Factor, 1 is neutral."""
    hue: Tensor
    """Shift in turns of the colour wheel, 0 is neutral."""
    grey: Tensor
    """bool: made grey."""
    blur: Tensor
    """bool: blurred."""
    sigma: Tensor
    """Standard deviation of the blur in pixels of the view, above 0."""
    solarize: Tensor
    """bool: values at or above 0.5 are inverted."""
    order: tuple[tuple[str, ...], ...]
    """For each view, the colour operations in the order they are applied."""
    size: int
    """Side of a view in pixels."""
    interpolation: str
    """'bilinear', 'bicubic' or 'lanczos'."""
    radius: int
    """Taps on either side of the blur's kernel; 0 where nothing is ever blurred."""
    colours: str = "torchvision"
    """Whose colour operations: 'torchvision' or 'invclr'."""

    def map(self, function: Callable[[Tensor], Tensor]) -> "Parameters":
        """The table with a function applied to each tensor."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return replace(self, **{name: function(value) for name, value in values.items() if isinstance(value, Tensor)})

    def to(self, device: torch.device) -> "Parameters":
        """The table on a device."""
        return self.map(lambda tensor: tensor.to(device))


def order_keys(seed: int, purpose: str, *, epoch: int, views: int) -> Tensor:
    """int64 keys [views] on the CPU for the order of the colour operations: one order per view, for all samples."""
    return fold(key(seed, f"{purpose}/order", epoch), torch.arange(views))


def sample(
    keys: Tensor, settings: ViewSettings, *, height: int, width: int, size: int, order_keys: Tensor
) -> Parameters:
    """Draws the parameters of views of size by size pixels, from images of height by width.

    keys: int64 [v, n], one for each view of each sample; order_keys: int64 [v]. A sample's draws are a function of its
    own key, so they are the same in every batch and on every device.
    """
    draws = uniform(keys, len(_DRAWS) + 2 * ATTEMPTS).double()
    draw = dict(zip(_DRAWS, draws.unbind(-1), strict=False))
    box = _boxes(draws[..., len(_DRAWS) :], draw["top"], draw["left"], settings, height, width)
    chances = {name: draw[name] < getattr(settings, name) for name in _GATES}
    factors = {name: _between(draw[name], *colour_limits(settings, name)) for name in COLOURS}
    return Parameters(
        **box,
        **chances,
        **factors,
        sigma=_between(draw["sigma"], settings.blur_min, settings.blur_max),
        order=_orders(order_keys, settings),
        size=size,
        interpolation=settings.interpolation,
        radius=blur_radius(settings.blur_max, size) if settings.blur > 0 else 0,
        colours=settings.colours,
    )


def _between(draw: Tensor, low: float, high: float) -> Tensor:
    """float32: a uniform draw in [0, 1) moved to [low, high)."""
    return (low + (high - low) * draw).float()


def colour_limits(settings: ViewSettings, name: str) -> tuple[float, float]:
    """What a colour factor is drawn from, uniformly."""
    reach = getattr(settings, name)
    return (-reach, reach) if name == "hue" else (max(0.0, 1 - reach), 1 + reach)


def _orders(keys: Tensor, settings: ViewSettings) -> tuple[tuple[str, ...], ...]:
    """One order per view, InvCLR's own always the same; operations whose factor never varies are left out."""
    fixed = settings.colours == "invclr"
    names = (COLOURS if fixed else [COLOURS[i] for i in permutation(key, len(COLOURS)).tolist()] for key in keys.cpu())
    return tuple(tuple(name for name in order if getattr(settings, name) > 0) for order in names)


def _boxes(
    attempts: Tensor, top: Tensor, left: Tensor, settings: ViewSettings, height: int, width: int
) -> dict[str, Tensor]:
    """Crop boxes as torchvision's RandomResizedCrop draws them: the first attempt that fits, else the centre.

    In float64, so that rounding to pixels is the same on every device.
    """
    areas, ratios = attempts.unflatten(-1, (2, ATTEMPTS)).unbind(-2)
    areas = height * width * (settings.crop_min + (settings.crop_max - settings.crop_min) * areas)
    low, high = math.log(settings.ratio_min), math.log(settings.ratio_max)
    ratios = torch.exp(low + (high - low) * ratios)
    rows, columns = torch.sqrt(areas / ratios).round().long(), torch.sqrt(areas * ratios).round().long()
    fits = (rows > 0) & (rows <= height) & (columns > 0) & (columns <= width)
    first = fits.byte().argmax(-1, keepdim=True)
    centre = _centre_crop(settings, height, width)
    found = fits.any(-1)
    rows = torch.where(found, rows.gather(-1, first)[..., 0], centre[0])
    columns = torch.where(found, columns.gather(-1, first)[..., 0], centre[1])
    return {
        "top": torch.where(found, (top * (height - rows + 1)).long(), (height - rows) // 2),
        "left": torch.where(found, (left * (width - columns + 1)).long(), (width - columns) // 2),
        "height": rows,
        "width": columns,
    }


def _centre_crop(settings: ViewSettings, height: int, width: int) -> tuple[int, int]:
    """Rows and columns of the largest box whose ratio is allowed."""
    if width / height < settings.ratio_min:
        return round(width / settings.ratio_min), width
    if width / height > settings.ratio_max:
        return height, round(height * settings.ratio_max)
    return height, width


def identity_parameters(
    *, views: int, n: int, height: int, width: int, size: int | None = None, interpolation: str = "bilinear"
) -> Parameters:
    """Parameters [views, n] on the CPU that change nothing but the size: where attacks and gradients in a factor start.

    For derivatives in the colour factors open the jitter gate, which is shut here: replace(p, jitter=~p.jitter).
    """

    def full(value: int | float | bool) -> Tensor:
        return torch.full((views, n), value)

    gates: dict[str, Any] = {name: full(False) for name in _GATES}
    factors: dict[str, Any] = {name: full(0.0 if name == "hue" else 1.0) for name in COLOURS}
    return Parameters(
        **{"top": full(0), "left": full(0), "height": full(height), "width": full(width)},
        **gates,
        **factors,
        sigma=full(1.0),
        order=(COLOURS,) * views,
        size=size or min(height, width),
        interpolation=interpolation,
        radius=0,
    )
