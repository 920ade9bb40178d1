"""Paired interval of a difference between encoders over the same images: for every score that is a mean over images,
a mean over groups of images, or the chance that one group ranks above another."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from holdfast.statistics import stratified_interval

_NEAR = 1e-4
"""How far a score may lie from what its columns give before they are taken for those of something else."""


@dataclass(frozen=True)
class Sample:
    """A score of one encoder as sums over strata of images of weight × mean value, less an offset."""

    ids: np.ndarray
    """int64 [n], ascending; images that the score is not about are left out."""
    values: np.ndarray
    """float64 [n], in the score's unit."""
    strata: np.ndarray
    """int64 [n]: images are drawn again within these."""
    weights: Mapping[int, float]
    """By stratum."""
    offset: float = 0.0

    @property
    def score(self) -> float:
        """What the columns give for the score."""
        return sum(w * float(self.values[self.strata == k].mean()) for k, w in self.weights.items()) - self.offset

    def gives(self, value: float) -> bool:
        """Whether the columns are those that the score was computed from."""
        return abs(self.score - value) <= _NEAR * max(1.0, abs(value))

    def over_the_same(self, other: "Sample") -> bool:
        """Whether two encoders can be paired image by image."""
        same = np.array_equal(self.ids, other.ids) and np.array_equal(self.strata, other.strata)
        return same and dict(self.weights) == dict(other.weights)


def mean(ids: np.ndarray, values: np.ndarray) -> Sample | None:
    """A plain mean over the images whose value is not NaN; None where there is none."""
    known = ~np.isnan(values)
    if not known.any():
        return None
    order = np.argsort(ids[known], kind="stable")
    return Sample(ids[known][order], values[known][order], np.zeros(int(known.sum()), np.int64), {0: 1.0})


def group_means(ids: np.ndarray, values: np.ndarray, strata: np.ndarray, weights: Mapping[int, float]) -> Sample | None:
    """Weighted means of groups of images [n]; images of other strata, and NaN, are left out; None for an empty one."""
    known = ~np.isnan(values) & np.isin(strata, list(weights))
    if set(np.unique(strata[known]).tolist()) != set(weights):
        return None
    order = np.argsort(ids[known], kind="stable")
    return Sample(ids[known][order], values[known][order], strata[known][order].astype(np.int64), dict(weights))


def ranked_above(ids: np.ndarray, values: np.ndarray, member: np.ndarray) -> Sample | None:
    """The chance that a member's value exceeds another's, ties one half (AUC), by its first-order expansion.

    Each image's value is the share of the other group that it beats (or that beats it), so both groups' means are the
    AUC, and the AUC of a draw is near their sum less it (DeLong's placements, doi:10.2307/2531595).
    """
    own, others = np.sort(values[member]), np.sort(values[~member])
    if not len(own) or not len(others):
        return None
    placed = np.empty(len(values))
    placed[member] = _share_below(others, values[member])
    placed[~member] = 1.0 - _share_below(own, values[~member])
    auc = float(placed[member].mean())
    order = np.argsort(ids, kind="stable")
    return Sample(ids[order], placed[order], member[order].astype(np.int64), {0: 1.0, 1: 1.0}, offset=auc)


def _share_below(ordered: np.ndarray, values: np.ndarray) -> np.ndarray:
    below, upto = (np.searchsorted(ordered, values, side=side) for side in ("left", "right"))
    return (below + upto) / (2 * len(ordered))


def paired_interval(
    ours: Sequence[Sample], theirs: Sequence[Sample], *, span: float = 0.0
) -> tuple[float, float] | None:
    """95 % interval of the difference of two encoders' means over runs; None where images or strata differ.

    Student's t of the images' own differences within each stratum; None also where a stratum has a single image. span:
    how far two shares may lie apart, 0 for what is no share: where all answers of two encoders agree, the ends say how
    large a share of other answers so few images may hide.
    """
    if not ours or not theirs or not all(sample.over_the_same(ours[0]) for sample in [*ours, *theirs]):
        return None
    first = ours[0]
    values = np.mean([s.values for s in ours], axis=0) - np.mean([s.values for s in theirs], axis=0)
    offset = float(np.mean([s.offset for s in ours]) - np.mean([s.offset for s in theirs]))
    found = stratified_interval(values, first.strata, first.weights, span=span)
    return None if found is None else (found[0] - offset, found[1] - offset)
