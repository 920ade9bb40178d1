"""What depends on order alone: mean ranks, rank correlations, and the chance that one set lies above another."""

import math
from collections.abc import Sequence

import numpy as np

from holdfast.statistics.intervals import NORMAL_975, known, percentile_interval, sample_variance
from holdfast.statistics.resampling import DRAWS, drawn_weights

_PURPOSE = "rank correlation bootstrap"
LEAST_ROWS = 20
"""Rows, of a set each where there are two, from which a rank correlation has an interval."""
LEAST_OF_A_SIDE = 10
"""Positives and others, each, from which an AUC has an interval that is not exact."""


def midranks(values: np.ndarray) -> np.ndarray:
    """Ranks [n] from 1, equal values their mean rank."""
    _, places, counts = np.unique(known(values), return_inverse=True, return_counts=True)
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
) -> tuple[float, float] | None:
    """95 % percentile interval of `spearman` under resampling of rows, or of whole clusters [n] of rows.

    Widened to hold the measured value; None under 20 rows, and where a column does not vary.
    """
    if len(a) < LEAST_ROWS or not np.ptp(a) or not np.ptp(b):
        return None
    found = _drawn_correlations([a, b], clusters=clusters, seed=seed, purpose=_PURPOSE)
    return percentile_interval(found[:, 0, 1], spearman(a, b))


def spearman_difference(
    ours: tuple[np.ndarray, np.ndarray], theirs: tuple[np.ndarray, np.ndarray], *, seed: int
) -> tuple[float, float] | None:
    """95 % percentile interval of `spearman` of two columns [n] less that of two others of the same rows, which are
    drawn together; widened to hold the measured value. None as `spearman_interval`."""
    if len(ours[0]) < LEAST_ROWS or not all(np.ptp(column) for column in (*ours, *theirs)):
        return None
    found = _drawn_correlations([*ours, *theirs], seed=seed, purpose=_PURPOSE)
    return percentile_interval(found[:, 0, 1] - found[:, 2, 3], spearman(*ours) - spearman(*theirs))


def _drawn_correlations(
    columns: Sequence[np.ndarray], *, seed: int, purpose: str, clusters: np.ndarray | None = None
) -> np.ndarray:
    """`spearman` of all pairs of columns [k, n] in each of DRAWS resamplings, [DRAWS, k, k]; clusters are drawn whole.

    A row that is drawn w times weighs w, so that ranks need no sorting in a draw.
    """
    groups, found = np.arange(len(columns[0])) if clusters is None else clusters, []
    ordered = [np.unique(known(column), return_inverse=True)[1] for column in columns]
    for weights in drawn_weights(groups, seed=seed, purpose=purpose, draws=DRAWS):
        ranks = np.stack([_weighted_ranks(places, weights) for places in ordered])
        ranks -= (ranks * weights).sum(-1, keepdims=True) / weights.sum(-1)[None, :, None]
        products = np.einsum("kdn,ldn->dkl", ranks * weights, ranks)
        lengths = np.sqrt(np.einsum("dkk->dk", products))
        scale = lengths[:, :, None] * lengths[:, None, :]
        found.append(np.where(scale > 0, products / np.where(scale > 0, scale, 1.0), 0.0).clip(-1.0, 1.0))
    return np.concatenate(found)


