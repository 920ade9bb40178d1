import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from holdfast.randomness import generator
from holdfast.statistics import Stream, detection_auc, resampled


@pytest.mark.parametrize("n", [1, 2, 3, 10, 997, 20000])
def test_draws_are_those_of_torchs_generator(n):
    expected = torch.randint(n, (3, n), generator=generator(5, "some purpose")).numpy()
    assert np.array_equal(Stream(5, "some purpose").places(n, draws=3), expected)
    order = torch.randperm(n, generator=generator(5, "some purpose")).numpy()
    assert np.array_equal(Stream(5, "some purpose").shuffled(n), order)


def test_the_auc_is_scikit_learns_and_its_interval_covers_as_often_as_it_says():
    draws = np.random.default_rng(1)
    positive = np.arange(80) < 20
    scores = draws.integers(0, 9, 80)
    assert detection_auc(scores, positive)[0] == pytest.approx(roc_auc_score(positive, scores))
    true, covered = 0.7602, 0  # of two unit normals one apart
    for _ in range(200):
        auc, (low, high) = detection_auc(draws.normal(size=120) + (np.arange(120) < 40), np.arange(120) < 40)
        assert low <= auc <= high
        covered += low <= true <= high
    assert covered >= 180


def test_an_auc_needs_both_kinds():
    with pytest.raises(ValueError, match="of both kinds"):
        detection_auc(np.arange(3), np.ones(3, dtype=bool))


def test_one_draw_of_rows_repeats_with_its_seed():
    first, second, other = (resampled(50, seed=seed, purpose="x") for seed in (3, 3, 4))
    assert np.array_equal(first, second) and not np.array_equal(first, other)
    assert first.min() >= 0 and first.max() < 50 and 20 < len(np.unique(first)) < 45
