"""Spirograph: curves whose ten parameters are known, half of them to be predicted, half of them nuisances
(arXiv:2010.09515)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from holdfast.data.batches import Batch
from holdfast.randomness import fold as fold_keys
from holdfast.randomness import key, sample_keys, uniform

COLUMNS = ("m", "b", "h", "sigma", "rfore", "rback", "gfore", "gback", "bfore", "bback")
"""Order of the parameters everywhere."""
RANGES: dict[str, tuple[float, float]] = {
    "m": (2.0, 5.0),
    "b": (0.1, 1.1),
    "h": (0.5, 2.5),
    "sigma": (0.25, 1.0),
    "rfore": (0.4, 1.0),
    "rback": (0.0, 0.6),
    "gfore": (0.4, 1.0),
    "gback": (0.0, 0.6),
    "bfore": (0.4, 1.0),
    "bback": (0.0, 0.6),
}
"""What parameters are drawn from, uniformly and independently."""
TARGETS = ("m", "b", "sigma", "rfore")
"""What the paper predicts; the other six are its nuisances, which differ between the views of an image."""
POINTS = 40
EXTENT = 6.0
"""The picture covers -6 to 6 on both axes."""
SMALLEST_PEAK = 1e-8

Normalise = Literal["image", "row"]


def render_spirograph(parameters: Tensor, *, size: int = 32, normalise: Normalise = "image") -> Tensor:
    """Pictures [n, 3, size, size] in [0, 1] of parameters [n, 10], whose columns are COLUMNS.

    A curve's 40 points leave exp(-distance²/sigma) on a grid from -6 to 6, first axis x, second y; the mean over the
    points is divided by its maximum + 1e-8, then blends fore and back colours. normalise: 'image' takes one maximum
    per picture (the paper's text), 'row' one per row of pixels (the authors' code, ae-foster/invclr@6da77d0,
    data/spirograph.py; its pixels differ by up to 0.9995). Differentiable in all ten, any number of times; computed in
    the parameters' own precision. The exponential factorises into a table per axis, so the sum over points is one
    batched product. Raises ValueError.
    """
    _check(parameters, size, normalise)
    with torch.autocast(parameters.device.type, enabled=False):
        ink = _strokes(parameters, size)
        axes = (-2, -1) if normalise == "image" else (-1,)
        peak = ink.amax(axes, keepdim=True) + POINTS * SMALLEST_PEAK  # sums over sums, as means over means
        fore, back = (parameters[:, start::2, None] for start in (4, 5))  # [n, 3, 1]
        contrast = fore - back
        if normalise == "image":
            contrast = contrast / peak  # one number a picture: cheaper in the colours than in the pixels
        else:
            ink = ink / peak
        return torch.baddbmm(back, contrast, ink.flatten(1)[:, None]).unflatten(2, (size, size))  # fast backward


def _check(parameters: Tensor, size: int, normalise: str) -> None:
    if parameters.ndim != 2 or parameters.shape[1] != len(COLUMNS) or not parameters.is_floating_point():
        raise ValueError(
            f"expected floating parameters [n, 10] ({' '.join(COLUMNS)}), got {parameters.dtype} "
            f"{list(parameters.shape)}; give one row per picture"
        )
    if size < 1 or normalise not in ("image", "row"):
        raise ValueError(
            f"expected size of at least 1 and normalise 'image' or 'row', got {size} and {normalise!r}; "
            "the paper's text is 'image', its code 'row'"
        )


def _strokes(parameters: Tensor, size: int) -> Tensor:
    """[n, size, size]: sum over the curve's points of exp(-distance²/sigma)."""
    m, b, h, sigma = parameters[:, :4, None].unbind(1)  # [n, 1] each
    like = {"dtype": parameters.dtype, "device": parameters.device}
    angle = torch.linspace(0, 2 * torch.pi, POINTS, **like)  # both ends, as the authors
    reach, turn = m - h, (m - h) / b * angle
    x = reach * angle.cos() + h * turn.cos()
    y = reach * angle.sin() - h * turn.sin()
    return strokes(x, y, sigma, size=size)


def strokes(x: Tensor, y: Tensor, sigma: Tensor, *, size: int) -> Tensor:
    """[n, size, size], first axis x: sum over points x, y [n, p] of exp(-distance²/sigma) on a grid from -6 to 6.

    sigma: [n, 1], the squared width of the stroke. Differentiable in all three.
    """
    narrow = sigma.rsqrt()  # scales both small tables, so that the large ones take one pass less
    steps = torch.linspace(-EXTENT, EXTENT, size, dtype=x.dtype, device=x.device)
    grid = (steps * narrow)[:, None]  # [n, 1, size]
    across, along = (_Bells.apply(grid, (point * narrow)[..., None]) for point in (x, y))  # [n, p, size]
    return across.mT @ along


