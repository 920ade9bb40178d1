"""Whether scores of one set are larger than those of a null set: p and q values, effect sizes, rank correlations."""

import math
from collections.abc import Sequence

import numpy as np
import torch

from holdfast.randomness import generator

NORMAL_975 = 1.959963984540054
DRAWS = 1000


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


def effect_size(scores: np.ndarray, null: np.ndarray) -> float:
    """Cohen's d: difference of means over the pooled standard deviation; 0 where neither set varies."""
    a, b = (np.asarray(x, dtype=float) for x in (scores, null))
    pooled = ((len(a) - 1) * _variance(a) + (len(b) - 1) * _variance(b)) / max(1, len(a) + len(b) - 2)
    return float((a.mean() - b.mean()) / math.sqrt(pooled)) if pooled > 0 else 0.0


def larger_mean_p(scores: np.ndarray, null: np.ndarray) -> float:
    """One-sided p that the mean of scores is no larger than that of null: Welch's statistic, normal approximation.

    1 where neither set varies.
    """
    a, b = (np.asarray(x, dtype=float) for x in (scores, null))
    error = math.sqrt(_variance(a) / len(a) + _variance(b) / len(b))
    return 0.5 * math.erfc((a.mean() - b.mean()) / error / math.sqrt(2)) if error > 0 else 1.0


def _variance(values: np.ndarray) -> float:
    return float(values.var(ddof=1)) if len(values) > 1 else 0.0


def mean_interval(values: np.ndarray) -> tuple[float, float]:
    """95 % interval of the mean of values [n] (normal); the mean itself for a single value."""
    mean = float(np.mean(values))
    half = NORMAL_975 * math.sqrt(_variance(np.asarray(values, dtype=float)) / len(values))
    return mean - half, mean + half


def ranks(values: np.ndarray) -> np.ndarray:
    """Ranks [n] from 1, equal values their mean rank."""
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = counts.cumsum()
    return (last - (counts - 1) / 2)[places]


def spearman(a: np.ndarray, b: np.ndarray) -> float:
    """Rank correlation in [-1, 1] of two columns [n]; 0 where one of them does not vary."""
    x, y = (ranks(np.asarray(column)) for column in (a, b))
    x, y = x - x.mean(), y - y.mean()
    scale = math.sqrt(float(x @ x) * float(y @ y))
    return max(-1.0, min(1.0, float(x @ y) / scale)) if scale > 0 else 0.0


def spearman_interval(
    a: np.ndarray, b: np.ndarray, *, clusters: np.ndarray | None = None, seed: int = 0, draws: int = DRAWS
) -> tuple[float, float]:
    """95 % percentile interval of `spearman` under resampling of rows, or of whole clusters [n] of rows.

    Widened to hold the measured value.
    """
    rows = [np.flatnonzero(clusters == c) for c in np.unique(clusters)] if clusters is not None else None
    count = len(rows) if rows is not None else len(a)
    drawn = torch.randint(count, (draws, count), generator=generator(seed, "rank correlation bootstrap")).numpy()
    values = [_drawn_spearman(a, b, chosen, rows) for chosen in drawn]
    low, high = np.quantile(values, (0.025, 0.975))
    measured = spearman(a, b)
    return float(min(low, measured)), float(max(high, measured))


def _drawn_spearman(a: np.ndarray, b: np.ndarray, chosen: np.ndarray, rows: list[np.ndarray] | None) -> float:
    if rows is not None:
        chosen = np.concatenate([rows[index] for index in chosen])
    return spearman(a[chosen], b[chosen])


def mean_pairwise_spearman(columns: Sequence[np.ndarray]) -> float:
    """Mean `spearman` over all pairs of columns [n] each: how well rankings repeat. Needs two columns."""
    pairs = [spearman(a, b) for i, a in enumerate(columns) for b in columns[i + 1 :]]
    return float(np.mean(pairs))
