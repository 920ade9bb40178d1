"""What common corruptions are made of: keyed noise, blurs, clouds, zooms and displacements (arXiv:1903.12261).

Images are [n, c, h, w] floats; keys [n] int64 on the CPU decide every draw, each image's by its own key.
"""

import math
from collections.abc import Sequence
from functools import cache
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from holdfast.randomness import fold, key


def generator(number: int) -> torch.Generator:
    """A CPU generator for one image's draws."""
    return torch.Generator().manual_seed(number & (2**63 - 1))


def normal(keys: Tensor, shape: Sequence[int]) -> Tensor:
    """Standard normal draws [n, *shape], float32 on the CPU."""
    return torch.stack([torch.randn(list(shape), generator=generator(k)) for k in keys.tolist()])


def uniform(keys: Tensor, shape: Sequence[int]) -> Tensor:
    """Draws from [0, 1), [n, *shape], float32 on the CPU."""
    return torch.stack([torch.rand(list(shape), generator=generator(k)) for k in keys.tolist()])


def smooth(
    images: Tensor, sigma: float, *, truncate: float = 4.0, border: Literal["nearest", "reflect"] = "nearest"
) -> Tensor:
    """A Gaussian blur cut off at truncate standard deviations; borders are repeated or mirrored, however wide it is."""
    if sigma <= 0:
        return images
    radius = int(truncate * sigma + 0.5)
    taps = torch.arange(-radius, radius + 1)
    weights = torch.softmax(-0.5 * (taps / sigma).double().square(), 0)
    rows, columns = (_band(size, taps, weights, border).to(images) for size in images.shape[-2:])
    return rows @ images @ columns.T


def _band(size: int, taps: Tensor, weights: Tensor, border: str) -> Tensor:
    """[size, size]: each row the weights around its place."""
    places = torch.arange(size)[:, None] + taps
    if border == "nearest":
        places = places.clamp(0, size - 1)
    else:
        places = places.remainder(2 * size)
        places = torch.where(places < size, places, 2 * size - 1 - places)
    return torch.zeros(size, size, dtype=torch.float64).scatter_add_(1, places, weights.expand(size, -1).contiguous())


def disk(radius: float, alias: float) -> Tensor:
    """A disk [k, k] that sums to 1, its edge softened by a Gaussian of standard deviation alias."""
    reach = 8 if radius <= 8 else math.ceil(radius)
    squares = torch.arange(-reach, reach + 1).double().square()
    whole = (squares[:, None] + squares <= radius**2).double()
    taps = torch.arange(-1, 2) if radius <= 8 else torch.arange(-2, 3)
    edge = torch.softmax(-0.5 * (taps / alias).double().square(), 0)
    pad = len(taps) // 2
    soft = F.conv2d(F.pad(whole[None, None], (2 * pad,) * 4), (edge[:, None] * edge)[None, None])[0, 0]
    used = soft.amax(0).nonzero()
    soft = soft[used.min() : used.max() + 1, used.min() : used.max() + 1]
    return (soft / soft.sum()).float()


def filtered(images: Tensor, kernel: Tensor) -> Tensor:
    """Each channel under a kernel [k, k] of odd size; borders are mirrored without repeating the outermost pixel."""
    channels, pad = images.shape[1], kernel.shape[0] // 2
    padded = F.pad(images, (pad,) * 4, mode="reflect")
    return F.conv2d(padded, kernel.expand(channels, 1, -1, -1).contiguous(), groups=channels)


def shuffled(images: Tensor, keys: Tensor, reach: int) -> Tensor:
    """Each pixel takes that of a neighbour, -reach to reach - 1 rows and columns away; a rim stays: the first
    reach + 1 and the last reach - 1 rows and columns, as in the original's loops."""
    n, _, height, width = images.shape
    draws = (uniform(keys, (2, height, width)) * 2 * reach).long().to(images.device) - reach
    rows, columns = torch.meshgrid(*(torch.arange(s, device=images.device) for s in (height, width)), indexing="ij")
    inner = (rows > reach) & (rows <= height - reach) & (columns > reach) & (columns <= width - reach)
    rows, columns = (torch.where(inner, place + draws[:, i], place) for i, place in enumerate((rows, columns)))
    samples = torch.arange(n, device=images.device)[:, None, None]
    return images[samples, :, rows, columns].movedim(-1, 1)


def motion(images: Tensor, angles: Tensor, radius: float, sigma: float) -> Tensor:
    """Drawn out along angles [n] in degrees: a half Gaussian of 2 * radius + 1 whole-pixel steps, borders repeated."""
    n, _, height, width = images.shape
    steps = torch.arange(2 * math.ceil(radius) + 1)
    weights = torch.softmax(-0.5 * (steps / sigma).double().square(), 0)
    samples = torch.arange(n, device=images.device)[:, None, None]
    turns = torch.deg2rad(angles)
    total = torch.zeros_like(images)
    for step, weight in zip(steps.tolist(), weights.tolist(), strict=True):
        if weight < 1e-6:
            break
        down, right = (torch.ceil(step * part - 0.5).long()[:, None] for part in (turns.sin(), turns.cos()))
        rows = (torch.arange(height, device=images.device) + down).clamp(0, height - 1)
        columns = (torch.arange(width, device=images.device) + right).clamp(0, width - 1)
        total += weight * images[samples, :, rows[:, :, None], columns[:, None, :]].movedim(-1, 1)
    return total


