"""Std and the worst class without the bias that the noise of the test images brings."""

import numpy as np
import pytest

from holdfast.statistics import (
    Measure,
    apart_interval,
    group_estimates,
    group_statistics,
    spread_between,
    worst_by_chance,
    worst_interval,
)

GROUPS = {"many": [0, 1, 2, 3], "medium": [4, 5, 6], "few": [7, 8, 9]}


def measured(truth, images, seed):
    return 100 * np.random.default_rng(seed).binomial(images, truth) / images


def test_equally_good_classes_have_no_spread_where_papers_print_one():
    found = [measured(np.full(10, 0.6), 45, seed) for seed in range(60)]
    plain = np.mean([group_statistics(accuracy, GROUPS)["std"] for accuracy in found])
    ours = [group_estimates(accuracy, np.full(10, 45), GROUPS)["std"] for accuracy in found]
    assert plain > 2.4
    assert np.mean([one.value for one in ours]) < plain / 2
    assert np.mean([one.interval[0] == 0 for one in ours]) >= 0.93


def test_a_spread_that_is_there_is_found():
    truth = np.r_[np.full(4, 0.9), np.full(3, 0.6), np.full(3, 0.3)]
    found = [group_estimates(measured(truth, 100, s), np.full(10, 100), GROUPS)["std"].interval for s in range(20)]
    assert all(low > 18 for low, _ in found)
    assert sum(low < 100 * np.std([0.9, 0.6, 0.3]) < high for low, high in found) >= 17


def test_the_worst_of_a_hundred_equal_classes_reads_low_and_its_interval_does_not():
    counts = np.full(100, 45)
    found = [measured(np.full(100, 0.48), 45, seed) for seed in range(20)]
    assert np.mean([accuracy.min() for accuracy in found]) < 33
    intervals = [worst_interval(accuracy / 100, counts) for accuracy in found]
    assert np.mean([low <= 48 <= high for low, high in intervals]) >= 0.9
    assert worst_by_chance(found[0] / 100, counts) == pytest.approx(np.mean([a.min() for a in found]), abs=2)


def test_a_single_bad_class_is_bad_beyond_chance():
    truth = np.r_[np.full(9, 0.9), 0.2]
    low, high = worst_interval(measured(truth, 100, 1) / 100, np.full(10, 100))
    assert low < 20 < high < 40


def test_certain_classes_have_an_interval_all_the_same():
    found = group_estimates(np.full(10, 100.0), np.full(10, 20), GROUPS)
    assert found["std"].value == 0 and found["std"].interval[1] > 0.5
    assert found["worst_class"].interval[0] < 90 and found["few"].interval[0] < 98


def test_two_groups_have_a_spread_and_one_has_none():
    counts, accuracy = np.full(10, 50), measured(np.full(10, 0.5), 50, 2)
    assert "std" in group_estimates(accuracy, counts, {"many": [0], "few": [1]})
    assert "std" not in group_estimates(accuracy, counts, {"many": [0, 1]})
    found = spread_between(np.array([0.9, 0.1]), np.array([100, 100]), [[0], [1]])
    assert found.value == pytest.approx(40, abs=0.5) and found.interval[0] > 35


def test_the_difference_of_two_numbers_is_as_wide_as_both_their_intervals():
    low, high = apart_interval([Measure(5, (4, 6)), Measure(7, (6, 8))], [Measure(3, (2, 4))])
    assert (low, high) == (1, 5)


def test_what_the_balance_page_says_of_noise_alone():
    """Std of groups of ten equal classes at 60 %, 45 images each; the lowest of ten at 80 %, 100 images each."""
    groups = {"many": [0, 1, 2, 3], "medium": [4, 5, 6], "few": [7, 8, 9]}
    drawn = group_statistics(100 * np.random.default_rng(0).binomial(45, 0.6, (4000, 10)) / 45, groups)
    assert float(drawn["std"].mean()) == pytest.approx(2.9, abs=0.1)
    assert worst_by_chance(np.full(10, 0.8), np.full(10, 100)) == pytest.approx(74, abs=0.7)
