"""Every method under every part at once: temperature schedule, penalty and adversary compose with all of METHODS."""

from typing import Any

import pytest
import torch
from small_methods import small_config, sparse

from holdfast.config import RunConfig
from holdfast.data.batches import Batch
from holdfast.methods import build, with_settings


def whole(name: str, adversary: str) -> RunConfig:
    """A method with all parts that it takes."""
    settings = small_config(name)
    changes: dict[str, Any] = {"adversary": adversary, "penalty": "invariance:0.1"}
    changes |= {"strength_schedule": "steps:1", "weight_average": "ema:0.9", "memory_augment": "bcl-d:2"}
    changes |= {"harmonize": "gh:1", "harmonize_classes": 5, "harmonize_start": 0.0, "harmonize_iterations": 5}
    changes |= {"sharpness": "rwsam:0.05", "equivariance": "care:1", "soft_equivariance": "ser:1"}
    if hasattr(settings, "temperature"):
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
