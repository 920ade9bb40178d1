"""Square: a black-box attack by random squares, which needs no gradient (Andriushchenko et al., arXiv:1912.00049)."""

import math
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from holdfast.attacks.harms import margin
from holdfast.attacks.lp import length, per_image
from holdfast.attacks.problem import Problem, State, Trial
from holdfast.randomness import fold, uniform

_HALVED_AT = (10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000)
"""Proposals after which the share of pixels in a square is halved."""
_TINY = 1e-12
_BLOCK = 500
"""Proposals whose windows are drawn at a time."""


@dataclass(frozen=True, kw_only=True)
class Square:
    """Random search that keeps a square of changed pixels where it raises the margin; one query is one forward pass.

    As in the reference, all images share the windows of a query, and windows never touch the last row and column.
    """

    queries: int = 5000
    """Forward passes, the start included."""
    share: float = 0.8
    """First share of an image's pixels in a square."""
    rescale: bool = False
    """Run through the whole schedule of 10,000 proposals, however few there are."""

    @property
    def variants(self) -> int:
        return 1

    @property
    def refills(self) -> bool:
        return False

    def start(self, problem: Problem) -> State:
        """Stripes, or for l2 tiles, of the whole budget."""
        linf = problem.norm == "linf"
        images = problem.within(problem.images + (_stripes if linf else _tiles)(problem))
        age = torch.zeros(len(images), dtype=torch.int64, device=images.device)
        return {"images": images, "age": age, "margin": torch.full((len(images),), -torch.inf, device=images.device)}

    @torch.no_grad()
    def step(self, problem: Problem, state: State) -> tuple[Trial, State]:
        """Query i proposes square i; what did not raise the margin is forgotten."""
        query = int(state["age"][0])
        best, last = state["images"], state["age"] + 1 >= self.queries
        if query == 0:
            outputs = problem.goal.model(best)
            found = self._margin(problem, outputs)
            return Trial(best, outputs, done=last), {**state, "age": state["age"] + 1, "margin": found}
        side = self._side(query - 1, best, linf=problem.norm == "linf")
        tried = (_linf_proposal if problem.norm == "linf" else _l2_proposal)(problem, best, query, side)
        outputs = problem.goal.model(tried)
        found = self._margin(problem, outputs)
        better = found > state["margin"]
        kept = torch.where(per_image(better, best), tried, best)
        state = {"images": kept, "age": state["age"] + 1, "margin": torch.where(better, found, state["margin"])}
        return Trial(tried, outputs, done=last), state

    def _margin(self, problem: Problem, outputs: Tensor) -> Tensor:
        return margin(outputs, problem.goal.references) if problem.goal.success else problem.harm(outputs)

    def _side(self, proposal: int, images: Tensor, *, linf: bool) -> int:
        """Side of a square in pixels; for l2 odd and at least 3."""
        place = int(10_000 * proposal / self.queries) if self.rescale else proposal
        share = self.share * 0.5 ** sum(place > milestone for milestone in _HALVED_AT)
        smaller = min(images.shape[-2:])
        side = round(math.sqrt(share * images.shape[-2] * images.shape[-1]))
        if linf:
            return min(max(side, 1), smaller)
        side = max(side, 3)
        return min(side + (side + 1) % 2, smaller)


@lru_cache(maxsize=8)
def _block(shared: int, block: int, count: int) -> list[list[float]]:
    """Draws in [0, 1) of a block of proposals: count for each."""
    keys = fold(torch.tensor(shared), torch.arange(block * _BLOCK, (block + 1) * _BLOCK))
    return uniform(keys, count).double().tolist()


