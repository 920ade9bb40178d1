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


def spearman_difference(
    ours: tuple[np.ndarray, np.ndarray], theirs: tuple[np.ndarray, np.ndarray], *, seed: int
) -> tuple[float, float]:
    """95 % percentile interval of `spearman` of two columns [n] less that of two others of the same rows, which are
    drawn together; widened to hold the measured value."""

    def apart(rows: np.ndarray) -> float:
        return spearman(*(column[rows] for column in ours)) - spearman(*(column[rows] for column in theirs))

    rows = np.arange(len(ours[0]))
    drawn = resampled_rows(apart, len(rows), seed=seed, purpose="rank correlation bootstrap")
    return percentile_interval(drawn, apart(rows))


def mean_pairwise_spearman(columns: Sequence[np.ndarray]) -> float:
    """Mean `spearman` over all pairs of columns [n] each: how well rankings repeat. Needs two columns."""
    pairs = [spearman(a, b) for i, a in enumerate(columns) for b in columns[i + 1 :]]
    return float(np.mean(pairs))


def agreement_gap(
    own: np.ndarray, null: np.ndarray, *, groups: tuple[np.ndarray, np.ndarray], seed: int
) -> tuple[float, float, float]:
    """How much better rankings repeat in one set than in a null: mean pairwise `spearman` of own [k, n] less that of
    null [k, m], k rankings each, and its 95 % interval.

    A percentile bootstrap of the images of both sets; groups: a near-duplicate group for each, drawn whole.
    """
    value = mean_pairwise_spearman(list(own)) - mean_pairwise_spearman(list(null))
    drawn = [
        resampled_rows(
            lambda rows, of=of: mean_pairwise_spearman(list(of[:, rows])),
            of.shape[1],
            seed=seed,
            purpose=f"agreement of {name}",
            clusters=clusters,
        )
        for of, clusters, name in zip((own, null), groups, ("own", "null"), strict=True)
    ]
    return value, *percentile_interval(drawn[0] - drawn[1], value)


def correlation_interval(value: float, count: int) -> tuple[float, float] | None:
    """95 % interval of a `spearman` over so many independent rows (Fisher's z with the variance of Fieller 1957); None
    for fewer than five."""
    if count < 5:
        return None
    centre, half = math.atanh(max(-1 + 1e-9, min(1 - 1e-9, value))), NORMAL_975 * math.sqrt(1.06 / (count - 3))
    return math.tanh(centre - half), math.tanh(centre + half)


def separated_end(positives: int, others: int) -> float:
    """Lower end of the AUC of scores that tell so many positives from others without an error, exact.

    Of as many disjoint pairs as the smaller set has, each is then in order, which an AUC below the end would give in
    under 2.5 % of cases.
    """
    return 0.025 ** (1 / min(positives, others))


def auc_interval(auc: float, interval: tuple[float, float], positives: int, others: int) -> tuple[float, float]:
    """An interval of an AUC, with exact ends where the scores tell the two sets apart (or the wrong way round) without
    an error: neither a variance nor a bootstrap knows that other images might not be."""
    end = separated_end(positives, others)
    return (end, 1.0) if auc == 1 else (0.0, 1 - end) if auc == 0 else interval


def detection_auc(scores: np.ndarray, positive: np.ndarray) -> tuple[float, float, float]:
    """Chance that a positive [n] (bool) scores higher than another, ties one half, and its 95 % interval.

    DeLong's variance (1988), exact ends at 0 and 1. 0.5 is guessing. Raises ValueError where all or none are positive.
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
    return auc, *auc_interval(auc, (max(0.0, auc - half), min(1.0, auc + half)), m, n)
