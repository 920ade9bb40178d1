"""How well scores tell members from others, near-duplicates together: AUCs, their differences, the best of several."""

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from holdfast.statistics.detection import resampled_membership
from holdfast.statistics.intervals import within_bounds
from holdfast.statistics.ranks import auc_interval, detection_auc


@dataclass(frozen=True, eq=False)
class Separation:
    """An AUC in [0, 1] with its resamplings; higher tells members from others better, 0.5 is guessing."""

    value: float
    draws: np.ndarray
    """[draws] of the same images for all scores of them that were resampled with one seed."""
    images: tuple[int, int]
    """Members and others."""
    extra: float = 0.0
    """Variance beside that of drawing images: of what was fitted to make the scores."""

    def interval(self, tests: int = 1) -> tuple[float, float] | None:
        """95 % interval by the bootstrap's standard error, of the largest of so many AUCs, whichever it is
        (Bonferroni); None as `auc_interval`."""
        half = _quantile(tests) * math.sqrt(float(self.draws.var(ddof=1)) + self.extra)
        return auc_interval(self.value, within_bounds(self.value, half, (0.0, 1.0)), *self.images)

    def tells(self, tests: int = 1) -> bool:
        """Whether the whole interval is above guessing."""
        interval = self.interval(tests)
        return interval is not None and interval[0] > 0.5

    def above(self, other: "Separation") -> tuple[float, float, float]:
        """This AUC less another of the same images, in [-1, 1], and its 95 % interval, paired by their draws."""
        value, spread = self.value - other.value, float((self.draws - other.draws).var(ddof=1))
        half = _quantile(1) * math.sqrt(spread + self.extra + other.extra)
        return value, *within_bounds(value, half, (-1.0, 1.0))


def separation(
    scores: np.ndarray, member: np.ndarray, groups: np.ndarray, *, seed: int, extra: float = 0.0
) -> Separation:
    """The AUC of scores [n], without NaN; member [n] bool, groups [n] of near-duplicates, which are drawn whole."""
    auc = detection_auc(scores, member)[0]
    drawn = resampled_membership(scores[member], scores[~member], groups=(groups[member], groups[~member]), seed=seed)[
        "auc"
    ]
    return Separation(auc, drawn, (int(member.sum()), int((~member).sum())), extra)


def _quantile(tests: int) -> float:
    return float(ndtri(1 - 0.025 / tests))
