"""Square: a black-box attack by random squares, which needs no gradient (Andriushchenko et al., arXiv:1912.00049)."""

import math
from bisect import bisect_left
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

import torch
from torch import Tensor

from holdfast.attacks.harms import margin
from holdfast.attacks.lp import length, per_image
from holdfast.attacks.problem import Attack, Problem, State, Trial
from holdfast.randomness import fold, uniform

_HALVED_AT = (10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000)
"""Proposals after which the share of pixels in a square is halved."""
_TINY = 1e-12
_ALONE = 200
"""Queries of each image that are asked one at a time: most that follow them are refused, these are not."""
_WASTE = 0.2
"""Twice the share of queries, at most, that are asked in vain because one before them was accepted."""


@dataclass(frozen=True, kw_only=True)
class Square(Attack):
    """Random search that keeps a square of changed pixels where it raises the margin; one query is one forward pass.

    As in the reference, all images share the windows of a query, and windows never touch the last row and column.
    Late queries are asked ahead, several of an image in one batch, each as if those before it were refused. The first
    one accepted counts, what was asked after it is asked again: what is found is the same, in fuller batches.
    """

    queries: int = 5000
    """Forward passes, the start included."""
    share: float = 0.8
    """First share of an image's pixels in a square."""
    rescale: bool = False
    """Run through the whole schedule of 10,000 proposals, however few there are."""

    @property
    def refills(self) -> bool:
        return False

    @torch.no_grad()
    def start(self, problem: Problem) -> State:
        """Stripes, or for l2 tiles, of the whole budget; nothing is asked yet."""
        linf = problem.norm == "linf"
        images = problem.within(problem.images + (_stripes if linf else _tiles)(problem))
        none = torch.zeros(len(images), dtype=torch.int64, device=images.device)
        return {"images": images, "age": none, "margin": none - torch.inf, "accepted": none.clone()}

    @torch.no_grad()
    def step(self, problem: Problem, state: State) -> tuple[Trial, State]:
        """Query i proposes square i; what did not raise the margin is forgotten."""
        if "outputs" not in state:
            outputs = problem.goal.model(state["images"])
            found, age = self._margin(problem, outputs, problem.goal.references), state["age"] + 1
            state = {**state, "age": age, "margin": found, "outputs": outputs}
            return Trial(state["images"], outputs, done=age >= self.queries), state
        asked = self._asked_next(problem, state)
        tried, asked = (_linf_proposals if problem.norm == "linf" else _l2_proposals)(problem, state["images"], asked)
        if len(tried):
            outputs = problem.goal.model(tried)
            found = self._margin(problem, outputs, problem.goal.references[asked.index[0]])
        else:
            outputs, found = state["outputs"][:0], state["margin"][:0]
        return self._accepted(state, asked, tried, outputs, found)

    def _asked_next(self, problem: Problem, state: State) -> "_Asked":
        """The next queries of each row, all with squares of one side: a row ahead of a change of side waits."""
        ages, device = state["age"].tolist(), state["age"].device
        plan = _plan(self, int(problem.shared), tuple(problem.images.shape[1:]), problem.norm == "linf", device)
        first, ahead = min(ages), 1
        if first > _ALONE:
            rate = (1 + int(state["accepted"].sum())) / (20 + sum(ages) - _ALONE * len(ages))
            ahead = max(1, min(problem.room // len(ages), 1 + int(_WASTE / rate)))
        counts = [min(max(plan.ends[first] - age, 0), ahead) for age in ages]
        rows = [row for row, count in enumerate(counts) for _ in range(count)]
        queries = [age + more for age, count in zip(ages, counts, strict=True) for more in range(count)]
        after = [age + count for age, count in zip(ages, counts, strict=True)]
        return _Asked(plan, rows, queries, after, plan.sides[first], first > _ALONE, device)

    def _accepted(
        self, state: State, asked: "_Asked", tried: Tensor, outputs: Tensor, found: Tensor
    ) -> tuple[Trial, State]:
        """Writes the first proposal of each row that raised its margin over the row's best."""
        ages, hits = list(asked.after), {}
        for place in (found > state["margin"][asked.index[0]]).nonzero()[:, 0].tolist():
            hits.setdefault(asked.rows[place], place)
        for row, place in hits.items():
            ages[row] = asked.queries[place] + 1
        if hits:
            rows, chosen = torch.tensor([list(hits), list(hits.values())], device=found.device)
            for name, value in (("images", tried), ("outputs", outputs), ("margin", found)):
                state[name].index_copy_(0, rows, value.index_select(0, chosen))
            if asked.late:
                state["accepted"][rows] += 1
        age = torch.tensor(ages, device=found.device)
        claims = torch.tensor([row in hits for row in range(len(ages))], device=found.device)
        trial = Trial(state["images"], state["outputs"], claims=claims, done=age >= self.queries, number=age - 1)
        return trial, {**state, "age": age}

    def _margin(self, problem: Problem, outputs: Tensor, references: Tensor) -> Tensor:
        return (margin if problem.goal.success else problem.goal.harm)(outputs, references)

    def _sides(self, size: tuple[int, int], *, linf: bool) -> list[int]:
        """Side in pixels of the squares of each query; the first, the start, has that of the second."""
        times, over = (10_000, self.queries) if self.rescale else (1, 1)
        halved = [bisect_left(_HALVED_AT, max(query - 1, 0) * times // over) for query in range(self.queries)]
        sides = [self._side(count, size, linf=linf) for count in range(len(_HALVED_AT) + 1)]
        return [sides[count] for count in halved]

    def _side(self, halved: int, size: tuple[int, int], *, linf: bool) -> int:
        """Side of a square in pixels after so many halvings; for l2 odd and at least 3."""
        smaller = min(size)
        side = round(math.sqrt(self.share * 0.5**halved * size[0] * size[1]))
        if linf:
            return min(max(side, 1), smaller)
        side = max(side, 3)
        return min(side + (side + 1) % 2, smaller)


@dataclass(frozen=True)
class _Plan:
    """All queries [q] of an attack, the first of which is the start, as all images share them."""

    sides: list[int]
    ends: list[int]
    """The first query after each whose squares have another side, or the number of queries."""
    corners: Tensor
    """int64 [q, windows, 2]: the upper left pixels of each query's squares."""
    places: Tensor
    """int64 [q, windows]: the same as places in a flat channel."""
    draws: Tensor
    """float64 [q, k] in [0, 1): what else is drawn."""


@lru_cache(maxsize=8)
def _plan(attack: Square, shared: int, shape: tuple[int, ...], linf: bool, device: torch.device) -> _Plan:
    channels, height, width = shape
    windows, rest = (1, channels) if linf else (2, 1)
    draws = uniform(fold(torch.tensor(shared), torch.arange(attack.queries)), 2 * windows + rest).double()
    sides = attack._sides((height, width), linf=linf)
    ends = [attack.queries] * attack.queries
    for query in reversed(range(attack.queries - 1)):
        ends[query] = ends[query + 1] if sides[query] == sides[query + 1] else query + 1
    free = torch.tensor([height, width]) - torch.tensor(sides)[:, None, None]
    corners = (draws[:, : 2 * windows].reshape(-1, windows, 2) * free).long()
    places = corners[:, :, 0] * width + corners[:, :, 1]
    return _Plan(sides, ends, corners.to(device), places.to(device), draws[:, 2 * windows :].to(device))


@dataclass(frozen=True)
class _Asked:
    """Queries that are asked together, row by row and in their order."""

    plan: _Plan
    rows: list[int]
    """[p]."""
    queries: list[int]
    """[p]: numbers of the queries."""
    after: list[int]
    """[m]: the query of each row that comes next if none of these is accepted."""
    side: int
    """Side of all their squares."""
    late: bool
    """Whether those that would change nothing are left out."""
    device: torch.device

    @cached_property
    def index(self) -> Tensor:
        """int64 [2, p]: rows and queries."""
        return torch.tensor([self.rows, self.queries], dtype=torch.int64, device=self.device)

    def places(self, images: Tensor, window: int) -> Tensor:
        """[p, channels, side * side]: places of the pixels of a window in a flat image."""
        offsets = _offsets(self.side, tuple(images.shape[1:]), images.device)
        return self.plan.places[self.index[1], window, None, None] + offsets

    def where(self, chosen: list[int]) -> "_Asked":
        """Those at positions [k]."""
        return replace(self, rows=[self.rows[i] for i in chosen], queries=[self.queries[i] for i in chosen])


@lru_cache(maxsize=64)
def _offsets(side: int, shape: tuple[int, int, int], device: torch.device) -> Tensor:
    """[channels, side * side] int64: places of a square at the upper left corner of a flat image."""
    channels, height, width = shape
    line = torch.arange(side)
    square = line[:, None] * width + line
    return (torch.arange(channels)[:, None] * height * width + square.flatten()).to(device)


def _signs(draws: Tensor) -> Tensor:
    return torch.where(draws < 0.5, -1.0, 1.0).to(draws.dtype)


def _own(problem: Problem, rows: Tensor, queries: Tensor, count: int) -> Tensor:
    """[p, count] signs of each image's own, for rows [p] and queries [p]."""
    return _signs(uniform(fold(problem.keys[rows], queries), count).to(problem.images.dtype))


def _own_first(problem: Problem, count: int) -> Tensor:
    """[m, count] signs of each image's start."""
    rows = torch.arange(len(problem.keys), device=problem.keys.device)
    return _own(problem, rows, torch.zeros_like(rows), count)


def _stripes(problem: Problem) -> Tensor:
    """The start for linf: each column of each channel moved by eps, up or down."""
    _, channels, _, width = problem.images.shape
    signs = _own_first(problem, channels * width).reshape(-1, channels, 1, width)
    return (problem.eps * signs).expand_as(problem.images)


def _linf_proposals(problem: Problem, best: Tensor, asked: _Asked) -> tuple[Tensor, _Asked]:
    """Windows moved by twice the budget, up or down in each channel, and brought back: to an end of each pixel's room.

    Returned are images [p, ...] and their queries; late ones that would change nothing are left out.
    """
    places = asked.places(best, 0)
    there = (places + (asked.index[0] * best[0].numel())[:, None, None]).flatten()
    shift = torch.where(asked.plan.draws[asked.index[1]] < 0.5, -problem.eps, problem.eps).to(best.dtype)
    clean = problem.images.flatten().index_select(0, there).reshape(places.shape)
    ends, places = (clean + shift[:, :, None]).clamp_(0, 1).flatten(1), places.flatten(1)
    if asked.late:
        changed = (best.flatten().index_select(0, there).reshape(ends.shape) != ends).any(1).nonzero()[:, 0]
        if len(changed) < len(places):
            asked, places, ends = asked.where(changed.tolist()), places[changed], ends[changed]
    tried = best.index_select(0, asked.index[0])
    tried.flatten(1).scatter_(1, places, ends)
    return tried, asked


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
    signs = _own_first(problem, channels * down * across).reshape(count, channels, down, 1, across, 1)
    pattern = _pattern(side).to(images)
    tiles = (signs * pattern[:, None, :]).reshape(count, channels, down * side, across * side)
    delta = torch.zeros_like(images)
    place = delta[:, :, margin_ : margin_ + down * side, margin_ : margin_ + across * side]
    place.copy_(tiles[:, :, : place.shape[2], : place.shape[3]])
    return delta * problem.eps / per_image(length(delta, "l2"), delta).clamp(min=_TINY)


def _l2_proposals(problem: Problem, best: Tensor, asked: _Asked) -> tuple[Tensor, _Asked]:
    """Moves the norm of one window, and what the budget has left, into a pattern in another."""
    images, (rows, queries), side = problem.images, asked.index, asked.side
    delta = (best - images).flatten(1)
    free = (problem.eps**2 - delta.square().sum(1)).clamp_(min=0)[rows, None, None] / best.shape[1]
    into, out_of = asked.places(best, 0), asked.places(best, 1)
    moved = delta.index_select(0, rows)
    old, left = (moved.gather(1, places.flatten(1)).reshape(places.shape) for places in (into, out_of))
    pattern = _pattern(side).to(images)
    pattern = torch.stack([pattern, pattern.T]).flatten(1)[(asked.plan.draws[queries, 0] < 0.5).long()]
    signs = _own(problem, rows, queries, best.shape[1])[:, :, None]
    new = pattern[:, None] * signs + old / (_TINY + _channel_norm(old))
    corners = asked.plan.corners[queries]
    only_left = left * ~_covered(corners[:, 0], corners[:, 1], side)[:, None]
    room = (free + _channel_norm(old).square() + _channel_norm(only_left).square()).sqrt()
    new = new / (_TINY + _channel_norm(new)) * room
    moved.scatter_(1, out_of.flatten(1), 0).scatter_(1, into.flatten(1), new.flatten(1))
    scale = problem.eps / length(moved, "l2").clamp(min=_TINY)
    moved = moved.mul_(scale[:, None]).reshape(-1, *images.shape[1:])
    return moved.add_(images.index_select(0, rows)).clamp_(0, 1), asked


def _covered(corner: Tensor, other: Tensor, side: int) -> Tensor:
    """Bool [p, side * side]: the pixels of squares at other [p, 2] that lie in those at corner [p, 2]."""
    line = torch.arange(side, device=corner.device)
    apart = (other - corner)[:, :, None] + line
    inside = (apart >= 0) & (apart < side)
    return (inside[:, 0, :, None] & inside[:, 1, None, :]).flatten(1)


def _channel_norm(delta: Tensor) -> Tensor:
    return torch.linalg.vector_norm(delta, dim=-1, keepdim=True)
