"""Under a schedule of strength other colours of a view are drawn from what the epoch's views are."""

from typing import Any

import pytest
import torch
from small_methods import small_config

from holdfast.config import RunConfig
from holdfast.data.batches import Batch
from holdfast.methods import build, with_settings

SCHEDULE = {"strength_schedule": "steps:2"}
PARTS: dict[str, dict[str, Any]] = {
    "penalty": {"penalty": "invariance:1"},
    "soft equivariance": {"soft_equivariance": "ser:1"},
}


def batch(epoch: int) -> Batch:
    images = torch.rand(6, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    return Batch(images=images, ids=torch.arange(6), epoch=epoch)


def built(**parts: Any) -> Any:
    config = RunConfig(method=small_config("simclr"), encoder="timm/test_resnet", epochs=8)
    return build(with_settings(config, **parts), image_size=16)


@pytest.mark.parametrize("part", PARTS.values(), ids=PARTS)
@pytest.mark.parametrize(("epoch", "strength"), [(0, 1.0), (3, 0.75), (7, 0.25)])
def test_the_ends_of_a_nuisance_are_those_of_the_epoch_and_hold_the_view_itself(part, epoch, strength):
    method = built(**SCHEDULE, **part)
    found = method.find(method.views(batch(epoch)))
    reach = torch.tensor([0.4, 0.4, 0.4, 0.1]) * strength
    middle = torch.tensor([1.0, 1.0, 1.0, 0.0])
    assert found.names == ("brightness", "contrast", "saturation", "hue")
    torch.testing.assert_close(found.low, middle - reach)
    torch.testing.assert_close(found.high, middle + reach)
    assert bool(((found.low <= found.values) & (found.values <= found.high)).all())


@pytest.mark.parametrize("part", PARTS.values(), ids=PARTS)
def test_without_a_schedule_they_are_the_runs(part):
    method = built(**part)
    found = method.find(method.views(batch(7)))
    torch.testing.assert_close(found.high - found.low, torch.tensor([0.8, 0.8, 0.8, 0.2]))
