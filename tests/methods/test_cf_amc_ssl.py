"""What adversaries promise, whatever method they wrap: budget, range, statistics, gradients, resume."""

from collections.abc import Iterator
from dataclasses import replace
from typing import cast

import pytest
import torch
from ddp_workers import double_method, last_batch
from small_methods import SMALL, small_config, sparse, teacher_run
from torch import Tensor

from holdfast.config import RunConfig
from holdfast.data import Batch
from holdfast.methods import (
    ADVERSARIES,
    PRESETS,
    EMPSSLConfig,
    FreeAdversary,
    Method,
    build,
    default_config,
    with_settings,
)
from holdfast.methods.ball import Ball, leaf, with_moved
from holdfast.methods.base import untracked
from holdfast.recipes import RECIPES

every_method = pytest.mark.parametrize("method", sparse())
every_adversary = pytest.mark.parametrize("adversary", ["pgd:2", "free:2"])


def config(method: str, adversary: str | None, **changes) -> RunConfig:
    settings = small_config(method)
    return with_settings(RunConfig(method=settings, encoder="timm/test_resnet"), adversary=adversary, **changes)


def attacked(method: str, adversary: str | None, **changes) -> Method:
    return double_method(config(method, adversary, **changes))


def batches(count: int = 3) -> Iterator[Batch]:
    """Batches of 8 random images, the third of 5; half of the pixels at a bound."""
    for number in range(count):
        images = torch.rand(8, 3, 12, 12, generator=torch.Generator().manual_seed(number), dtype=torch.float64)
        images = (2 * images - 0.5).clamp(0, 1)
        last = slice(None, 5 if number == 2 else 8)
        yield Batch(images[last], torch.arange(8)[last] + 8 * number, 0)


def train(method: Method, count: int = 3, lr: float = 0.01) -> list[Tensor]:
    optimizer, losses = torch.optim.SGD(method.parameters(), lr=lr), []
    for batch in batches(count):
        for loss in method.losses(batch):
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            losses.append(loss.detach())
    return losses


def seen_by(method: Method) -> list[Tensor]:
    """All images that the encoder is given from now on."""
    seen: list[Tensor] = []
    method.encoder.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0].detach()))
    return seen


@pytest.mark.parametrize(("norm", "start"), [("linf", "zero"), ("l2", "random")])
@every_adversary
@every_method
def test_the_network_never_sees_a_pixel_outside_the_range(method, adversary, start, norm):
    eps = 0.2 if norm == "linf" else 2.0
    one = attacked(
        method, adversary, adversary_start=start, adversary_norm=norm, adversary_eps=eps, adversary_step=eps / 2
    )
    seen = seen_by(one)  # SDCLR's pruned branch calls the encoder too
    train(one)
    assert seen
    assert min(float(images.min()) for images in seen) >= 0
    assert max(float(images.max()) for images in seen) <= 1


@pytest.mark.parametrize("norm", ["linf", "l2"])
@every_method
def test_a_free_perturbation_stays_in_its_ball_and_stays_from_batch_to_batch(method, norm):
    free = attacked(method, "free:2", adversary_norm=norm, adversary_eps=0.05, adversary_step=0.03)
    assert isinstance(free, FreeAdversary)
    train(free, count=1)
    assert free.delta is not None
    first = free.delta.clone()
    assert first.shape[:2] == (len(range(*free.moved_views.indices(free.views_per_image))), 8)
    assert float(first.abs().max()) > 0
    train(free, count=3)  # the last batch has 5 images
    assert free.delta.shape == first.shape
    size = free.delta.abs().amax((2, 3, 4)) if norm == "linf" else free.delta.flatten(2).norm(dim=2)
    assert float(size.max()) <= 0.05 + 1e-12
    assert not torch.equal(free.delta[:, :5], first[:, :5])


@every_method
def test_places_without_an_image_keep_their_perturbation(method):
    free = attacked(method, "free:1")
    assert isinstance(free, FreeAdversary)
    *_, small = batches()
    train(free, count=1)
    assert free.delta is not None
    before = free.delta.clone()
    for loss in free.losses(small):
        loss.backward()
    assert torch.equal(free.delta[:, 5:], before[:, 5:])


