"""Paired intervals against slow and known answers."""

import numpy as np
import pytest

from holdfast.report.paired import group_means, mean, paired_interval, ranked_above

IDS = np.arange(400)


def drawn(seed, shift=0.0):
    return np.random.default_rng(seed).normal(shift, 1.0, 400)


def test_the_interval_of_a_mean_is_that_of_the_paired_differences():
    a, b = drawn(0), drawn(0) + drawn(1, 0.2) / 5
    low, high = paired_interval([mean(IDS, b)], [mean(IDS, a)])
    half = 1.96 * (b - a).std() / 20
    assert (low, high) == pytest.approx(((b - a).mean() - half, (b - a).mean() + half), abs=0.1 * half)
    unpaired = 1.96 * np.sqrt(2) / 20
    assert high - low < unpaired, "pairing uses that both answer the same images"


def test_an_encoder_does_not_differ_from_itself():
    one = mean(IDS, drawn(0))
    assert paired_interval([one], [one]) == (0.0, 0.0)


def test_the_order_of_images_changes_nothing():
    order = np.random.default_rng(3).permutation(400)
    a, b = drawn(0), drawn(1)
    shuffled = paired_interval([mean(IDS[order], a[order])], [mean(IDS, b)])
    assert shuffled == paired_interval([mean(IDS, a)], [mean(IDS, b)])


def test_other_images_are_not_paired():
    assert paired_interval([mean(IDS, drawn(0))], [mean(IDS + 1, drawn(1))]) is None
    some = np.where(IDS < 3, np.nan, drawn(1))
    assert paired_interval([mean(IDS, drawn(0))], [mean(IDS, some)]) is None
    assert paired_interval([], [mean(IDS, some)]) is None
    assert mean(IDS, np.full(400, np.nan)) is None


def test_runs_are_averaged_image_by_image():
    runs = [mean(IDS, drawn(seed)) for seed in range(4)]
    average = mean(IDS, np.mean([drawn(seed) for seed in range(4)], axis=0))
    other = [mean(IDS, drawn(9))]
    assert paired_interval(runs, other) == pytest.approx(paired_interval([average], other))


def test_each_group_counts_by_its_weight_whatever_its_size():
    strata = np.where(IDS < 390, 0, 1)
    values = np.where(strata == 0, 1.0, 3.0)
    found = group_means(IDS, values, strata, {0: 0.5, 1: 0.5})
    assert found.score == 2.0
    assert group_means(IDS, values, strata, {0: 0.5, 2: 0.5}) is None, "no image of the last group"


def test_the_chance_to_rank_above_is_the_auc_and_its_interval_that_of_a_full_bootstrap():
    member = IDS % 2 == 0
    a, b = drawn(0) + member, drawn(0) + 0.6 * member + drawn(1) / 3
    first, second = (ranked_above(IDS, values, member) for values in (a, b))
    assert first.score == pytest.approx(np.mean(a[member][:, None] > a[~member][None]))
    rng, slow = np.random.default_rng(5), []
    for _ in range(400):
        own, other = rng.choice(IDS[member], 200), rng.choice(IDS[~member], 200)
        slow.append(np.mean(a[own][:, None] > a[other][None]) - np.mean(b[own][:, None] > b[other][None]))
    expected = np.percentile(slow, [2.5, 97.5])
    assert paired_interval([first], [second]) == pytest.approx(tuple(expected), abs=0.15 * np.ptp(expected))


def test_ties_count_one_half():
    assert ranked_above(np.arange(4), np.zeros(4), np.array([1, 1, 0, 0], bool)).score == 0.5


def test_answers_that_all_agree_leave_room_for_those_not_seen():
    right = mean(np.arange(80), np.where(np.arange(80) < 60, 100.0, 0.0))
    low, high = paired_interval([right], [right], span=100.0)
    assert (low, high) == pytest.approx((-4.58, 4.58), abs=0.01), "Wilson's end of 0 of 80"


def test_a_class_with_one_image_leaves_no_interval():
    strata = np.repeat([0, 1], [5, 1])
    one = group_means(np.arange(6), np.arange(6.0), strata, {0: 0.5, 1: 0.5})
    assert paired_interval([one], [one]) is None