def _shared(problem: Problem, query: int, count: int) -> list[float]:
    """Draws that all images share."""
    return _block(int(problem.shared), query // _BLOCK, count)[query % _BLOCK]


def _signs(draws: Tensor) -> Tensor:
    return torch.where(draws < 0.5, -1.0, 1.0).to(draws.dtype)


def _own(problem: Problem, query: int, count: int) -> Tensor:
    """[m, count] signs of each image's own."""
    return _signs(uniform(fold(problem.keys, query), count).to(problem.images.dtype))


def _window(draws: list[float], images: Tensor, side: int) -> tuple[slice, slice]:
    """Rows and columns of a window whose corner two numbers draw."""
    top, left = (int((pixels - side) * draw) for pixels, draw in zip(images.shape[-2:], draws, strict=True))
    return slice(top, top + side), slice(left, left + side)


def _stripes(problem: Problem) -> Tensor:
    """The start for linf: each column of each channel moved by eps, up or down."""
    _, channels, _, width = problem.images.shape
    signs = _own(problem, 0, channels * width).reshape(-1, channels, 1, width)
    return (problem.eps * signs).expand_as(problem.images)


def _linf_proposal(problem: Problem, best: Tensor, query: int, side: int) -> Tensor:
    """A window moved by twice the budget, up or down in each channel, and brought back into it."""
    channels = best.shape[1]
    draws = _shared(problem, query, 2 + channels)
    rows, columns = _window(draws[:2], best, side)
    shift = best.new_tensor([2 * problem.eps * (-1 if draw < 0.5 else 1) for draw in draws[2:]]).reshape(-1, 1, 1)
    tried, clean = best.clone(), problem.images[..., rows, columns]
    moved = tried[..., rows, columns] + shift
    low, high = (clean - problem.eps).clamp(min=0), (clean + problem.eps).clamp(max=1)
    tried[..., rows, columns] = torch.minimum(torch.maximum(moved, low), high)
    return tried


def _pyramid(rows: int, columns: int) -> Tensor:
    """Nested squares [rows, columns] of side 2k+1 about the middle, each adding 1/(k+1)², of unit norm."""
    down, across = (torch.arange(size) - size // 2 for size in (rows, columns))
    nearest = torch.maximum(down.abs()[:, None], across.abs()[None, :])
    levels = max(rows, columns) // 2
    tails = torch.arange(1, levels + 2, dtype=torch.float64).reciprocal().square().flip(0).cumsum(0).flip(0)
    square = tails[nearest]
    return square / square.norm()


@lru_cache(maxsize=64)
def _pattern(side: int) -> Tensor:
    """A square [side, side] of unit norm: one pyramid up, under it one down."""
    half = side // 2
    square = torch.cat([_pyramid(half, side), -_pyramid(side - half, side)]) if half else -_pyramid(1, 1)
    return square / square.norm()


def _tiles(problem: Problem) -> Tensor:
    """The start for l2: a grid of patterns a fifth of the height wide, each channel of each up or down, norm eps."""
    images = problem.images
    count, channels, height, width = images.shape
    side = max(1, min(height, width) // 5)
    down, across, margin_ = height // side, width // side, (height - 5 * (height // 5)) // 2
    signs = _own(problem, 0, channels * down * across).reshape(count, channels, down, 1, across, 1)
    pattern = _pattern(side).to(images)
    tiles = (signs * pattern[:, None, :]).reshape(count, channels, down * side, across * side)
    delta = torch.zeros_like(images)
    place = delta[:, :, margin_ : margin_ + down * side, margin_ : margin_ + across * side]
    place.copy_(tiles[:, :, : place.shape[2], : place.shape[3]])
    return delta * problem.eps / per_image(length(delta, "l2"), delta).clamp(min=_TINY)


def _l2_proposal(problem: Problem, best: Tensor, query: int, side: int) -> Tensor:
    """Moves the norm of one window, and what the budget has left, into a pattern in another."""
    images, eps = problem.images, problem.eps
    delta, channels = best - images, best.shape[1]
    draws = _shared(problem, query, 5)
    into, out_of = _window(draws[:2], best, side), _window(draws[2:4], best, side)
    signs = _own(problem, query, channels)[:, :, None, None]
    pattern = _pattern(side).to(images)
    pattern = pattern.T if draws[4] < 0.5 else pattern
    old = delta[:, :, into[0], into[1]]
    new = pattern * signs + old / (_TINY + _channel_norm(old))
    both = torch.zeros(best.shape[-2:], dtype=best.dtype, device=best.device)
    both[into], both[out_of] = 1, 1
    free = (eps**2 - per_image(length(delta, "l2"), delta).square()).clamp(min=0) / channels
    room = (free + _channel_norm(delta * both).square()).sqrt()
    new = new / (_TINY + _channel_norm(new)) * room
    delta[:, :, out_of[0], out_of[1]] = 0
    delta[:, :, into[0], into[1]] = new
    return (images + delta * eps / per_image(length(delta, "l2"), delta).clamp(min=_TINY)).clamp(0, 1)


def _channel_norm(delta: Tensor) -> Tensor:
    return delta.square().sum((-2, -1), keepdim=True).sqrt()