@every_adversary
@every_method
def test_only_the_views_that_the_method_names_are_moved(method, adversary):
    plain, one = attacked(method, None), attacked(method, adversary, adversary_eps=0.1, adversary_step=0.05)
    views = one.views(last_batch(16))
    passed, seen = seen_by(plain), seen_by(one)
    plain.loss(views)
    assert torch.isfinite(one.loss(views))  # of the free adversary: the first replay, whose perturbation is zero
    before, after = torch.cat(passed), torch.cat(seen)[-sum(map(len, passed)) :]
    moved = (after - before).abs().amax((1, 2, 3)).unflatten(0, (-1, 8)).amax(1) > 0
    expected = len(range(*one.moved_views.indices(len(views.images))))
    assert int(moved.sum()) == (expected if adversary.startswith("pgd") else 0)


@every_method
def test_pgd_raises_the_loss_that_it_trains_on(method):
    plain, robust = (attacked(method, adversary, adversary_eps=0.05) for adversary in (None, "pgd:4"))
    batch = last_batch(16)
    assert next(robust.losses(batch)).item() > next(plain.losses(batch)).item() + 1e-3


@pytest.mark.parametrize("adversary", ["pgd:3", "free:1"])
@every_method
def test_a_budget_of_zero_is_plain_training(method, adversary):
    plain, robust = attacked(method, None), attacked(method, adversary, adversary_eps=0.0, adversary_start="random")
    lr = 1e-4 if method == "lore" else 0.01  # whose loss is a sum over all features
    losses = torch.stack(train(plain, lr=lr))
    assert losses.isfinite().all()
    assert torch.equal(losses, torch.stack(train(robust, lr=lr)))
    for a, b in zip(plain.state_dict().values(), robust.state_dict().values(), strict=True):
        assert torch.equal(a, b)


@every_method
def test_an_attack_leaves_running_statistics_and_parameter_gradients_alone(method):
    robust, plain = attacked(method, "pgd:3"), attacked(method, None)
    batch = last_batch(16)
    loss = next(robust.losses(batch))
    next(plain.losses(batch))
    assert all(p.grad is None for p in robust.parameters())
    counts = {name.removeprefix("inner."): b for name, b in robust.named_buffers() if "tracked" in name}
    assert counts
    for name, buffer in plain.named_buffers():
        if "tracked" in name:
            assert int(counts[name]) == int(buffer)
    loss.backward()  # training passes only: one backward's worth of gradients
    assert any(p.grad is not None for p in robust.parameters())


