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
FAINTEST = 80.0
"""exp(-80), 2e-35, in place of all that is fainter."""

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
        if normalise == "image" and parameters.requires_grad and torch.is_grad_enabled():
            return _Pictures.apply(parameters, size)  # type: ignore[return-value]
        return _by_autograd(parameters, size, normalise)


def _by_autograd(parameters: Tensor, size: int, normalise: Normalise) -> Tensor:
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


class _Pictures(torch.autograd.Function):
    """render_spirograph with its gradient in few passes over memory: a third of autograd's time.

    The exponents are -(grid - point)²/sigma, so all that the points and sigma need of the gradient by the bells are its
    moments over the grid, the sums with 1, grid and grid². Derivatives of the gradient are autograd's own.
    """

    @staticmethod
    def forward(ctx: Any, parameters: Tensor, size: int) -> Tensor:
        m, b, h, sigma = parameters[:, :4, None].unbind(1)
        grid = _grid(size, parameters)
        x, y = _points(m, b, h, _angles(parameters))
        points, narrow = torch.stack([x, y]), sigma.rsqrt()
        apart = (grid * narrow)[:, None] - (points * narrow)[..., None]  # [2, n, p, size]
        bells = apart.square_().clamp_(max=FAINTEST).neg_().exp_()  # where exp gives no float32 it takes thrice as long
        ink = (bells[0].mT @ bells[1]).flatten(1)
        top, brightest = ink.max(1, keepdim=True)
        fore, back = (parameters[:, start::2, None] for start in (4, 5))
        contrast = (fore - back) / (top[..., None] + POINTS * SMALLEST_PEAK)
        ctx.save_for_backward(parameters, points, bells, ink, top, brightest, contrast)
        return torch.baddbmm(back, contrast, ink[:, None]).unflatten(2, (size, size))

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        parameters, points, bells, ink, top, brightest, contrast = ctx.saved_tensors
        size = bells.shape[-1]
        if torch.is_grad_enabled():  # somebody will differentiate the gradient
            pictures = _by_autograd(parameters, size, "image")
            return torch.autograd.grad(pictures, parameters, gradients[0], create_graph=True)[0], None
        by_pixel, found = gradients[0].flatten(2), torch.empty_like(parameters)
        by_contrast = (ink[:, None] @ by_pixel.mT)[:, 0]  # the product with a column is seven times as slow
        found[:, 4::2] = by_contrast / (top + POINTS * SMALLEST_PEAK)
        found[:, 5::2] = by_pixel.sum(2) - found[:, 4::2]
        by_top = (found[:, 4::2] * contrast[..., 0]).sum(1, keepdim=True)
        by_ink = (contrast.mT @ by_pixel)[:, 0].scatter_add_(1, brightest, -by_top).unflatten(1, (size, size))
        by_exponent = torch.empty_like(bells)
        torch.bmm(bells[1], by_ink.mT, out=by_exponent[0])
        torch.bmm(bells[0], by_ink, out=by_exponent[1])
        found[:, :4] = _of_curves(parameters, points, by_exponent.mul_(bells))
        return found, None


def _of_curves(parameters: Tensor, points: Tensor, by_exponent: Tensor) -> Tensor:
    """[n, 4]: the gradient by m, b, h and sigma, of that by the exponents [2, n, p, size]."""
    m, b, h, sigma = parameters[:, :4, None].unbind(1)
    grid = _grid(by_exponent.shape[-1], parameters)
    total, first, second = by_exponent.sum(-1), by_exponent @ grid, by_exponent @ grid.square()  # [2, n, p] each
    by_point = 2 * (first - points * total) / sigma
    by_sigma = (second - 2 * points * first + points.square() * total).sum((0, 2)) / sigma[:, 0].square()
    angle = _angles(parameters)
    turn = (m - h) / b * angle
    cosine, sine, (by_x, by_y) = turn.cos(), turn.sin(), by_point
    by_turn = -h * (by_x * sine + by_y * cosine)
    by_ratio = by_turn @ angle  # [n]
    by_reach = by_x @ angle.cos() + by_y @ angle.sin() + by_ratio / b[:, 0]
    by_h = (by_x * cosine - by_y * sine).sum(1) - by_reach
    return torch.stack([by_reach, -by_ratio * ((m - h) / b.square())[:, 0], by_h, by_sigma], 1)


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
    return strokes(*_points(m, b, h, _angles(parameters)), sigma, size=size)


def _angles(like: Tensor) -> Tensor:
    return torch.linspace(0, 2 * torch.pi, POINTS, dtype=like.dtype, device=like.device)  # both ends, as the authors


def _points(m: Tensor, b: Tensor, h: Tensor, angle: Tensor) -> tuple[Tensor, Tensor]:
    reach, turn = m - h, (m - h) / b * angle
    return reach * angle.cos() + h * turn.cos(), reach * angle.sin() - h * turn.sin()


def _grid(size: int, like: Tensor) -> Tensor:
    return torch.linspace(-EXTENT, EXTENT, size, dtype=like.dtype, device=like.device)


def strokes(x: Tensor, y: Tensor, sigma: Tensor, *, size: int) -> Tensor:
    """[n, size, size], first axis x: sum over points x, y [n, p] of exp(-distance²/sigma) on a grid from -6 to 6.

    sigma: [n, 1], the squared width of the stroke. Differentiable in all three.
    """
    narrow = sigma.rsqrt()  # scales both small tables, so that the large ones take one pass less
    grid = (_grid(size, x) * narrow)[:, None]  # [n, 1, size]
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
