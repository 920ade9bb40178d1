"""Square: a black-box attack by random squares, which needs no gradient (Andriushchenko et al., arXiv:1912.00049)."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from holdfast.attacks.lp import length, per_image
from holdfast.attacks.shell import Problem, Search, Trial
from holdfast.randomness import fold, uniform

_HALVED_AT = (10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000)
"""Queries, out of 10,000, after which the share of pixels in a square is halved."""
_TINY = 1e-10


@dataclass(frozen=True, kw_only=True)
class Square:
    """Random search that keeps a square of changed pixels where it raises the harm; one query is one forward pass."""

    queries: int = 5000
    """Forward passes, the start included."""
    share: float | None = None
    """First share of an image's pixels in a square; None is the paper's: 0.05 for linf, 0.1 for l2."""

    def search(self, problem: Problem) -> Search:
        """Trial i is query i; what did not raise the harm is forgotten."""
        linf = problem.norm == "linf"
        share = self.share or (0.05 if linf else 0.1)
        best = problem.within(problem.images + (_stripes if linf else _tiles)(problem))
        harms = torch.full((len(best),), -torch.inf, device=best.device, dtype=torch.float64)
        for query in range(self.queries):
            tried = best
            if query:
                side = _side(share * 0.5 ** _halvings(query, self.queries), best, linf=linf)
                tried = problem.within((_linf_step if linf else _l2_step)(problem, best, query, side))
            with torch.no_grad():
                outputs = problem.goal.model(tried)
                found = problem.harm(outputs).double()
            better = found > harms
            best, harms = torch.where(per_image(better, best), tried, best), torch.where(better, found, harms)
            stays = yield Trial(tried, outputs)
            if not stays.all():
                problem, best, harms = problem.keep(stays), best[stays], harms[stays]


def _halvings(query: int, queries: int) -> int:
    return sum(query * 10_000 / queries > milestone for milestone in _HALVED_AT)


def _side(share: float, images: Tensor, *, linf: bool) -> int:
    """The side of a square with this share of the pixels; for l2 odd and at least 3, as the paper has it."""
    smaller = min(images.shape[-2:])
    side = round(math.sqrt(share * images.shape[-2] * images.shape[-1]))
    if linf:
        return max(1, min(side, smaller - 1))
    return min(max(3, side + (side + 1) % 2), smaller)


def _draws(problem: Problem, query: int, count: int) -> Tensor:
    """[m, count] uniform in [0, 1) of this query, in the images' precision."""
    return uniform(fold(problem.keys, query), count).to(problem.images.dtype)


def _signs(draws: Tensor) -> Tensor:
    return torch.where(draws < 0.5, -1.0, 1.0).to(draws.dtype)


def _corner(draws: Tensor, images: Tensor, side: int) -> tuple[Tensor, Tensor]:
    """Top and left [m] of a square, from draws [m, 2]."""
    height, width = images.shape[-2:]
    top, left = draws.unbind(1)
    return (top * (height - side + 1)).long(), (left * (width - side + 1)).long()


def _inside(corner: tuple[Tensor, Tensor], images: Tensor, side: int) -> Tensor:
    """Bool [m, 1, h, w]."""
    ranges = (torch.arange(pixels, device=images.device) for pixels in images.shape[-2:])
    rows, columns = (
        (place >= start[:, None]) & (place < start[:, None] + side) for place, start in zip(ranges, corner, strict=True)
    )
    return (rows[:, :, None] & columns[:, None, :])[:, None]


def _stripes(problem: Problem) -> Tensor:
    """The start for linf: each column of each channel moved by eps, up or down."""
    _, channels, _, width = problem.images.shape
    signs = _signs(_draws(problem, 0, channels * width)).reshape(-1, channels, 1, width)
    return (problem.eps * signs).expand_as(problem.images)


