import numpy as np
import pytest
from scipy import stats

from holdfast.statistics import (
    difference_interval,
    effect_size,
    empirical_p,
    false_discovery,
    larger_mean_p,
    mean_interval,
    mean_pairwise_spearman,
    midranks,
    spearman,
    spearman_interval,
)

RANDOM = np.random.default_rng(0)
A, B = RANDOM.normal(0.3, 1, 200), RANDOM.normal(0, 2, 300)


def test_p_values_of_the_null_itself_are_uniform():
    p = empirical_p(RANDOM.normal(size=4000), RANDOM.normal(size=4000))
    assert np.quantile(p, [0.1, 0.5, 0.9]) == pytest.approx([0.1, 0.5, 0.9], abs=0.03)
    assert p.min() > 0


def test_false_discovery_is_scipys():
    p = RANDOM.uniform(size=50) ** 2
    np.testing.assert_allclose(false_discovery(p), stats.false_discovery_control(p))


def test_nothing_is_discovered_in_the_null():
    q = [false_discovery(empirical_p(RANDOM.normal(size=100), RANDOM.normal(size=400))).min() for _ in range(40)]
    assert np.mean(np.array(q) <= 0.05) < 0.2


def test_welch_is_scipys_up_to_the_normal_approximation():
    expected = stats.ttest_ind(A, B, equal_var=False, alternative="greater").pvalue  # type: ignore[attr-defined]
    assert larger_mean_p(A, B) == pytest.approx(expected, abs=2e-3)
    assert larger_mean_p(B, A) == pytest.approx(1 - larger_mean_p(A, B))
    assert larger_mean_p(np.ones(3), np.ones(4)) == 1


def test_an_effect_size_counts_pooled_standard_deviations():
    assert effect_size(np.array([1.0, 3.0]), np.array([-1.0, 1.0])) == pytest.approx(2 / np.sqrt(2))
    assert effect_size(np.ones(3), np.ones(3)) == 0


def test_spearman_is_scipys_with_ties():
    a, b = RANDOM.integers(0, 5, 80), RANDOM.integers(0, 5, 80)
    assert spearman(a, b) == pytest.approx(stats.spearmanr(a, b)[0])  # type: ignore[arg-type]
    np.testing.assert_allclose(midranks(a), stats.rankdata(a))
    assert spearman(np.ones(4), np.arange(4)) == 0


def test_spearmans_interval_holds_it_and_is_wider_by_cluster():
    clusters = np.repeat(np.arange(8), 25)
    level = RANDOM.normal(size=8)[clusters]
    a, b = level + RANDOM.normal(size=200), clusters.astype(float)
    alone, together = spearman_interval(a, b), spearman_interval(a, b, clusters=clusters)
    for low, high in (alone, together):
        assert low <= spearman(a, b) <= high
    assert np.ptp(together) > np.ptp(alone)


def test_the_mean_interval_is_students():
    expected = stats.ttest_1samp(A, 0).confidence_interval()
    assert mean_interval(A) == pytest.approx((expected.low, expected.high))
    assert mean_interval(A, bounds=(0.3, None))[0] == 0.3


def test_the_difference_of_two_means_is_welchs():
    expected = stats.ttest_ind(A, B, equal_var=False).confidence_interval()
    assert difference_interval(A, B) == pytest.approx((expected.low, expected.high))


@pytest.mark.parametrize("values", [[2.0], [3.0, 3.0, 3.0]])
def test_one_value_and_equal_values_have_no_interval(values):
    assert mean_interval(np.array(values)) is None
    assert difference_interval(np.array(values), np.array([1.0, 1.0])) is None


def test_rankings_that_repeat_correlate():
    assert mean_pairwise_spearman([A, A, A]) == pytest.approx(1)
    assert mean_pairwise_spearman([A, -A]) == pytest.approx(-1)
