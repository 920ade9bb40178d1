"""Means, spreads and intervals over runs, and resampled accuracies over test images. Pure functions of numbers."""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

DRAWS = 1000
_BLOCK = 100


@dataclass(frozen=True)
class Estimate:
    """A number with its 95 % interval and what the interval is over."""

    value: float
    low: float | None = None
    high: float | None = None
    spread: float | None = None
    """Population standard deviation over runs, as the SDCLR paper reports; None for a single run."""
    runs: int = 1
    over: str = ""

    @property
    def interval(self) -> tuple[float, float] | None:
        """(low, high), or None where there is none."""
        return None if self.low is None or self.high is None else (self.low, self.high)


def t_quantile(freedom: int) -> float:
    """The 0.975 quantile of Student's t with a whole number of degrees of freedom (Abramowitz and Stegun 26.7.3-4)."""
    low, high = 0.0, 13.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if _t_central(middle, freedom) < 0.95 else (low, middle)
    return (low + high) / 2


def _t_central(t: float, freedom: int) -> float:
    """Probability that |T| < t: a finite cosine series, exact for whole degrees of freedom."""
    angle = math.atan(t / math.sqrt(freedom))
    term = total = math.cos(angle) if freedom % 2 else 1.0
    for k in range(3 if freedom % 2 else 2, freedom - 1, 2):
        term *= (k - 1) / k * math.cos(angle) ** 2
        total += term
    if freedom % 2 == 0:
        return math.sin(angle) * total
    return 2 / math.pi * (angle + (math.sin(angle) * total if freedom > 1 else 0.0))


def over_runs(
    values: Sequence[float], over: str, *, bounds: tuple[float | None, float | None] = (None, None)
) -> Estimate:
    """Mean, population spread and t interval of two or more runs' values; the interval is cut to the score's bounds.

    Runs that happen to agree to the digit say nothing of how others would spread: they get no interval.
    """
    n, mean = len(values), float(np.mean(values))
    half = t_quantile(n - 1) * float(np.std(values, ddof=1)) / math.sqrt(n)
    if half < 1e-9 * max(1.0, abs(mean)):
        return Estimate(value=mean, spread=0.0, runs=n, over=over)
    low, high = bounds
    return Estimate(
        value=mean,
        low=mean - half if low is None else max(low, mean - half),
        high=mean + half if high is None else min(high, mean + half),
        spread=float(np.std(values)),
        runs=n,
        over=over,
    )


def unpaired(a: Sequence[float], b: Sequence[float], over: str) -> Estimate:
    """Mean of a minus mean of b with Welch's t interval, degrees of freedom rounded down; two or more values each."""
    parts = [float(np.var(x, ddof=1)) / len(x) for x in (a, b)]
    error, value = math.sqrt(sum(parts)), float(np.mean(a) - np.mean(b))
    weights = sum(part**2 / (len(x) - 1) for part, x in zip(parts, (a, b), strict=True))
    freedom = max(1, int(sum(parts) ** 2 / weights)) if weights > 0 else 1
    half = t_quantile(freedom) * error
    return Estimate(value=value, low=value - half, high=value + half, runs=min(len(a), len(b)), over=over)


@dataclass(frozen=True)
class Resampled:
    """Per-class accuracies of one encoder under resampling of its test images."""

    ids: np.ndarray
    """int64 [n], ascending: the test images."""
    accuracies: np.ndarray
    """[DRAWS, classes] in percent."""
    groups: tuple[str, ...]
    """'many', 'medium' or 'few' per class."""

    def statistic(self, name: str) -> np.ndarray:
        """The balance score `name` of every draw: [DRAWS]."""
        return group_statistic(self.accuracies, self.groups, name)


def resample(ids: np.ndarray, labels: np.ndarray, correct: np.ndarray, groups: np.ndarray, *, key: str) -> Resampled:
    """Draws test images within each class, all arrays [n] in ascending order of the ids.

    The draws depend on `key` (the test set's checksum) and the class sizes alone, so encoders measured on the same
    images see the same draws and can be paired.
    """
    rng = np.random.default_rng(list(hashlib.sha256(key.encode()).digest()))
    classes, first = np.unique(labels, return_index=True)
    drawn = np.empty((DRAWS, len(classes)))
    for column, name in enumerate(classes):
        right = 100.0 * correct[labels == name]
        for start in range(0, DRAWS, _BLOCK):  # in blocks: 1,000 draws of a large class would not fit in memory
            picks = rng.integers(len(right), size=(_BLOCK, len(right)), dtype=np.int32)
            drawn[start : start + _BLOCK, column] = right[picks].mean(1)
    return Resampled(ids, drawn, tuple(str(group) for group in groups[first]))


def group_statistic(accuracies: np.ndarray, groups: Sequence[str], name: str) -> np.ndarray:
    """The balance score 'all', 'many', 'medium', 'few', 'std' or 'worst_class' of accuracies [..., classes]: [...];
    NaN if none."""
    if name == "all":
        return accuracies.mean(-1)
    if name == "worst_class":
        return accuracies.min(-1)
    means = {group: accuracies[..., np.asarray(groups) == group].mean(-1) for group in dict.fromkeys(groups)}
    if name == "std":
        return np.stack([*means.values()], -1).std(-1)
    return means.get(name, np.full(accuracies.shape[:-1], np.nan))
