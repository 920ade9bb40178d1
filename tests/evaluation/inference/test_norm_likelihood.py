"""Norm likelihood: numbers worked out by hand."""

import math

import numpy as np
import pytest
import torch

from holdfast.evaluation.inference import folds_of_groups, likelihood_ratio, log_norms
from holdfast.statistics import membership


def test_norms_of_three_and_four_are_seven_five_and_four():
    found = log_norms(torch.tensor([[3.0, 4.0], [0.0, 0.0], [1.0, 0.0]]))
    assert [math.exp(found[p][0]) for p in ("1", "2", "inf")] == pytest.approx([7, 5, 4])
    assert np.isneginf(found["2"][1])


def test_the_likelihood_ratio_tells_a_wide_set_from_a_narrow_one_whose_means_agree():
    """Members N(0, 1), others N(0, 4): the plain value is worth .5, the ratio (2 / pi) arctan 2 = .7048."""
    draws = np.random.default_rng(0).normal(size=80_000)
    member = np.arange(80_000) < 40_000
    values = np.where(member, draws, 2 * draws)
    calibration = np.arange(80_000) % 2 == 0
    scores = likelihood_ratio(values, member, calibration)
    rest = ~calibration
    assert membership(values[rest & member], values[rest & ~member])["auc"] == pytest.approx(0.5, abs=0.01)
    found = membership(scores[rest & member], scores[rest & ~member])["auc"]
    assert found == pytest.approx(2 / math.pi * math.atan(2), abs=0.006)


def test_features_of_one_length_are_refused():
    unit = torch.nn.functional.normalize(torch.randn(20, 5, generator=torch.Generator().manual_seed(0)), dim=1)
    with pytest.raises(ValueError, match=r"expected features of several lengths, got 20 of one length: .* normalised"):
        log_norms(unit)


def test_folds_hold_groups_together_and_equal_shares_of_members():
    groups = np.repeat(np.arange(60), 2)
    member = groups < 20
    folds = folds_of_groups(groups, member, 5, seed=0, purpose="test")
    assert (folds[0::2] == folds[1::2]).all()
    assert (np.bincount(folds[member]) == 8).all() and (np.bincount(folds[~member]) == 16).all()
