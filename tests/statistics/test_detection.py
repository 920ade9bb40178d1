import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from holdfast.evaluation import membership
from holdfast.statistics import Roc, calibrated_accuracy, percentile_interval, resampled_membership

RANDOM = np.random.default_rng(0)
MEMBERS, OTHERS = RANDOM.normal(0.5, 1, 300).round(1), RANDOM.normal(0, 1, 400).round(1)


def interval(members, others, name="auc", **options):
    return percentile_interval(
        resampled_membership(members, others, **options)[name], membership(members, others)[name]
    )


def test_the_auc_is_scikit_learns():
    truth = np.repeat([1, 0], [300, 400])
    assert membership(MEMBERS, OTHERS)["auc"] == pytest.approx(roc_auc_score(truth, np.concatenate([MEMBERS, OTHERS])))


def test_rates_are_those_of_a_slow_loop_over_thresholds():
    rates = [((t <= MEMBERS).mean(), (t <= OTHERS).mean()) for t in np.unique(np.concatenate([MEMBERS, OTHERS]))]
    found = membership(MEMBERS, OTHERS)
    assert found["tpr_at_1pct_fpr"] == max(true for true, false in rates if false <= 0.01)
    assert found["tpr_at_0.1pct_fpr"] == max([true for true, false in rates if false <= 0.001], default=0)
    assert found["best_balanced_accuracy"] == pytest.approx(max((1 + true - false) / 2 for true, false in rates))


def test_a_random_score_has_an_auc_of_a_half_within_its_interval():
    found = []
    for seed in range(20):
        random = np.random.default_rng(seed)
        low, high = interval(random.normal(size=300), random.normal(size=300), draws=300)
        found.append(low <= 0.5 <= high)
        assert high - low < 0.15
    assert sum(found) >= 18  # 19 are expected at 95 %


def test_an_encoder_that_recognises_its_images_is_caught():
    found = membership(torch.ones(200) + 1e-3 * torch.arange(200), torch.zeros(200))
    assert set(found.values()) == {1.0}


def test_equal_scores_tell_nothing():
    found = membership(torch.ones(50), torch.ones(60))
    assert found == {"auc": 0.5, "tpr_at_1pct_fpr": 0, "tpr_at_0.1pct_fpr": 0, "best_balanced_accuracy": 0.5}


def test_a_monotone_change_of_scores_changes_nothing():
    assert membership(np.exp(MEMBERS), np.exp(OTHERS)) == membership(MEMBERS, OTHERS)


def test_swapping_members_and_others_mirrors_the_auc():
    assert membership(OTHERS, MEMBERS)["auc"] == pytest.approx(1 - membership(MEMBERS, OTHERS)["auc"])


def test_scores_that_are_nan_or_missing_are_refused():
    with pytest.raises(ValueError, match="1 are NaN"):
        membership([0.0, float("nan")], [1.0])
    with pytest.raises(ValueError, match="got 0"):
        membership([], [1.0])


def test_the_interval_covers_the_true_auc_as_often_as_it_says():
    covered = 0
    for seed in range(60):
        random = np.random.default_rng(seed)
        low, high = interval(random.normal(1, 1, 80), random.normal(0, 1, 80), draws=200)
        covered += low <= 0.7602 <= high  # Phi(1 / sqrt 2)
    assert 50 <= covered <= 60


def test_duplicates_widen_the_interval():
    members, others = np.repeat(MEMBERS[:60], 5), np.repeat(OTHERS[:60], 5)
    groups = (np.repeat(np.arange(60), 5), np.repeat(np.arange(60), 5))
    apart, together = (interval(members, others, groups=g) for g in (None, groups))
    assert np.ptp(together) > 1.7 * np.ptp(apart)


def test_the_same_seed_resamples_the_same_images_whatever_their_scores():
    first, second = (resampled_membership(m, OTHERS, seed=4)["auc"] for m in (MEMBERS, 2 * MEMBERS))
    noise = resampled_membership(np.sort(MEMBERS), OTHERS, seed=4)["auc"]
    assert np.corrcoef(first, second)[0, 1] > 0.9
    assert np.array_equal(resampled_membership(MEMBERS, OTHERS, seed=4)["auc"], first)
    assert not np.array_equal(noise, first)


def test_a_calibrated_threshold_finds_nothing_in_noise_and_everything_where_sets_part():
    random = np.random.default_rng(0)
    assert calibrated_accuracy(random.normal(size=2000), random.normal(size=2000)) == pytest.approx(0.5, abs=0.03)
    assert calibrated_accuracy(np.arange(10, 20), np.arange(10)) == pytest.approx(1, abs=0.15)
    assert calibrated_accuracy(MEMBERS, OTHERS) <= membership(MEMBERS, OTHERS)["best_balanced_accuracy"] + 0.02
    with pytest.raises(ValueError, match="at least two"):
        calibrated_accuracy([1.0], [0.0, 1.0])


def test_curves_rise_to_the_corner():
    roc = Roc.of(MEMBERS, OTHERS)
    assert roc.true_positives[-1] == roc.false_positives[-1] == 1
    assert (np.diff(roc.thresholds) < 0).all()
