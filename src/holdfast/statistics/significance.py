"""Whether scores of one set are larger than those of a null set: p and q values, and effect sizes."""

import math

import numpy as np

from holdfast.statistics.intervals import known, sample_variance


def empirical_p(scores: np.ndarray, null: np.ndarray) -> np.ndarray:
    """One-sided p [n] in (0, 1]: (1 + number of null scores at least as large) / (1 + number of null scores)."""
    null = np.sort(known(null))
    larger = len(null) - np.searchsorted(null, known(scores), side="left")
    return (1 + larger) / (1 + len(null))


def false_discovery(p: np.ndarray) -> np.ndarray:
    """Benjamini-Hochberg q [n] of p [n]: the share of false discoveries to expect among those with a q no larger."""
    p = known(p)
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
    a, b = (known(x) for x in (scores, null))
    pooled = ((len(a) - 1) * sample_variance(a) + (len(b) - 1) * sample_variance(b)) / max(1, len(a) + len(b) - 2)
    return float((a.mean() - b.mean()) / math.sqrt(pooled)) if pooled > 0 else 0.0


def larger_mean_p(scores: np.ndarray, null: np.ndarray) -> float:
    """One-sided p that the mean of scores is no larger than that of null: Welch's test (doi:10.1093/biomet/34.1-2.28).

    Student's t with Welch and Satterthwaite's degrees of freedom; two values or more of each. 1 where neither set
    varies.
    """
    a, b = (known(x) for x in (scores, null))
    parts = [sample_variance(x) / len(x) for x in (a, b)]
    if sum(parts) <= 0:
        return 1.0
    freedom = sum(parts) ** 2 / sum(part**2 / (len(x) - 1) for part, x in zip(parts, (a, b), strict=True) if part > 0)
    return _student_tail((a.mean() - b.mean()) / math.sqrt(sum(parts)), freedom)


def _student_tail(t: float, freedom: float) -> float:
    """P(T > t) of Student's t, by the incomplete beta function (Abramowitz and Stegun 26.7.1, 26.5.8)."""
    half = 0.5 * _incomplete_beta(freedom / 2, 0.5, freedom / (freedom + t * t))
    return half if t > 0 else 1.0 - half


def _incomplete_beta(a: float, b: float, x: float) -> float:
    """Regularised: by its continued fraction, on the side where that converges fast."""
    if x in (0.0, 1.0):
        return x
    if x > (a + 1) / (a + b + 2):
        return 1.0 - _incomplete_beta(b, a, 1.0 - x)
    front = math.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)) / a
    value = 1.0
    for m in range(300, 0, -1):  # from the inside out: no test of convergence that could fail
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m - 1) * (a + b + m - 1) * x / ((a + 2 * m - 2) * (a + 2 * m - 1))
        value = 1.0 + odd / (1.0 + even / value)
    return front / value
