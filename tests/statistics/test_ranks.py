import numpy as np
import pytest

from holdfast.statistics import (
    agreement_gap,
    auc_interval,
    correlation_interval,
    detection_auc,
    least_null,
    mean_pairwise_spearman,
    separated_end,
)

ALONE = np.arange(200), np.arange(200)


def rankings(seed, signal, n=200, pairs=3):
    draws = np.random.default_rng(seed)
    return signal * draws.normal(size=n) + draws.normal(size=(pairs, n))


def test_rankings_that_repeat_more_than_the_null_have_a_gap_above_zero():
    value, (low, high) = agreement_gap(rankings(0, 1.0), rankings(1, 0.2), groups=ALONE, seed=0)
    assert value == pytest.approx(
        mean_pairwise_spearman(list(rankings(0, 1.0))) - mean_pairwise_spearman(list(rankings(1, 0.2)))
    )
    assert 0 < low < value < high


def test_rankings_that_repeat_as_much_in_the_null_have_none():
    _, (low, high) = agreement_gap(rankings(2, 0.5), rankings(3, 0.5), groups=ALONE, seed=0)
    assert low < 0 < high


def test_near_duplicates_are_drawn_together():
    own, null = (np.repeat(rankings(seed, 0.5, n=40), 5, axis=1) for seed in (4, 5))
    together = np.repeat(np.arange(40), 5)
    ends = [agreement_gap(own, null, groups=groups, seed=0)[1] for groups in (ALONE, (together, together))]
    assert np.ptp(ends[1]) > 1.7 * np.ptp(ends[0])


def test_a_correlation_over_few_classes_is_hardly_known():
    low, high = correlation_interval(0.6, 10)
    assert low < 0 < 0.6 < high
    assert correlation_interval(-1.0, 4) is None
    assert correlation_interval(1.0, 20)[1] <= 1


def test_a_perfect_auc_of_five_is_not_certain():
    assert separated_end(5, 500) == pytest.approx(0.478, abs=1e-3)
    assert detection_auc(np.r_[np.ones(5), np.zeros(500)], np.arange(505) < 5)[1] == (separated_end(5, 500), 1.0)
    assert auc_interval(0.0, (0.0, 0.0), 5, 500) == (0.0, 1 - separated_end(5, 500))
    assert auc_interval(0.7, (0.6, 0.8), 10, 500) == (0.6, 0.8)
    assert auc_interval(0.7, (0.6, 0.8), 9, 500) is None, "too few for a bootstrap or a variance"


def test_a_single_discovery_needs_twenty_times_the_candidates():
    assert least_null(2480) == 49599
    from holdfast.statistics import empirical_p, false_discovery

    for externals, found in ((least_null(15), True), (least_null(15) - 1, False)):
        scores = np.r_[9.0, np.full(14, -9.0)]
        assert (false_discovery(empirical_p(scores, np.zeros(externals)))[0] <= 0.05) == found