def _weighted_ranks(places: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Mean ranks [d, n] of rows with places [n] among the different values, each row being there weights [d, n]
    times."""
    order = np.argsort(places, kind="stable")
    starts = np.searchsorted(places[order], np.arange(int(places.max()) + 1))
    counts = weights[:, order]
    if len(starts) < len(places):
        counts = np.add.reduceat(counts, starts, axis=1)
    return (counts.cumsum(1) - (counts - 1) / 2)[:, places]


def mean_pairwise_spearman(columns: Sequence[np.ndarray]) -> float:
    """Mean `spearman` over all pairs of columns [n] each: how well rankings repeat. Needs two columns."""
    ranks = np.stack([midranks(np.asarray(column)) for column in columns])
    ranks -= ranks.mean(1, keepdims=True)
    lengths = np.sqrt((ranks**2).sum(1))
    units = ranks / np.where(lengths > 0, lengths, 1.0)[:, None]
    return float((units @ units.T)[np.triu_indices(len(units), 1)].clip(-1.0, 1.0).mean())


def agreement_gap(
    own: np.ndarray, null: np.ndarray, *, groups: tuple[np.ndarray, np.ndarray], seed: int
) -> tuple[float, tuple[float, float] | None]:
    """How much better rankings repeat in one set than in a null: mean pairwise `spearman` of own [k, n] less that of
    null [k, m], k rankings each, and its 95 % interval, None under 20 groups in a set.

    A percentile bootstrap of the images of both sets; groups: a near-duplicate group for each, drawn whole.
    """
    value = mean_pairwise_spearman(list(own)) - mean_pairwise_spearman(list(null))
    if min(len(np.unique(of)) for of in groups) < LEAST_ROWS:
        return value, None
    drawn = [
        _drawn_correlations(list(of), clusters=clusters, seed=seed, purpose=f"agreement of {name}")
        for of, clusters, name in zip((own, null), groups, ("own", "null"), strict=True)
    ]
    pairs = np.triu_indices(len(own), 1)
    means = [found[:, pairs[0], pairs[1]].mean(1) for found in drawn]
    return value, percentile_interval(means[0] - means[1], value)


def correlation_interval(value: float, count: int) -> tuple[float, float] | None:
    """95 % interval of a `spearman` over so many independent rows (Fisher's z with the variance of Fieller 1957); None
    for fewer than six."""
    if count < 6:
        return None
    centre, half = math.atanh(max(-1 + 1e-9, min(1 - 1e-9, value))), NORMAL_975 * math.sqrt(1.06 / (count - 3))
    return math.tanh(centre - half), math.tanh(centre + half)


def separated_end(positives: int, others: int) -> float:
    """Lower end of the AUC of scores that tell so many positives from others without an error, exact.

    Of as many disjoint pairs as the smaller set has, each is then in order, which an AUC below the end would give in
    under 2.5 % of cases.
    """
    return 0.025 ** (1 / min(positives, others))


def auc_interval(
    auc: float, interval: tuple[float, float] | None, positives: int, others: int
) -> tuple[float, float] | None:
    """An interval of an AUC, with exact ends where the scores tell the two sets apart (or the wrong way round) without
    an error: neither a variance nor a bootstrap knows that other images might not be. None otherwise under ten images
    of a side."""
    end = separated_end(positives, others)
    if auc in (0, 1):
        return (end, 1.0) if auc == 1 else (0.0, 1 - end)
    return interval if min(positives, others) >= LEAST_OF_A_SIDE else None


def detection_auc(scores: np.ndarray, positive: np.ndarray) -> tuple[float, tuple[float, float] | None]:
    """Chance that a positive [n] (bool) scores higher than another, ties one half, and its 95 % interval.

    DeLong's variance (1988) on the scale of log-odds, exact ends at 0 and 1; None as `auc_interval`, and where all
    scores are equal. 0.5 is guessing. Raises ValueError where all or none are positive.
    """
    scores, positive = np.asarray(scores, dtype=float), np.asarray(positive, dtype=bool)
    m, n = int(positive.sum()), int((~positive).sum())
    if not m or not n:
        raise ValueError(f"expected images of both kinds, got {m} and {n}; an AUC compares two")
    together, own, others = midranks(scores), midranks(scores[positive]), midranks(scores[~positive])
    above = (together[positive] - own) / n  # share of the others that each positive exceeds
    below = 1 - (together[~positive] - others) / m
    auc = float(above.mean())
    error = math.sqrt(sum(sample_variance(x) / len(x) for x in (above, below)))
    return auc, auc_interval(auc, _by_log_odds(auc, error) if error > 0 else None, m, n)


def _by_log_odds(share: float, error: float) -> tuple[float, float] | None:
    """share ± 1.96 standard errors, taken on the scale of log-odds; None at 0 and 1, which have none."""
    if not 0 < share < 1:
        return None
    centre, half = math.log(share / (1 - share)), NORMAL_975 * error / (share * (1 - share))
    low, high = (1 / (1 + math.exp(min(700.0, -end))) for end in (centre - half, centre + half))
    return low, high
