"""How often intervals hold and tests err, by simulation: every row of docs/statistics.md, with a stated tolerance."""

import numpy as np
import pytest
from scipy.stats import norm

from holdfast import statistics as st

TOLERANCE = 0.03
"""What a simulation of 300 draws may be off by (two standard errors of 0.95 are 0.025)."""
GROUPS = {"many": [0, 1, 2, 3], "medium": [4, 5, 6], "few": [7, 8, 9]}
EQUAL = np.full(10, 0.6)
UNEQUAL = np.array([0.7, 0.65, 0.6, 0.75, 0.5, 0.55, 0.45, 0.3, 0.35, 0.2])
slow = pytest.mark.slow


def hundred():
    return {"many": list(range(34)), "medium": list(range(34, 67)), "few": list(range(67, 100))}


def by_class(truth, images, groups, draws=300):
    """Share of draws in which each interval of group_estimates holds the truth."""
    random, counts = np.random.default_rng(0), np.full(len(truth), images)
    true = {name: float(value) for name, value in st.group_statistics(100 * truth, groups).items()}
    held = dict.fromkeys(true, 0)
    for _ in range(draws):
        found = st.group_estimates(100 * random.binomial(images, truth) / images, counts, groups)
        for name, measure in found.items():
            held[name] += measure.interval[0] <= true[name] + 1e-9 and true[name] - 1e-9 <= measure.interval[1]
    return {name: hits / draws for name, hits in held.items()}


@slow
@pytest.mark.parametrize(
    ("truth", "groups"), [(np.full(10, 0.6), GROUPS), (UNEQUAL, GROUPS), (np.full(100, 0.48), None)]
)
@pytest.mark.parametrize("images", [5, 10, 45])
def test_intervals_over_classes_hold(truth, groups, images):
    held = by_class(truth, images, groups or hundred())
    assert min(held.values()) >= 0.95 - TOLERANCE, held
    assert held["worst_class"] >= 0.96


@slow
def test_means_of_classes_of_two_images_hold_nearly():
    held = by_class(np.full(10, 0.6), 2, GROUPS)
    assert min(held.values()) >= 0.9


def test_the_spread_of_equal_classes_and_the_worst_of_a_hundred_hold():
    assert by_class(np.full(10, 0.6), 45, GROUPS, draws=60)["std"] >= 0.9
    assert by_class(np.full(100, 0.48), 45, hundred(), draws=30)["worst_class"] >= 0.9


@slow
@pytest.mark.parametrize("images", [10, 45])
def test_equal_encoders_are_not_told_apart_by_std_or_the_worst_class(images):
    random, apart, draws, counts = np.random.default_rng(1), {"std": 0, "worst_class": 0}, 200, np.full(10, images)
    for _ in range(draws):
        both = [
            st.group_estimates(100 * random.binomial(images, UNEQUAL) / images, counts, GROUPS, level=0.975)
            for _ in range(2)
        ]
        for name in apart:
            low, high = st.apart_interval(*([found[name]] for found in both))
            apart[name] += not low <= 0 <= high
    assert max(apart.values()) / draws <= 0.05


def told_apart(images, classes=10, draws=300):
    """Share of draws in which two equally good encoders, each right on most images of the other, differ."""
    random, strata = np.random.default_rng(2), np.repeat(np.arange(classes), images)
    weights, wrong = dict.fromkeys(range(classes), 1 / classes), 0
    for _ in range(draws):
        chance = random.uniform(0.3, 0.9, classes)[strata]
        shared, same = random.random(len(strata)) < chance, random.random(len(strata)) < 0.6
        ours, theirs = (np.where(same, shared, random.random(len(strata)) < chance) for _ in range(2))
        low, high = st.stratified_interval(100.0 * ours - 100.0 * theirs, strata, weights, span=100.0)
        wrong += not low <= 0 <= high
    return wrong / draws


def test_equal_encoders_are_not_told_apart_at_two_images_a_class():
    assert told_apart(2) <= 0.08


@slow
@pytest.mark.parametrize("images", [2, 3, 5, 20])
@pytest.mark.parametrize("classes", [3, 10, 100])
def test_equal_encoders_are_told_apart_in_one_of_twenty(images, classes):
    assert told_apart(images, classes) <= 0.05 + TOLERANCE


@slow
@pytest.mark.parametrize(("shares", "images"), [((0.1, 0.3), (30, 60)), ((0.02, 0.02), (20, 50)), ((0.5, 0.5), (5, 9))])
def test_newcombes_difference_holds(shares, images):
    random, held = np.random.default_rng(3), 0
    for _ in range(500):
        hits = tuple(int(random.binomial(n, p)) for n, p in zip(images, shares, strict=True))
        _, low, high = st.share_difference(hits, images)
        held += low <= 100 * (shares[0] - shares[1]) <= high
    assert held / 500 >= 0.95 - TOLERANCE


@slow
@pytest.mark.parametrize("images", [1, 5, 20, 80])
@pytest.mark.parametrize("share", [0.02, 0.3, 0.5])
def test_wilsons_interval_holds_on_average_over_shares(share, images):
    random = np.random.default_rng(4)
    true = np.clip(share + random.uniform(-0.02, 0.02, 800), 0, 1)
    ends = [(st.wilson_interval(100 * random.binomial(images, p) / images, images), 100 * p) for p in true]
    assert np.mean([low <= p <= high for (low, high), p in ends]) >= 0.9


