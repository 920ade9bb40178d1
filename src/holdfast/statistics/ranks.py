"""What depends on order alone: mean ranks, rank correlations, and the chance that one set lies above another."""

import math
from collections.abc import Sequence

import numpy as np

from holdfast.statistics.intervals import NORMAL_975, percentile_interval, sample_variance
from holdfast.statistics.resampling import resampled_rows


def midranks(values: np.ndarray) -> np.ndarray:
    """Ranks [n] from 1, equal values their mean rank."""
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = counts.cumsum()
    return (last - (counts - 1) / 2)[places]


def spearman(a: np.ndarray, b: np.ndarray) -> float:
    """Rank correlation in [-1, 1] of two columns [n]; 0 where one of them does not vary."""
    x, y = (midranks(np.asarray(column)) for column in (a, b))
    x, y = x - x.mean(), y - y.mean()
    scale = math.sqrt(float(x @ x) * float(y @ y))
    return max(-1.0, min(1.0, float(x @ y) / scale)) if scale > 0 else 0.0


def spearman_interval(
    a: np.ndarray, b: np.ndarray, *, clusters: np.ndarray | None = None, seed: int = 0
) -> tuple[float, float]:
    """95 % percentile interval of `spearman` under resampling of rows, or of whole clusters [n] of rows.

    Widened to hold the measured value.
    """
    drawn = resampled_rows(
        lambda rows: spearman(a[rows], b[rows]),
        len(a),
        seed=seed,
        purpose="rank correlation bootstrap",
        clusters=clusters,
    )
    return percentile_interval(drawn, spearman(a, b))


def mean_pairwise_spearman(columns: Sequence[np.ndarray]) -> float:
    """Mean `spearman` over all pairs of columns [n] each: how well rankings repeat. Needs two columns."""
    pairs = [spearman(a, b) for i, a in enumerate(columns) for b in columns[i + 1 :]]
    return float(np.mean(pairs))


def detection_auc(scores: np.ndarray, positive: np.ndarray) -> tuple[float, float, float]:
    """Chance that a positive [n] (bool) scores higher than another, ties one half, and its 95 % interval.

    DeLong's variance (1988). 0.5 is guessing. Raises ValueError where all or none are positive.
    """
    scores, positive = np.asarray(scores, dtype=float), np.asarray(positive, dtype=bool)
    m, n = int(positive.sum()), int((~positive).sum())
    if not m or not n:
        raise ValueError(f"expected images of both kinds, got {m} and {n}; an AUC compares two")
    together, own, others = midranks(scores), midranks(scores[positive]), midranks(scores[~positive])
    above = (together[positive] - own) / n  # share of the others that each positive exceeds
    below = 1 - (together[~positive] - others) / m
    auc = float(above.mean())
    variance = sum(sample_variance(x) / len(x) for x in (above, below))
    half = NORMAL_975 * math.sqrt(variance)
    return auc, max(0.0, auc - half), min(1.0, auc + half)
