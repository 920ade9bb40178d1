"""Déjà vu: known answers of its parts."""

import math

import pytest
import torch
from torch.testing import assert_close

from holdfast.evaluation.inference.deja_vu import (
    accuracy_of_confident,
    background_shares,
    confidence,
    corners,
    label_ratio,
    memorized,
    neighbour_shares,
    strength,
)

HALVES, SURE, EVEN = torch.tensor([[0.5, 0.5]]), torch.tensor([[1.0] + [0.0] * 9]), torch.full((1, 10), 0.1)


def test_neighbours_half_and_half_have_a_confidence_of_minus_ln_2():
    features = torch.tensor([[0.0, 1.0], [0.0, -1.0], [9.0, 9.0]])
    shares = neighbour_shares(torch.zeros(1, 2), features, torch.tensor([0, 1, 1]), classes=2, k=2)
    assert_close(shares, HALVES)
    assert float(confidence(shares)) == pytest.approx(-0.6931, abs=1e-4)


def test_an_even_reference_and_unanimous_neighbours_are_ln_10_apart():
    assert float(strength(SURE, EVEN)) == pytest.approx(2.3026, abs=1e-4)
    assert memorized(SURE, EVEN.flip(1), torch.tensor([0])).tolist() == [False], "ties go to the first class"
    assert memorized(SURE, torch.eye(10)[3:4], torch.tensor([0])).tolist() == [True]


def test_the_same_shares_are_no_memory():
    shares = torch.softmax(torch.randn(50, 4, generator=torch.Generator().manual_seed(0)), 1)
    labels = torch.arange(50) % 4
    assert not memorized(shares, shares, labels).any()
    assert_close(label_ratio(shares, shares, labels, k=10), torch.zeros(50))
    assert_close(strength(shares, shares), torch.zeros(50))


def test_accuracies_of_two_models_and_their_difference():
    right, wrong = torch.tensor([0.9, 0.1]), torch.tensor([0.2, 0.8])
    a, b = torch.stack([right, right, right, wrong]), torch.stack([right, wrong, wrong, wrong])
    labels = torch.zeros(4, dtype=torch.int64)
    assert accuracy_of_confident(a, labels, 1.0) - accuracy_of_confident(b, labels, 1.0) == 0.5
    assert accuracy_of_confident(a, labels, 0.75) == 1, "the wrong one is the least confident"


def test_corners_are_the_lower_left():
    images = torch.zeros(1, 3, 10, 10, dtype=torch.uint8)
    images[:, :, 7:, :3] = 200
    assert (corners(images, 20) == 200).all() and corners(images, 20).shape == (1, 3, 20, 20)


def test_a_background_that_tells_the_label_is_read_by_both_references_and_noise_by_none():
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(300) % 3
    noise = torch.randint(0, 200, (300, 3, 8, 8), dtype=torch.uint8, generator=generator)
    told = noise.clone()
    told[torch.arange(300), labels] = 255
    for images, least, most in ((told, 0.9, 1.0), (noise, 0.15, 0.55)):
        found = background_shares(images[:200], labels[:200], images[200:], classes=3, seed=0)
        for shares in found.values():
            assert least <= accuracy_of_confident(shares, labels[200:], 1.0) <= most
            assert_close(shares.sum(1), torch.ones(100))
    assert math.isfinite(float(label_ratio(found["pixels"], found["network"], labels[200:], k=10).sum()))
