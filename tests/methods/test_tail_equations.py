"""GH, BCL and rwSAM against slow loops written from their cards: what each number of the parts does."""

import math
from typing import Any

import pytest
import torch
from ddp_workers import double_method
from small_methods import small_config

from holdfast.config import RunConfig
from holdfast.data.batches import Batch
from holdfast.methods import Method, with_settings
from holdfast.methods.tail import memory_augmentation
from holdfast.methods.tail.harmonization import Harmonization
from holdfast.methods.tail.memory_augmentation import Memory
from holdfast.methods.tail.reweighted_sam import rarity
from holdfast.objectives import harmonization, nt_xent_by_image, simplex_frame, sinkhorn
from holdfast.objectives.harmonization import surrogate_logits


def batch(epoch: int = 0, count: int = 8) -> Batch:
    images = torch.rand(count, 3, 16, 16, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return Batch(images=images, ids=torch.arange(count), epoch=epoch)


def built(**parts: Any) -> Method:
    config = RunConfig(method=small_config("simclr", temperature=0.7), encoder="timm/test_resnet", epochs=200)
    return double_method(with_settings(config, **parts))


def draw(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def test_the_surrogate_classes_that_are_foretold_carry_no_gradient():
    z, frame, even = draw(2, 8, 5).requires_grad_(), simplex_frame(4, 5), torch.full((4,), 0.25, dtype=torch.float64)
    (found,) = torch.autograd.grad(harmonization(*z, frame=frame, marginal=even, iterations=20), z)
    l1, l2 = (surrogate_logits(each, frame) for each in z)
    q1, q2 = (8 * sinkhorn(each.detach() / 0.05, even, iterations=20) for each in (l1, l2))
    loss = -(q1 * (l2 / 0.1).log_softmax(1) + q2 * (l1 / 0.1).log_softmax(1)).sum(1).mean()
    torch.testing.assert_close(found, torch.autograd.grad(loss, z)[0])


def test_class_sizes_move_by_a_thousandth_a_step_and_an_empty_class_keeps_a_tenth_of_an_even_share():
    part = built(harmonize="gh:1", harmonize_classes=5, harmonize_start=0.0, harmonize_iterations=20)
    assert isinstance(part, Harmonization)
    views = part.views(batch(epoch=50))
    z1, z2 = part.network(views.images.flatten(0, 1)).detach().chunk(2)
    nearest = torch.nn.functional.one_hot(surrogate_logits(z1, part.frame).argmax(1), 5).double().mean(0)
    part.marginal.copy_(torch.tensor([1.0, 0.0, 0.0, 0.0, 0.0]))
    floor = torch.tensor([1.02, 0.02, 0.02, 0.02, 0.02], dtype=torch.float64) / 1.1
    added = part.loss(views) - part.inner.loss(views)
    expected = harmonization(z1, z2, frame=part.frame, marginal=floor, iterations=20)
    torch.testing.assert_close(added, expected, rtol=1e-5, atol=1e-6)
    before = part.running.clone()
    part.after_step(0.1)
    torch.testing.assert_close(part.running, 0.999 * before + 0.001 * nearest.to(before))


@pytest.mark.parametrize("kind", ["bcl-i", "bcl-d"])
def test_strength_and_chance_of_operations_follow_an_images_weight(kind, monkeypatch):
    part: Any = built(memory_augment=f"{kind}:2")
    part.memory.values = torch.tensor([4.0, 1.0, 2.0, 3.0, 2.5, 2.5, 2.5, 2.5], dtype=torch.float64)
    asked: dict[str, Any] = {}

    def operations(images, **given):
        asked.update(given)
        return images

    monkeypatch.setattr(memory_augmentation, "extra_operations", operations)
    part.views(batch())
    weights = torch.tensor([1.0, 0.0, 1 / 3, 2 / 3, 0.5, 0.5, 0.5, 0.5])  # the mean is 2.5, the farthest 1.5 away
    torch.testing.assert_close(asked["chance"], weights)
    assert asked["count"] == 2 and asked["strength"].shape == (2, 8)
    strength = 30 * asked["strength"]
    if kind == "bcl-i":
        torch.testing.assert_close(strength, (10 + 20 * weights).expand(2, -1))
        return
    drawn = (strength - 5) / 25 / weights.clamp(min=1e-9)
    assert strength[:, 1].tolist() == pytest.approx([5, 5])
    inside = drawn[:, weights > 0]
    assert bool(((inside >= 0) & (inside < 1)).all()) and len(set(inside.flatten().tolist())) == inside.numel()


def test_a_loss_is_remembered_by_the_papers_momentum_and_temperature_whatever_the_methods():
    memory = Memory(0.97)
    for loss in (2.0, 4.0):
        memory.update(torch.tensor([0]), torch.tensor([loss]))
    assert float(memory.values[0]) == pytest.approx(0.97 * 2 + 0.03 * 4)
    part: Any = built(memory_augment="bcl-i:1")
    views = part.views(batch())
    z1, z2 = part.network(views.images.flatten(0, 1)).detach().chunk(2)
    part.loss(views)
    part.after_step(0.1)
    torch.testing.assert_close(part.memory.values, nt_xent_by_image(z1, z2, temperature=0.2))


def test_rarity_is_a_slow_loop_over_the_other_images():
    rows = draw(6, 3)
    unit = [row / row.norm() for row in rows]
    logs = [math.log(sum(math.exp(float(a @ b) / 0.1) for b in unit if b is not a)) for a in unit]
    raw = [min(10.0, max(0.1, math.exp(-0.5 * (log - sum(logs) / 6)))) for log in logs]
    found = rarity(rows, power=0.5)
    assert found.tolist() == pytest.approx([6 * one / sum(raw) for one in raw], rel=1e-4)


def test_running_statistics_move_once_for_both_passes_of_a_step():
    part, plain = built(sharpness="rwsam:0"), built()
    views = part.views(batch())
    for method in (part, plain):
        method.loss(views)
    for name, statistic in plain.network.named_buffers():
        torch.testing.assert_close(dict(part.network.named_buffers())[name], statistic)
