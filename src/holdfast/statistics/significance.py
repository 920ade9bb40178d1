"""Whether scores of one set are larger than those of a null set: p and q values, and effect sizes."""

import math

import numpy as np

from holdfast.statistics.intervals import sample_variance


def empirical_p(scores: np.ndarray, null: np.ndarray) -> np.ndarray:
    """One-sided p [n] in (0, 1]: (1 + number of null scores at least as large) / (1 + number of null scores)."""
    null = np.sort(np.asarray(null, dtype=float))
    larger = len(null) - np.searchsorted(null, np.asarray(scores, dtype=float), side="left")
    return (1 + larger) / (1 + len(null))


def false_discovery(p: np.ndarray) -> np.ndarray:
    """Benjamini-Hochberg q [n] of p [n]: the share of false discoveries to expect among those with a q no larger."""
    p = np.asarray(p, dtype=float)
    order = np.argsort(p)
    raw = p[order] * len(p) / np.arange(1, len(p) + 1)
    q = np.empty_like(p)
    q[order] = np.minimum(1, np.minimum.accumulate(raw[::-1])[::-1])
    return q


def least_null(tests: int, *, rate: float = 0.05) -> int:
    """Size of the null from which a single one of so many tests can be discovered at a false discovery rate.

    An empirical p is 1 / (1 + null) at least, and Benjamini and Hochberg ask rate / tests of the smallest.
    """
    return math.ceil(tests / rate - 1e-9) - 1


def effect_size(scores: np.ndarray, null: np.ndarray) -> float:
    """Cohen's d: difference of means over the pooled standard deviation; 0 where neither set varies."""
    a, b = (np.asarray(x, dtype=float) for x in (scores, null))
    pooled = ((len(a) - 1) * sample_variance(a) + (len(b) - 1) * sample_variance(b)) / max(1, len(a) + len(b) - 2)
    return float((a.mean() - b.mean()) / math.sqrt(pooled)) if pooled > 0 else 0.0


def larger_mean_p(scores: np.ndarray, null: np.ndarray) -> float:
    """One-sided p that the mean of scores is no larger than that of null: Welch's statistic, normal approximation.

    1 where neither set varies.
    """
    a, b = (np.asarray(x, dtype=float) for x in (scores, null))
    error = math.sqrt(sample_variance(a) / len(a) + sample_variance(b) / len(b))
    return 0.5 * math.erfc((a.mean() - b.mean()) / error / math.sqrt(2)) if error > 0 else 1.0