def test_untracked_attack_passes_have_the_same_outputs_and_theirs_can_be_reproduced():
    kept, moved = (attacked("simclr", "pgd:2", adversary_statistics=how) for how in ("kept", "moved"))
    batch = last_batch(16)
    assert next(kept.losses(batch)).item() == next(moved.losses(batch)).item()
    tracked = [int(b) for one in (kept, moved) for name, b in one.named_buffers() if name.endswith("tracked")]
    assert set(tracked[: len(tracked) // 2]) == {1}
    assert set(tracked[len(tracked) // 2 :]) == {3}


@pytest.mark.parametrize("method", ["simclr", "sdclr", "byol"])
def test_kept_gradients_of_attack_steps_join_the_update_as_if_they_had_never_been_zeroed(method):
    kept, dropped = (attacked(method, "pgd:2", adversary_gradients=how) for how in ("kept", "dropped"))
    batch = last_batch(16)
    loss, plain = next(kept.losses(batch)), next(dropped.losses(batch))
    assert loss.item() == plain.item()
    loss.backward()
    for steps in range(3):  # never zeroed: the backward of each attack step, then the training step's
        views = dropped.views(batch)
        clean, ball = views.images[dropped.moved_views], cast(Ball, dropped.ball)
        delta = ball.start(views, clean)
        with untracked(dropped.inner):
            for _ in range(steps):
                moved = leaf(clean, delta)
                stepped = dropped.inner.loss(with_moved(views, dropped.moved_views, moved))
                delta = ball.climb(clean, moved, torch.autograd.grad(stepped, moved)[0])
            dropped.inner.loss(with_moved(views, dropped.moved_views, (clean + delta).clamp(0, 1))).backward()
    for ours, theirs in zip(kept.parameters(), dropped.parameters(), strict=True):
        if theirs.grad is not None:
            torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-9, atol=1e-9)


def test_kept_gradients_ask_for_steps_of_their_own():
    with pytest.raises(ValueError, match="expected --adversary-gradients kept with pgd:N, got free:3"):
        with_settings(default_config("simclr"), adversary="free:3", adversary_gradients="kept")


@pytest.mark.parametrize("adversary", ADVERSARIES)
def test_a_wrapper_shows_its_method_truthfully(adversary):
    plain, wrapped = attacked("emp-ssl", None), attacked("emp-ssl", f"{adversary}:3")
    assert wrapped.views_per_image == plain.views_per_image == 3
    assert wrapped.steps_per_batch == (3 if adversary == "free" else 1)
    assert wrapped.passes_per_image == 3 * (3 if adversary == "free" else 4)
    assert wrapped.prefeature is wrapped.network[1].prefeature
    assert sum(p.numel() for p in wrapped.parameters()) == sum(p.numel() for p in plain.parameters())
    assert len(wrapped.state_dict()) == len(plain.state_dict())


def test_free_training_needs_the_engines_backward():
    losses = attacked("simclr", "free:2").losses(last_batch(16))
    next(losses)
    with pytest.raises(RuntimeError, match="expected a backward pass"):
        next(losses)


@pytest.mark.parametrize("wrong", ["free:0", "free:1.5", "square:3"])
def test_an_adversary_that_does_not_exist_is_refused(wrong):
    with pytest.raises(ValueError, match=r"expected --adversary pgd:N or free:N with N >= 1"):
        build(config("simclr", wrong), image_size=12)


def test_a_random_start_depends_on_the_image_alone():
    robust = attacked("simclr", "free:1", adversary_start="random")
    assert isinstance(robust, FreeAdversary)
    batch = last_batch(16)
    order = torch.tensor([3, 1, 0, 2])
    some = replace(batch, images=batch.images[order], ids=batch.ids[order])
    starts = [robust.ball.start(views, views.images[1:]) for views in map(robust.views, (batch, some))]
    torch.testing.assert_close(starts[1], starts[0][:, order], atol=1e-6, rtol=0)
    assert float(starts[0].abs().max()) > 0.9 * 8 / 255


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_is_a_complete_configuration(name):
    preset = PRESETS[name]()
    method = preset.method
    small = replace(method, **SMALL["emp-ssl"]) if isinstance(method, EMPSSLConfig) else method
    preset = with_settings(preset, forget_groups=2) if name == "talos" else preset
    small = replace(small, teacher=teacher_run(stem="standard")) if hasattr(small, "teacher") else small
    built = build(replace(preset, method=small, encoder="timm/test_resnet", stem="standard"), image_size=12)
    free = any(part.chosen == "free:3" for part in preset.parts)
    assert built.steps_per_batch == (5 if name == "lore" else 3 if free else 1)


def test_recipes_of_the_papers_table_have_its_costs():
    # Passes for an image in all: crops × replays (or 1 + attack steps) × epochs.
    rows = {
        "robust-emp-ssl/cifar10_crop": 16 * 6 * 30,
        "robust-emp-ssl/cifar10_patch": 16 * 6 * 30,
        "cf-amc-ssl/cifar10_crop": 16 * 3 * 10,
        "cf-amc-ssl/cifar10_patch": 16 * 3 * 10,
        "simclr-adv/cifar10_crop": 2 * 6 * 500,
        "simclr-adv/cifar10_patch": 2 * 6 * 500,
        "simclr-free/cifar10_crop": 2 * 3 * 167,
    }
    for name, passes in rows.items():
        recipe = RECIPES[name]()
        small = replace(recipe, encoder="timm/test_resnet")
        assert build(small, image_size=32).passes_per_image * recipe.epochs == passes
        patch = (0.25, 0.25, 1.0, 1.0)
        box = (recipe.views.crop_min, recipe.views.crop_max, recipe.views.ratio_min, recipe.views.ratio_max)
        assert (box == patch) == name.endswith("patch")
