"""Margins between class and confounder: known answers, and the authors' own package as a reference."""

import math

import numpy as np
import pytest
import torch

from holdfast.evaluation.shortcuts import robustness_index, shuffled_within_classes, typed_neighbours, worst_tenth


def circle(*degrees: float) -> torch.Tensor:
    radians = torch.tensor(degrees) * math.pi / 180
    return torch.stack([radians.cos(), radians.sin()], 1)


FOUR = circle(0, 20, 60, 110)
LABELS, GROUPS = torch.tensor([0, 0, 1, 1]), torch.tensor([0, 1, 0, 1])


def test_margins_of_four_points_on_a_circle():
    typed = typed_neighbours(FOUR, LABELS, GROUPS, nearest=1, k=1)
    np.testing.assert_allclose(typed.margins.numpy(), [0.7847, 0.8862, 0.1666, 0.4736], atol=1e-4)
    assert float(np.median(typed.margins.numpy())) == pytest.approx(0.6292, abs=1e-4)
    assert robustness_index(typed) == (1.0, 0.75)
    assert robustness_index(typed_neighbours(FOUR, LABELS, GROUPS, nearest=1, k=3))[0] == 0.5


def some_features(count: int = 120, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    labels, groups = torch.arange(count) % 2, (torch.arange(count) // 2) % 2
    features = torch.randn(count, 8, generator=generator)
    features[:, 0] += 2 * labels
    features[:, 1] += 1.5 * groups
    return features, labels, groups


def test_margins_are_those_of_the_authors_package():
    croma = pytest.importorskip("croma")
    features, labels, groups = some_features()
    ours = typed_neighbours(features, labels, groups, nearest=5, k=20).margins.numpy()
    numbers = np.arange(len(labels))
    rows = {"label": labels.numpy(), "confounder": groups.numpy()}
    rows |= dict.fromkeys(("sample_id", "image_path", "group_id"), numbers)
    theirs = reference_margins(croma, features.numpy(), rows)
    np.testing.assert_allclose(ours, theirs, atol=1e-5)


def reference_margins(croma, features, rows) -> np.ndarray:
    pandas = pytest.importorskip("pandas")
    manifest = pandas.DataFrame({name: [f"{name}{value}" for value in column] for name, column in rows.items()})
    result = croma.CRoMa().compute(features, manifest, confounder_column="confounder", m=5)
    return np.asarray(result.sample_values_aligned)


def test_features_of_the_class_alone_have_margin_1_and_of_the_group_alone_minus_1():
    _, labels, groups = some_features()
    for column, expected in ((labels, 1.0), (groups, -1.0)):
        features = torch.nn.functional.one_hot(column, 2).float()
        margins = typed_neighbours(features, labels, groups).margins
        assert float(margins.median()) == pytest.approx(expected)


def test_too_few_of_a_kind_is_not_known_rather_than_guessed():
    assert typed_neighbours(FOUR, LABELS, GROUPS, nearest=2).margins.isnan().all()
    assert typed_neighbours(FOUR, LABELS, torch.zeros(4).long(), nearest=1).margins.isnan().all()


def test_random_features_of_many_classes_have_a_negative_margin_as_their_shuffled_value():
    generator = torch.Generator().manual_seed(0)
    labels, groups = torch.arange(400) % 10, (torch.arange(400) // 10) % 2
    features = torch.randn(400, 16, generator=generator)
    margin = float(typed_neighbours(features, labels, groups).margins.median())
    again = shuffled_within_classes(groups, labels, generator)
    assert margin < -0.02
    assert float(typed_neighbours(features, labels, again).margins.median()) == pytest.approx(margin, abs=0.05)
    for label in range(10):
        assert torch.equal(again[labels == label].sort().values, groups[labels == label].sort().values)


def test_the_order_of_images_does_not_matter():
    features, labels, groups = some_features()
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(1))
    straight = typed_neighbours(features, labels, groups)
    turned = typed_neighbours(features[order], labels[order], groups[order])
    torch.testing.assert_close(turned.margins, straight.margins[order])


def test_the_worst_tenth_is_at_least_one_image():
    assert worst_tenth(np.array([3.0, 1.0, 2.0])) == 1.0
    assert worst_tenth(np.arange(20.0)) == 0.5
