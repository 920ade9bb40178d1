"""Every method under every part at once: temperature schedule, penalty and adversary compose with all of METHODS."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from small_methods import has_temperature, small_config, sparse

from holdfast.config import RunConfig
from holdfast.data.batches import Batch
from holdfast.methods import METHODS, PARTS, Method, build, with_settings


def whole(name: str, adversary: str) -> RunConfig:
    """A method with all parts that it takes."""
    settings = small_config(name)
    changes: dict[str, Any] = {"adversary": adversary, "penalty": "invariance:0.1"}
    changes |= {"strength_schedule": "steps:1", "weight_average": "ema:0.9", "memory_augment": "bcl-d:2"}
    changes |= {"harmonize": "gh:1", "harmonize_classes": 5, "harmonize_start": 0.0, "harmonize_iterations": 5}
    changes |= {"sharpness": "rwsam:0.05", "equivariance": "care:1", "soft_equivariance": "ser:1"}
    if has_temperature(name):
        changes |= {"temperature_schedule": "cosine:4"}
    return with_settings(RunConfig(method=settings, encoder="timm/test_resnet"), **changes)


@pytest.mark.parametrize("adversary", ["pgd:1", pytest.param("free:2", marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", sparse())
def test_a_method_with_every_part_trains_and_each_of_its_weights_gets_a_finite_gradient(name, adversary):
    method = build(whole(name, adversary), image_size=16)
    images = torch.rand(8, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    batch = Batch(images=images, ids=torch.arange(8), epoch=1)
    method.start_epoch(1)
    count = 0
    for loss in method.losses(batch):
        assert torch.isfinite(loss)
        loss.backward()
        method.after_step(0.5)
        count += 1
    assert count == method.steps_per_batch
    trained = {at: p.grad for at, p in method.named_parameters() if p.requires_grad}
    assert [at for at, gradient in trained.items() if gradient is None or not torch.isfinite(gradient).all()] == []


OWN = [name for name, kind in METHODS.items() if kind.harm is not Method.harm]
"""Methods whose paper says what their adversary climbs."""
ALONE: dict[str, dict[str, Any]] = {
    "strength_schedule": {"strength_schedule": "steps:1"},
    "memory_augment": {"memory_augment": "bcl-d:2"},
    "harmonize": {"harmonize": "gh:1", "harmonize_classes": 5},
    "penalty": {"penalty": "invariance:0.5"},
    "equivariance": {"equivariance": "care:1"},
    "soft_equivariance": {"soft_equivariance": "ser:1"},
    "forget": {"forget": "site", "forget_groups": 2},
    "sharpness": {"sharpness": "rwsam:0.05"},
    "weight_average": {"weight_average": "ema:0.9"},
}


def test_every_part_but_the_adversary_and_what_needs_a_temperature_is_tried_alone():
    assert {*ALONE, "adversary", "temperature_schedule"} == set(PARTS)


@pytest.mark.parametrize("name", OWN)
def test_under_each_part_an_adversary_climbs_what_its_methods_paper_says_at_its_price(name):
    plain = build(RunConfig(method=small_config(name), encoder="timm/test_resnet"), image_size=16)
    images = torch.rand(8, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    views = plain.views(Batch(images=images, ids=torch.arange(8), epoch=0, subgroups={"site": torch.arange(8) % 2}))
    moved = (views.images + 0.05 * torch.randn(views.images.shape, generator=torch.Generator().manual_seed(1))).clamp(
        0, 1
    )
    views = replace(views, images=moved)
    expected = plain.harm(views).detach()
    for part in ALONE.values():
        config = with_settings(RunConfig(method=small_config(name), encoder="timm/test_resnet"), **part)
        method = build(config, image_size=16)
        assert torch.equal(method.harm(views), expected), part
        assert method.passes_per_harm == plain.passes_per_harm, part
    assert not torch.equal(plain.loss(views), expected)