def _linf_step(problem: Problem, best: Tensor, query: int, side: int) -> Tensor:
    """A square of one colour at a distance of eps from the clean image.

    The authors' code draws again where nothing would change; here all signs are turned, which needs no second draw.
    """
    images = problem.images
    draws = _draws(problem, query, 2 + images.shape[1])
    inside = _inside(_corner(draws[:, :2], images, side), images, side)
    shift = problem.eps * _signs(draws[:, 2:])[:, :, None, None]
    step = torch.where(inside, problem.within(images + shift), best)
    unchanged = per_image((step == best).flatten(1).all(1), best)
    return torch.where(unchanged & inside, images - shift, step)


def _pyramid(rows: int, columns: int) -> Tensor:
    """The paper's eta [rows, columns]: at a distance d (of rows or columns, the larger) the sum of 1/j² for j > d."""
    distances = [(torch.arange(size) - size // 2).abs() for size in (rows, columns)]
    levels = max(rows, columns) // 2
    tails = torch.arange(1, levels + 2, dtype=torch.float64).reciprocal().square().flip(0).cumsum(0).flip(0)
    return tails[torch.maximum(distances[0][:, None], distances[1][None, :])]


def _pattern(side: int) -> Tensor:
    """A square [side, side] of unit norm: one pyramid up, beside it one down."""
    half = side // 2
    square = torch.cat([_pyramid(half, side), -_pyramid(side - half, side)])
    return square / square.norm()


def _turned(pattern: Tensor, draws: Tensor, like: Tensor) -> Tensor:
    """[m, 1, side, side]: the pattern, transposed where draws [m] are below one half."""
    pattern = pattern.to(like.device, like.dtype)
    return torch.where(per_image(draws < 0.5, like), pattern.T, pattern)


def _tiles(problem: Problem) -> Tensor:
    """The start for l2: a grid of five by five patterns, each channel of each up or down, of norm eps together."""
    images = problem.images
    count, channels, height, width = images.shape
    side = max(1, min(height, width) // 5)
    down, across = height // side, width // side
    signs = _signs(_draws(problem, 0, channels * down * across)).reshape(count, channels, down, 1, across, 1)
    tiles = signs * _pattern(side).to(images.device, images.dtype)[:, None, :]
    tiles = tiles.reshape(count, channels, down * side, across * side)
    delta = torch.zeros_like(images)
    top, left = (height - down * side) // 2, (width - across * side) // 2
    delta[:, :, top : top + down * side, left : left + across * side] = tiles
    return delta * problem.eps / per_image(length(delta, "l2"), delta).clamp(min=_TINY)


def _l2_step(problem: Problem, best: Tensor, query: int, side: int) -> Tensor:
    """Moves the norm of one square, and what the budget has left, into a pattern in another."""
    images, eps = problem.images, problem.eps
    delta, channels = best - images, images.shape[1]
    draws = _draws(problem, query, 5 + channels)
    into, out_of = (_corner(draws[:, at : at + 2], images, side) for at in (0, 2))
    square = _places(into, images, side)
    signs = _signs(draws[:, 5:])[:, :, None, None]
    old = delta[square]
    new = _turned(_pattern(side), draws[:, 4], images) * signs + old / (_TINY + _channel_norm(old))
    both = _inside(into, images, side) | _inside(out_of, images, side)
    free = (eps**2 - per_image(length(delta, "l2"), delta).square()).clamp(min=0) / channels
    room = (free + _channel_norm(delta * both).square()).sqrt()
    delta = torch.where(_inside(out_of, images, side), 0, delta)
    delta[square] = new / _channel_norm(new).clamp(min=_TINY) * room
    return images + delta * eps / per_image(length(delta, "l2"), delta).clamp(min=_TINY)


def _places(corner: tuple[Tensor, Tensor], images: Tensor, side: int) -> tuple[Tensor, ...]:
    """Indices that pick [m, channels, side, side] out of images."""
    count, channels = images.shape[:2]
    steps = torch.arange(side, device=images.device)
    rows, columns = (start[:, None] + steps for start in corner)
    samples = torch.arange(count, device=images.device)[:, None, None, None]
    channel = torch.arange(channels, device=images.device)[None, :, None, None]
    return samples, channel, rows[:, None, :, None], columns[:, None, None, :]


def _channel_norm(delta: Tensor) -> Tensor:
    return delta.square().sum((-2, -1), keepdim=True).sqrt()