def ranking(seed, signal, images=100, others=300):
    """Whether noise whose rankings repeat for other reasons than memory is taken for a ranking that may be used."""
    random = np.random.default_rng(seed)
    own, null = (0.5 * random.normal(size=n) + random.normal(size=(3, n)) for n in (images, others))
    own = own + signal
    _, low, _ = st.agreement_gap(own, null, groups=(np.arange(images), np.arange(others)), seed=0)
    found = (st.false_discovery(st.empirical_p(own.mean(0), null.mean(0))) <= 0.05).any()
    return low > 0 and found and st.difference_interval(own.mean(0), null.mean(0))[1] > 0


@slow
def test_pure_noise_is_no_ranking_that_may_be_used():
    assert np.mean([ranking(seed, 0.0) for seed in range(60)]) <= 0.05
    assert np.mean([ranking(seed, 0.6) for seed in range(20)]) <= 0.2, "higher, in no order of their own"


@slow
def test_the_gap_of_agreement_holds():
    held = 0
    for seed in range(100):
        random = np.random.default_rng(seed)
        own, null = (0.7 * random.normal(size=n) + random.normal(size=(3, n)) for n in (100, 150))
        _, low, high = st.agreement_gap(own, null, groups=(np.arange(100), np.arange(150)), seed=0)
        held += low <= 0 <= high
    assert held / 100 >= 0.88


@slow
@pytest.mark.parametrize("classes", [5, 10, 40])
def test_a_correlation_over_classes_holds(classes):
    random, held = np.random.default_rng(5), 0
    for _ in range(500):
        value = st.spearman(random.normal(size=classes), np.arange(classes))
        low, high = st.correlation_interval(value, classes)
        held += low <= 0 <= high
    assert held / 500 >= 0.95 - TOLERANCE


@slow
@pytest.mark.parametrize("signal", [0.0, 0.6])
def test_rank_correlations_over_images_and_their_differences_hold(signal):
    truth = 6 / np.pi * np.arcsin(signal / np.hypot(1, signal) / 2)
    random, held, apart = np.random.default_rng(6), 0, 0
    for seed in range(60):
        by = random.normal(size=200)
        pair = [signal * by + random.normal(size=200) for _ in range(2)]
        low, high = st.spearman_interval(by, pair[0], seed=seed)
        held += low <= truth <= high
        low, high = st.spearman_difference((by, pair[0]), (by, pair[1]), seed=seed)
        apart += low <= 0 <= high
    assert min(held, apart) / 60 >= 0.87


@slow
@pytest.mark.parametrize(("others", "rate", "name"), [(500, 0.01, "tpr_at_1pct_fpr"), (2000, 0.01, "tpr_at_1pct_fpr")])
def test_true_positives_at_few_false_positives_hold_from_500_others(others, rate, name):
    random, truth, held, found = np.random.default_rng(7), 1 - norm.cdf(norm.isf(rate) - 1), 0, []
    for seed in range(60):
        members, rest = random.normal(1, 1, others), random.normal(0, 1, others)
        value = st.membership(members, rest)[name]
        drawn = st.resampled_membership(members, rest, seed=seed, draws=300)[name]
        low, high = st.percentile_interval(drawn, value)
        held += low <= truth <= high
        found.append(value)
    assert held / 60 >= 0.87
    assert np.mean(found) <= 1.15 * truth


@slow
@pytest.mark.parametrize(("positives", "others"), [(20, 60), (50, 50)])
def test_delongs_interval_holds(positives, others):
    random, held = np.random.default_rng(8), 0
    for _ in range(500):
        scores = np.r_[random.normal(1, 1, positives), random.normal(0, 1, others)]
        _, low, high = st.detection_auc(scores, np.arange(positives + others) < positives)
        held += low <= norm.cdf(2**-0.5) <= high
    assert held / 500 >= 0.9


@slow
def test_the_exact_end_of_a_perfect_auc_is_crossed_in_few_cases():
    random, shift = np.random.default_rng(9), norm.ppf(st.separated_end(5, 200)) * 2**0.5
    perfect = [random.normal(shift, 1, 5).min() > random.normal(0, 1, 200).max() for _ in range(2000)]
    assert np.mean(perfect) <= 0.025


@slow
@pytest.mark.parametrize("runs", [2, 3, 5])
def test_means_over_runs_hold(runs):
    random, held = np.random.default_rng(10), 0
    for _ in range(500):
        low, high = st.over_runs(random.normal(size=runs).tolist(), "runs").interval
        held += low <= 0 <= high
    assert held / 500 >= 0.95 - TOLERANCE


@slow
def test_means_of_distances_hold_from_50_images():
    random, held = np.random.default_rng(11), 0
    for _ in range(500):
        low, high = st.mean_interval(random.gamma(4, 0.05, 50), bounds=(0.0, 2.0))
        held += low <= 0.2 <= high
    assert held / 500 >= 0.95 - TOLERANCE - 0.01
