"""GH, BCL and rwSAM: equations, memory over ranks and resume, and what a step up the loss leaves alone."""

import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from ddp_workers import double_method
from short_runs import short_run
from small_methods import small_config

from holdfast.config import RunConfig
from holdfast.data.batches import Batch
from holdfast.data.views import OPERATIONS, extra_operations
from holdfast.engine import loop, resume, train
from holdfast.methods import Method, with_settings
from holdfast.methods.tail.harmonization import Harmonization
from holdfast.methods.tail.memory_augmentation import Memory, MemoryAugmentation
from holdfast.methods.tail.reweighted_sam import ReweightedSAM, rarity
from holdfast.objectives import harmonization, nt_xent, nt_xent_by_image, simplex_frame, sinkhorn
from holdfast.objectives.harmonization import surrogate_logits
from holdfast.randomness import sample_keys

PARTS: dict[str, Any] = {
    "memory_augment": "bcl-i:2",
    "harmonize": "gh:1",
    "harmonize_classes": 5,
    "harmonize_start": 0.0,
    "harmonize_iterations": 5,
    "harmonize_refresh": 1,
    "sharpness": "rwsam:0.05",
    "weight_average": "ema:0.9",
}


def batch(epoch: int = 0, count: int = 8) -> Batch:
    images = torch.rand(count, 3, 16, 16, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return Batch(images=images, ids=torch.arange(count) * 3, epoch=epoch)


def built(name: str = "simclr", epochs: int = 200, **parts: Any) -> Method:
    config = RunConfig(method=small_config(name), encoder="timm/test_resnet", epochs=epochs)
    return double_method(with_settings(config, **parts))


def embeddings(n: int = 12, d: int = 6) -> tuple[torch.Tensor, torch.Tensor]:
    z = torch.randn(2, n, d, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    return z[0], z[1]


# GH


@pytest.mark.parametrize(("count", "dim"), [(2, 1), (5, 4), (5, 9)])
def test_a_frames_rows_are_unit_and_equally_far_apart(count, dim):
    gram = simplex_frame(count, dim) @ simplex_frame(count, dim).T
    expected = torch.full((count, count), -1 / (count - 1), dtype=torch.float64).fill_diagonal_(1)
    torch.testing.assert_close(gram, expected)
    with pytest.raises(ValueError, match=f"expected 2 to {dim + 1} rows in {dim} dimensions, got {dim + 2}"):
        simplex_frame(dim + 2, dim)


def test_sinkhorns_plan_has_its_marginals_and_needs_them_above_0():
    logits = torch.randn(12, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    marginal = torch.tensor([0.4, 0.3, 0.2, 0.1], dtype=torch.float64)
    plan = sinkhorn(logits, marginal, iterations=200)
    torch.testing.assert_close(plan.sum(1), torch.full((12,), 1 / 12, dtype=torch.float64))
    torch.testing.assert_close(plan.sum(0), marginal)
    with pytest.raises(ValueError, match="a marginal above 0 everywhere"):
        sinkhorn(logits, torch.tensor([1.0, 0.0, 0.0, 0.0]), iterations=1)


def test_harmonization_is_the_equation_and_a_view_apart_costs():
    (z1, z2), frame, even = embeddings(), simplex_frame(4, 6), torch.full((4,), 0.25, dtype=torch.float64)
    terms = []
    plans = [12 * sinkhorn(surrogate_logits(z, frame) / 0.05, even, iterations=50) for z in (z1, z2)]
    for i in range(12):
        for z, plan in ((z2, plans[0]), (z1, plans[1])):
            logits = [float(v) for v in torch.nn.functional.normalize(frame @ z[i], dim=0)]
            log_sum = math.log(sum(math.exp(v / 0.1) for v in logits))
            terms.append(-sum(float(q) * (v / 0.1 - log_sum) for q, v in zip(plan[i], logits, strict=True)))
    found = harmonization(z1, z2, frame=frame, marginal=even, iterations=50)
    assert float(found) == pytest.approx(sum(terms) / 12, rel=1e-9)
    spread = frame.repeat(3, 1)
    together = harmonization(spread, spread, frame=frame, marginal=even)
    collapsed = spread[:1].expand(12, -1)
    assert together < harmonization(spread, spread.roll(1, 0), frame=frame, marginal=even)
    assert together < harmonization(collapsed, collapsed, frame=frame, marginal=even)


def test_its_weight_begins_where_it_is_told_and_its_classes_sizes_follow_after_steps():
    part = built("simclr", harmonize="gh:2", harmonize_classes=5, harmonize_start=0.5)
    assert isinstance(part, Harmonization)
    assert [part.weight_at(epoch) for epoch in (0, 99, 100, 101, 150)] == [0, 0, 1, 2, 2]
    plain = built("simclr")
    assert part.loss(part.views(batch())) == plain.loss(plain.views(batch()))
    before = part.running.clone()
    part.after_step(0.1)
    assert not torch.equal(part.running, before) and float(part.running.sum()) == pytest.approx(1)
    assert not torch.equal(part.marginal, part.running)
    part.start_epoch(20)
    assert torch.equal(part.marginal, part.running)


# BCL


def test_nt_xent_by_image_has_nt_xent_as_its_mean():
    z1, z2 = embeddings()
    torch.testing.assert_close(nt_xent_by_image(z1, z2, temperature=0.2).mean(), nt_xent(z1, z2, temperature=0.2))


def test_a_memory_keeps_what_it_did_not_see_and_weighs_within_0_and_1():
    memory = Memory(0.5)
    assert not memory.weights(torch.tensor([4, 0])).any()
    memory.update(torch.tensor([4, 1]), torch.tensor([2.0, 4.0]))
    memory.update(torch.tensor([1, 6]), torch.tensor([8.0, 1.0]))
    assert memory.values.tolist() == [-1, 6, -1, -1, 2, -1, 1]
    assert memory.weights(torch.tensor([1, 4, 6, 0, 99])).tolist() == pytest.approx([1, 1 / 3, 1 / 6, 0, 0])
    other = Memory(0.5)
    other.load_state_dict(memory.state_dict())
    assert torch.equal(other.values, memory.values)


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_of_no_strength_changes_nothing_and_one_of_full_strength_does(name):
    images = torch.rand(4, 3, 16, 16, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * 0.8
    still = OPERATIONS[name](images, torch.zeros(4, dtype=torch.float64))
    torch.testing.assert_close(still, images, rtol=0, atol=3e-3 if name == "posterize" else 1e-6)
    moved = OPERATIONS[name](images, torch.tensor([1.0, -1.0, 1.0, -1.0], dtype=torch.float64))
    assert float((moved - images).abs().amax((1, 2, 3)).min()) > 0.03


def test_an_images_operations_depend_on_its_own_key_and_chance_alone():
    images = torch.rand(2, 6, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    keys = sample_keys(0, "memory", epoch=1, ids=torch.arange(6), views=2)
    chance = torch.tensor([0.0, 1.0, 1.0, 1.0, 0.0, 1.0])
    found = extra_operations(images, chance=chance, strength=torch.ones(2, 6), keys=keys, count=2)
    assert torch.equal(found[:, [0, 4]], images[:, [0, 4]])
    assert not torch.equal(found[:, 1], images[:, 1]) and 0 <= float(found.min()) <= float(found.max()) <= 1
    order = torch.tensor([3, 1])
    part = {"chance": chance[order], "strength": torch.ones(2, 2), "keys": keys[:, order], "count": 2}
    some = extra_operations(images[:, order], **part)
    torch.testing.assert_close(some, found[:, order])


def test_a_hard_image_gets_other_views_once_its_loss_is_remembered_and_not_before_the_step():
    part = built(memory_augment="bcl-i:2")
    assert isinstance(part, MemoryAugmentation)
    plain = part.inner.views(batch()).images
    views = part.views(batch())
    assert torch.equal(views.images, plain)
    part.loss(views)
    assert not len(part.memory.values)
    part.after_step(0.1)
    known = part.memory.weights(batch().ids)
    assert float(known.max()) == 1 or float(known.min()) == 0
    assert not torch.equal(part.views(batch(epoch=1)).images, part.inner.views(batch(epoch=1)).images)


# rwSAM


def test_a_step_up_is_as_long_as_rho_moves_no_weight_and_follows_the_images_weights():
    part = built(sharpness="rwsam:0.3", sharpness_power=1.0)
    assert isinstance(part, ReweightedSAM)
    views = part.views(batch())
    trained = {name: p for name, p in part.inner.named_parameters() if p.requires_grad}
    before = {name: p.detach().clone() for name, p in trained.items()}
    steps = part.ascent(views, trained)
    length = torch.stack([step.norm() for step in steps.values()]).norm()
    assert float(length) == pytest.approx(0.3)
    part.loss(views).backward()
    assert all(torch.equal(p, before[name]) for name, p in trained.items())
    part.power = 0.0
    even = part.ascent(views, trained)
    cosine = sum(float((steps[name] * even[name]).sum()) for name in steps) / 0.09
    assert cosine < 0.9999


def test_its_gradient_is_the_plain_one_at_the_moved_weights_and_of_no_step_that_at_the_weights():
    part, plain = built(sharpness="rwsam:0.2"), built()
    assert isinstance(part, ReweightedSAM)
    views = part.views(batch())
    trained = {name: p for name, p in part.inner.named_parameters() if p.requires_grad}
    steps = part.ascent(views, trained)
    with torch.no_grad():
        for name, parameter in plain.named_parameters():
            parameter.add_(steps[name])
    part.loss(views).backward()
    plain.loss(views).backward()
    for name, parameter in plain.named_parameters():
        torch.testing.assert_close(trained[name].grad, parameter.grad)
    still, fresh = built(sharpness="rwsam:0"), built()
    torch.testing.assert_close(still.loss(views), fresh.loss(views))


def test_rare_images_weigh_more():
    crowd = torch.randn(1, 16, generator=torch.Generator().manual_seed(0)).repeat(9, 1)
    alone = torch.randn(1, 16, generator=torch.Generator().manual_seed(1))
    noise = 0.1 * torch.randn(10, 16, generator=torch.Generator().manual_seed(2))
    weights = rarity(torch.cat([crowd, alone]) + noise, power=0.5)
    assert int(weights.argmax()) == 9 and float(weights.mean()) == pytest.approx(1)


# All of them


def test_an_interrupted_run_with_every_part_ends_in_the_same_bits(tmp_path, monkeypatch):
    config = short_run(small_config("simclr"), limit=60, holdout=20, checkpoint_steps=1)
    config = with_settings(config, **PARTS)
    trained, threads = loop._train_batch, torch.get_num_threads()
    whole = train(config, tmp_path / "whole")

    def cut(session, position, batch, meter):
        if position.step == 4:
            raise KeyboardInterrupt
        trained(session, position, batch, meter)

    monkeypatch.setattr(loop, "_train_batch", cut)
    with pytest.raises(KeyboardInterrupt):
        train(config, tmp_path / "cut")
    monkeypatch.setattr(loop, "_train_batch", trained)
    again = resume(tmp_path / "cut")
    torch.set_num_threads(threads)
    assert again.encoder.read_bytes() == whole.encoder.read_bytes()


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        (
            {"harmonize": "gh:1", "harmonize_classes": 500},
            "expected --harmonize-classes of at most 129, got 500; embeddings of 128",
        ),
        ({"memory_augment": "bcl-x:1"}, "expected --memory-augment bcl-i:N or bcl-d:N"),
        ({"sharpness": "rwsam"}, "expected --sharpness NAME:NUMBER"),
    ],
)
def test_settings_that_make_no_sense_are_refused(parts, message):
    with pytest.raises(ValueError, match=message):
        built(**parts)


def test_parts_that_need_whole_batches_refuse_chunks():
    for parts in ({"harmonize": "gh:1"}, {"memory_augment": "bcl-i:1"}, {"sharpness": "rwsam:0.05"}):
        with pytest.raises(ValueError, match="without --chunk, got 4"):
            replace(with_settings(RunConfig(method=small_config("simclr")), **parts), chunk=4)
