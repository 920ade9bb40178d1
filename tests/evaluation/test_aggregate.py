"""Aggregated features: means over views, of each image alone, differentiable."""

import pytest
import torch
from torch import nn

from holdfast.config import VIEWS, ViewSettings
from holdfast.evaluation import AggregatedEncoder, extract_features

IMAGES = torch.rand(9, 3, 16, 16, generator=torch.Generator().manual_seed(0))
FLAT = nn.Flatten()
PLAIN = ViewSettings(crop_min=1.0, ratio_min=1.0, ratio_max=1.0, flip=0.0, jitter=0.0, grey=0.0)


def aggregated(views: int, settings: ViewSettings = VIEWS["crop"], seed: int = 0) -> AggregatedEncoder:
    return AggregatedEncoder(FLAT, settings, views=views, size=16, seed=seed)


def test_features_are_the_mean_over_views():
    # The first k views are the same whatever k, so means of 1 and 2 give the second view's features.
    one, two, three = (aggregated(k)(IMAGES) for k in (1, 2, 3))
    second, third = 2 * two - one, 3 * three - 2 * two
    assert all(float((a - b).abs().mean()) > 0.05 for a, b in ((one, second), (one, third), (second, third)))
    torch.testing.assert_close(three, (one + second + third) / 3)
    assert float(three.min()) >= 0
    assert float(three.max()) <= 1


def test_without_augmentation_the_mean_is_the_images_own():
    torch.testing.assert_close(aggregated(4, PLAIN)(IMAGES), FLAT(IMAGES))


@pytest.mark.parametrize("batch_size", [1, 4])
def test_features_do_not_depend_on_batch_or_place(batch_size):
    whole = extract_features(aggregated(3), IMAGES)
    parts = extract_features(aggregated(3), IMAGES.flip(0), batch_size=batch_size).flip(0)
    torch.testing.assert_close(parts, whole, atol=1e-6, rtol=0)


def test_another_seed_gives_other_views():
    assert float((aggregated(2)(IMAGES) - aggregated(2, seed=1)(IMAGES)).abs().mean()) > 0.01


def test_an_attack_reaches_the_image_through_all_its_views():
    images = IMAGES.clone().requires_grad_()
    aggregated(3)(images).sum().backward()
    assert images.grad is not None
    assert bool((images.grad.abs().sum((1, 2, 3)) > 0).all())


def test_no_views_are_refused():
    with pytest.raises(ValueError, match="at least one view to average over, got 0"):
        aggregated(0)