class _Bells(torch.autograd.Function):
    """exp(-(grid - points)²) [n, p, s] of grid [n, 1, s] and points [n, p, 1], differentiable any number of times.

    In fewer passes over memory than autograd's own chain of subtraction, square and exponential takes, which makes a
    rendering with its gradient a tenth faster (benchmarks/spirograph.py).
    """

    @staticmethod
    def forward(ctx: Any, grid: Tensor, points: Tensor) -> Tensor:
        apart = grid - points
        bells = apart.square().neg_().exp_()
        ctx.save_for_backward(grid, points, bells)
        return bells

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor]:
        grid, points, bells = ctx.saved_tensors
        slope = gradients[0] * bells * (grid - points)
        return -2 * slope.sum(1, keepdim=True), 2 * slope.sum(2, keepdim=True)


@dataclass(frozen=True)
class SpirographSource:
    """What 'spirograph:COUNT' and the words after it ask for."""

    count: int
    """Images; the first ones of a larger set are those of a smaller one."""
    split: Literal["train", "test"] = "train"
    """The two have draws of their own, fixed once and for all."""
    normalise: Normalise = "image"
    targets: tuple[str, ...] = TARGETS
    """Columns that the views of an image share."""

    @property
    def nuisances(self) -> tuple[str, ...]:
        """Columns that differ between the views of an image, in COLUMNS' order."""
        return tuple(name for name in COLUMNS if name not in self.targets)

    def parameters(self, ids: Tensor) -> Tensor:
        """float32 [n, 10] of the images with these ids [n]: a function of the split and the id alone."""
        return to_ranges(uniform(fold_keys(key(0, f"spirograph {self.split}").to(ids.device), ids), len(COLUMNS)))


def to_ranges(draws: Tensor, columns: Sequence[str] = COLUMNS) -> Tensor:
    """Draws [..., len(columns)] in [0, 1) moved to the columns' ranges."""
    low, high = limits(columns).to(draws.device, draws.dtype)
    return low + (high - low) * draws


def limits(columns: Sequence[str] = COLUMNS) -> Tensor:
    """float64 [2, len(columns)]: the lower and the upper ends of the columns' ranges."""
    return torch.tensor([RANGES[name] for name in columns], dtype=torch.float64).T


def parse_spirograph(source: str) -> SpirographSource:
    """'spirograph:COUNT', then any of ':test', ':row' and ':targets=m,b,...'. Raises ValueError for anything else."""
    _, _, rest = source.partition(":")
    count, *words = rest.split(":")
    settings: dict[str, object] = {}
    for word in words:
        name, joined, value = word.partition("=")
        if word == "test":
            settings["split"] = word
        elif word in ("row", "image"):
            settings["normalise"] = word
        elif name == "targets" and joined and set(value.split(",")) < set(COLUMNS):
            settings["targets"] = tuple(column for column in COLUMNS if column in value.split(","))
        else:
            raise _misspelt(source, word)
    if not count.isdecimal() or int(count) < 1:
        raise _misspelt(source, count)
    return SpirographSource(int(count), **settings)  # type: ignore[arg-type]


def _misspelt(source: str, word: str) -> ValueError:
    return ValueError(
        f"expected spirograph:COUNT, then any of :test, :row, :targets=m,b,sigma,rfore, got {word!r} in {source!r}; "
        f"columns are {', '.join(COLUMNS)}, such as spirograph:100000"
    )


@dataclass(frozen=True)
class SpirographParameters:
    """What Spirograph views were made with."""

    values: Tensor
    """[v, n, 10], columns as COLUMNS."""
    source: SpirographSource
    size: int
    """Side of a view in pixels."""

    def render(self, values: Tensor) -> Tensor:
        """Pictures [n, 3, size, size] of parameters [n, 10], as these views are drawn."""
        return render_spirograph(values, size=self.size, normalise=self.source.normalise)


def draw_spirograph(
    batch: Batch, source: SpirographSource, *, seed: int, size: int, views: int, purpose: str
) -> tuple[Tensor, SpirographParameters]:
    """Views [v, n, 3, size, size] of a batch drawn anew: its images' targets, other nuisances, keyed as crops are."""
    keys = sample_keys(seed, purpose, epoch=batch.epoch, ids=batch.ids, views=views)
    values = source.parameters(batch.ids).expand(views, -1, -1).clone()
    columns = [COLUMNS.index(name) for name in source.nuisances]
    values[..., columns] = to_ranges(uniform(keys, len(columns)), source.nuisances)
    drawn = SpirographParameters(values.to(batch.images.dtype), source, size)
    return drawn.render(drawn.values.flatten(0, 1)).unflatten(0, values.shape[:2]), drawn
