"""Intervals in closed form, against known values."""

import numpy as np
import pytest

from holdfast.statistics import over_runs, t_quantile, unpaired, wilson_interval


@pytest.mark.parametrize(
    ("freedom", "expected"), [(1, 12.7062), (2, 4.30265), (4, 2.77645), (9, 2.26216), (30, 2.04227)]
)
def test_t_quantiles_are_those_of_the_tables(freedom, expected):
    assert t_quantile(freedom) == pytest.approx(expected, abs=1e-4)


def test_three_runs_have_a_mean_a_population_spread_and_a_t_interval():
    estimate = over_runs([80.0, 82.0, 84.0], "3 seeds")
    half = 4.30265 * 2 / np.sqrt(3)
    assert (estimate.value, estimate.spread) == (82.0, pytest.approx(np.sqrt(8 / 3)))
    assert estimate.interval == pytest.approx((82 - half, 82 + half), abs=1e-4)


def test_an_interval_is_cut_to_what_the_score_can_be():
    assert over_runs([99.0, 95.0], "2 seeds", bounds=(0.0, 100.0)).interval == (
        pytest.approx(97 - 25.41, abs=0.01),
        100.0,
    )


def test_runs_that_agree_to_the_digit_get_no_interval():
    assert over_runs([3.7, 3.7], "2 seeds").interval is None
    assert over_runs([0.0, 0.0, 0.0], "3 seeds").interval is None


def test_unpaired_runs_get_welchs_interval():
    estimate = unpaired([10.0, 12.0, 14.0], [1.0, 2.0, 3.0], "3 and 3 runs")
    error = np.sqrt(4 / 3 + 1 / 3)
    assert estimate.value == 10.0
    assert estimate.interval == pytest.approx(
        (10 - 4.30265 * error, 10 + 4.30265 * error), abs=1e-3
    )  # freedom 2.9 -> 2


def test_unpaired_runs_of_bounded_scores_lie_no_further_apart_than_these_allow():
    estimate = unpaired([90.0, 10.0], [20.0, 60.0], "2 and 2 runs", bounds=(-100.0, 100.0))
    assert (estimate.value, estimate.interval) == (10.0, (-100.0, 100.0))


def test_wilsons_interval_is_the_textbooks():
    assert wilson_interval(10, 100) == pytest.approx((5.5229, 17.4366), abs=1e-4)
    assert wilson_interval(0, 10) == pytest.approx((0, 27.7533), abs=1e-4)
    assert wilson_interval(100, 10) == pytest.approx((72.2467, 100), abs=1e-4)


def test_wilsons_interval_needs_an_image():
    with pytest.raises(ValueError, match="leave the class out"):
        wilson_interval(50, 0)
