"""Images that are alike by an encoder's features: a threshold chosen from random pairs, and the pairs above it."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from holdfast import randomness

RANDOM_PAIRS = 1_000_000
"""Random pairs that the threshold is chosen from, at most."""
_TAIL, _LEAST_TAIL, _MOST_TAIL, _INNER = 100, 1e-4, 1e-3, 3
"""Random pairs above the outer of two quantiles, the shares of all that these may be, and how many times as many are
above the inner one: both lie among pairs of one class where there are up to a thousand classes."""
_HIGHEST = 1 - 1e-5
"""Largest threshold: features of the same picture differ by float32's last bits where batches do."""
_AT_ONCE = 2**15
_CHUNK = 2048


@dataclass(frozen=True)
class Threshold:
    """Where alike begins, in [-1, 1]."""

    cosine: float | None
    """None where no cosine tells pairs of different images apart: too many random pairs have the same direction."""
    random_pairs: int
    """Pairs that it was chosen from."""
    compared: int
    """Pairs that it is chosen for: about one of them would be above it if all were of different images."""
    inner: float
    """Cosine that three times as many random pairs exceed as `outer`."""
    outer: float
    share: float
    """Part of the random pairs that is above `outer`."""


@dataclass(frozen=True, eq=False)
class Alike:
    """What is above the threshold between two sets, or within one."""

    left: Tensor
    """bool [n] whether each row has a partner."""
    right: Tensor
    """bool [m], the same for the other set; left itself within one."""
    pairs: Tensor
    """int64 [k, 2] rows of the most alike pairs, most alike first."""
    cosines: Tensor
    """float32 [k] of these."""
    count: int
    """All pairs above the threshold."""
    highest: Tensor
    """float32 [n] the largest cosine of each row with a row of the other set, or with another row."""


def directions(*sets: Tensor) -> list[Tensor]:
    """Unit rows of features [n, dim] about the mean of all sets together: networks of ReLUs point one way else.

    A row at the mean itself has no direction: it stays zero and is alike to none.
    """
    total = torch.stack([features.double().sum(0) for features in sets]).sum(0)
    mean = (total / sum(map(len, sets))).float()
    return [F.normalize(features.float() - mean, dim=1) for features in sets]


def threshold_of(rows: Tensor, *, compared: int, seed: int) -> Threshold:
    """The cosine that about one in `compared` pairs of different images exceeds, from random pairs of rows [n, dim].

    The Fisher transforms of two upper quantiles of the random pairs' cosines are continued in a straight line over the
    logarithm of the share above them. Tails are thinner than that, so that the line asks for more than is needed.
    Quantiles, unlike moments, hardly move by the few random pairs that are near-duplicates themselves.
    """
    cosines = _random_cosines(rows, seed)
    share = min(max(_TAIL / len(cosines), _LEAST_TAIL), _MOST_TAIL)
    ordered = cosines.sort(descending=True).values
    inner, outer = (float(ordered[int(part * (len(ordered) - 1))]) for part in (_INNER * share, share))
    known = {"random_pairs": len(cosines), "compared": compared, "inner": inner, "outer": outer, "share": share}
    if outer >= _HIGHEST or inner >= outer:
        return Threshold(cosine=None, **known)
    near, far = math.atanh(max(inner, -_HIGHEST)), math.atanh(outer)
    steps = math.log(max(share * compared, 1.0), _INNER)
    return Threshold(cosine=min(math.tanh(far + (far - near) * steps), _HIGHEST), **known)


def _random_cosines(rows: Tensor, seed: int) -> Tensor:
    """Cosines of all pairs of different rows where these are few, else of RANDOM_PAIRS drawn ones; on the CPU."""
    n = len(rows)
    if n < 2:
        raise ValueError(f"expected two images or more to compare, got {n}; give more images")
    if n * (n - 1) // 2 <= RANDOM_PAIRS:
        first, second = torch.triu_indices(n, n, 1)
    else:
        draws = randomness.generator(seed, "random pairs")
        first = torch.randint(n, (RANDOM_PAIRS,), generator=draws)
        second = (first + 1 + torch.randint(n - 1, (RANDOM_PAIRS,), generator=draws)) % n
    parts = zip(first.split(_AT_ONCE), second.split(_AT_ONCE), strict=True)
    found = [(rows[a.to(rows.device)] * rows[b.to(rows.device)]).sum(1).cpu() for a, b in parts]
    return torch.cat(found)


def alike(rows: Tensor, others: Tensor | None, cosine: float, *, kept: int = 100) -> Alike:
    """Pairs of unit rows [n, dim] and others [m, dim] whose cosine is at least so large; others None: within rows.

    The `kept` most alike pairs are kept; within one set each pair counts once.
    """
    right = rows if others is None else others
    left, met = (torch.zeros(len(one), dtype=torch.bool) for one in (rows, right))
    pairs, cosines, count = torch.empty(0, 2, dtype=torch.int64), torch.empty(0), 0
    highest = torch.full((len(rows),), -1.0)
    for start, products in _products(rows, right):
        if others is None:
            here = torch.arange(len(products), device=products.device)
            products[here, here + start] = -1.0
        highest[start : start + len(products)] = products.max(1).values.clamp(-1, 1).cpu()
        a, b = (products >= cosine).nonzero(as_tuple=True)
        values, a, b = products[a, b].cpu(), a.cpu() + start, b.cpu()
        left[a], met[b] = True, True
        once = (a < b) if others is None else torch.ones(len(a), dtype=torch.bool)
        count += int(once.sum())
        pairs, cosines = torch.cat([pairs, torch.stack([a, b], 1)[once]]), torch.cat([cosines, values[once]])
        best = cosines.argsort(descending=True, stable=True)[:kept]
        pairs, cosines = pairs[best], cosines[best]
    return Alike(left, met | left if others is None else met, pairs, cosines.clamp(-1, 1), count, highest)


def _products(rows: Tensor, others: Tensor) -> Iterator[tuple[int, Tensor]]:
    """(first row, cosines [rows, m]) chunk by chunk."""
    step = max(1, min(_CHUNK, 2**26 // max(1, len(others))))
    for start in range(0, len(rows), step):
        yield start, rows[start : start + step] @ others.T
