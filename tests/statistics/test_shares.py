import numpy as np
import pytest
from scipy import stats

from holdfast.statistics import (
    exact_interval,
    mean_share_interval,
    none_of,
    share_difference,
    stratified_interval,
    wilson_interval,
)


@pytest.mark.parametrize(("hits", "images"), [(0, 5), (1, 5), (5, 5), (37, 100)])
def test_exact_ends_are_scipys(hits, images):
    expected = stats.binomtest(hits, images).proportion_ci(0.95, method="exact")
    assert np.ravel(exact_interval(hits, images)) == pytest.approx([expected.low, expected.high])


def test_the_mean_of_equal_strata_is_a_plain_share_up_to_the_smoothing():
    shares, images, weights = np.full(4, 0.5), np.full(4, 250), np.full(4, 0.25)
    low, high = mean_share_interval(shares, images, weights)
    assert (100 * low, 100 * high) == pytest.approx(wilson_interval(50, 1000), abs=0.02)


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_the_mean_of_strata_that_are_all_right_or_all_wrong_is_not_certain(share):
    low, high = mean_share_interval(np.full(3, share), np.full(3, 20), np.full(3, 1 / 3))
    assert high - low > 0.02


def test_none_of_eighty_may_be_four_percent():
    assert 100 * none_of(80) == pytest.approx(4.58, abs=0.01)
    assert wilson_interval(0, 80)[1] == pytest.approx(100 * none_of(80))


def test_the_difference_of_two_shares_is_newcombes():
    """His example: 56 of 70 against 48 of 80, method 10."""
    value, low, high = share_difference((56, 48), (70, 80))
    assert (value, low, high) == pytest.approx((20.0, 5.24, 33.39), abs=0.01)


def test_one_stratum_is_a_t_interval():
    values = np.random.default_rng(0).normal(size=12)
    found = stratified_interval(values, np.zeros(12, int), {0: 1.0})
    expected = stats.ttest_1samp(values, 0).confidence_interval()
    assert found == pytest.approx((expected.low, expected.high))


def test_two_strata_are_welchs():
    draws = np.random.default_rng(1)
    a, b = draws.normal(size=7), draws.normal(0, 3, 15)
    found = stratified_interval(np.r_[a, b], np.repeat([1, 0], [7, 15]), {1: 1.0, 0: -1.0})
    expected = stats.ttest_ind(a, b, equal_var=False).confidence_interval()
    assert found == pytest.approx((expected.low, expected.high))