def zoomed(images: Tensor, factor: float) -> Tensor:
    """The middle of square images, enlarged by factor >= 1 with bilinear weights, corners on corners."""
    side = images.shape[-1]
    part = math.ceil(side / factor)
    start = (side - part) // 2
    middle = images[..., start : start + part, start : start + part]
    large = F.interpolate(middle, size=(round(part * factor),) * 2, mode="bilinear", align_corners=True)
    trim = (large.shape[-1] - side) // 2
    return large[..., trim : trim + side, trim : trim + side]


def power_of_two(size: int) -> int:
    """The smallest one that is at least size."""
    return 1 << (size - 1).bit_length()


def plasma(keys: Tensor, size: int, decay: float) -> Tensor:
    """Clouds [n, size, size] in [0, 1], size a power of two, by the diamond-square algorithm on a torus.

    The noise of a scale is drawn within the square of its amplitude, which falls by decay from one to the next.
    """
    clouds = torch.zeros(len(keys), size, size)
    step, amplitude, scale = size, 100.0, 0
    while step >= 2:
        half = step // 2
        corners = clouds[:, ::step, ::step]
        noise = amplitude**2 * (2 * uniform(fold(keys, scale), (3, *corners.shape[1:])) - 1)
        squares = corners + corners.roll(-1, 1)
        middles = (squares + squares.roll(-1, 2)) / 4 + noise[:, 0]
        clouds[:, half::step, half::step] = middles
        across = (middles + middles.roll(1, 1) + corners + corners.roll(-1, 2)) / 4 + noise[:, 1]
        along = (middles + middles.roll(1, 2) + corners + corners.roll(-1, 1)) / 4 + noise[:, 2]
        clouds[:, ::step, half::step], clouds[:, half::step, ::step] = across, along
        step, amplitude, scale = half, amplitude / decay, scale + 1
    clouds -= clouds.amin((1, 2), keepdim=True)
    return clouds / clouds.amax((1, 2), keepdim=True)


@cache
def frost_texture() -> Tensor:
    """A bluish-white texture [3, 512, 512] in [0, 1], our own: veins along the level lines of clouds, over haze."""
    clouds = plasma(fold(key(0, "frost texture"), torch.arange(5)), 512, 1.45)
    veins = torch.stack([(1 - (2 * cloud - 1).abs()) ** 8 for cloud in clouds[:4]]).amax(0)
    grey = (0.75 * veins + 0.45 * clouds[4]).clamp(0, 1)
    return grey * torch.tensor([0.86, 0.94, 1.0])[:, None, None]


def crops(texture: Tensor, keys: Tensor, shape: Sequence[int]) -> Tensor:
    """[n, c, *shape]: a place of the texture [c, height, width] for each image."""
    draws = uniform(keys, (2,))
    corners = (draws * (torch.tensor(texture.shape[1:]) - torch.tensor(list(shape)))).long().tolist()
    return torch.stack([texture[:, top : top + shape[0], left : left + shape[1]] for top, left in corners])


def affine(images: Tensor, keys: Tensor, jitter: float) -> Tensor:
    """Moves three points around the middle by up to ± jitter pixels and everything else with them; borders mirrored."""
    n, _, height, width = images.shape
    middle, reach = torch.tensor([height // 2, width // 2]).double(), min(height, width) // 3
    points = torch.stack([middle + reach, middle + reach * torch.tensor([1.0, -1.0]), middle - reach])
    moved = points + jitter * (2 * uniform(keys, (3, 2)).double() - 1)
    ones = torch.ones(n, 3, 1, dtype=torch.float64)
    back = torch.linalg.solve(torch.cat([moved, ones], 2), points.expand(n, -1, -1)).to(images)
    columns, rows = torch.meshgrid(*(torch.arange(s).to(images) for s in (width, height)), indexing="xy")
    places = torch.stack([columns, rows, torch.ones_like(rows)], -1).reshape(1, -1, 3) @ back
    return _sampled(images, places.reshape(n, height, width, 2))


def displaced(images: Tensor, shifts: Tensor) -> Tensor:
    """Each pixel from shifts [n, 2, h, w] pixels to its right and below, bilinear; borders mirrored."""
    height, width = images.shape[-2:]
    columns, rows = torch.meshgrid(*(torch.arange(s).to(images) for s in (width, height)), indexing="xy")
    return _sampled(images, torch.stack([columns + shifts[:, 0], rows + shifts[:, 1]], -1))


def _sampled(images: Tensor, places: Tensor) -> Tensor:
    """places [n, h, w, 2]: column and row in pixels."""
    last = images.new_tensor([images.shape[-1] - 1, images.shape[-2] - 1])
    return F.grid_sample(images, 2 * places / last - 1, padding_mode="reflection", align_corners=True)
