"""Methods beside SimCLR: what each contrasts with what, and that a teacher follows after each step only."""

import math
from typing import Any

import pytest
import torch
from small_methods import small_config

from holdfast.config import MethodConfig, RunConfig
from holdfast.data.batches import Batch
from holdfast.engine import train
from holdfast.methods import (
    BYOL,
    BarlowTwinsConfig,
    BYOLConfig,
    DCLConfig,
    FNCConfig,
    Method,
    MoCoV3,
    MoCoV3Config,
    RenyiCLConfig,
    VICRegConfig,
    build,
    with_settings,
)
from holdfast.objectives import barlow_twins, byol, cancelling_nt_xent, dcl, dclw, moco, renyi, vicreg

PAIRS = {
    "dcl": (DCLConfig(), lambda z: dcl(*z, temperature=0.1)),
    "dclw": (DCLConfig(weighted=True, sigma=0.4), lambda z: dclw(*z, temperature=0.1, sigma=0.4)),
    "renyicl": (RenyiCLConfig(order=1.5), lambda z: renyi(*z, temperature=0.5, order=1.5)),
    "fnc": (
        FNCConfig(cancel_share=0.5, cancel_epochs=2),
        lambda z: cancelling_nt_xent(*z, temperature=0.2, cancelled=2),
    ),
    "vicreg": (VICRegConfig(head_dim=16, covariance_weight=2.0), lambda z: vicreg(*z, covariance=2.0)),
    "barlow": (BarlowTwinsConfig(head_dim=16, redundancy_weight=0.1), lambda z: barlow_twins(*z, weight=0.1)),
}


def batch(epoch: int = 1, count: int = 8) -> Batch:
    images = torch.rand(count, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    return Batch(images=images, ids=torch.arange(count) * 3, epoch=epoch)


def built(settings: MethodConfig, **changes) -> Method:
    config = RunConfig(method=settings, encoder="timm/test_resnet")
    return build(with_settings(config, **changes), image_size=16)


@pytest.mark.parametrize("name", PAIRS)
def test_two_views_go_through_one_pass_into_the_objective(name):
    settings, objective = PAIRS[name]
    method = built(settings)
    views = method.views(batch())
    z = method.network(views.images.flatten(0, 1)).chunk(2)
    torch.testing.assert_close(method.loss(views), objective(z), rtol=1e-5, atol=1e-6)


def test_cancellation_grows_over_its_epochs_and_leaves_one_other_image():
    settings = FNCConfig(cancel_share=0.5, cancel_epochs=4)
    assert [settings.cancelled(9, epoch) for epoch in range(6)] == [0, 1, 2, 3, 4, 4]
    assert FNCConfig(cancel_share=0.99, cancel_epochs=1).cancelled(4, 9) == 2
    assert settings.cancelled(2, 9) == 0


@pytest.mark.parametrize("kind", [BYOLConfig, MoCoV3Config])
def test_each_view_is_predicted_from_the_other_through_the_teacher(kind):
    method: Any = built(kind(predictor_dim=16, head_dim=8))
    views = method.views(batch())
    images = views.images.flatten(0, 1)
    p, t = method.predicting.predictor(method.network(images)).chunk(2), method.predicting.teacher(images).chunk(2)
    if kind is BYOLConfig:
        expected = (byol(p[0], t[1]) + byol(p[1], t[0])) / 2
    else:
        expected = moco(p[0], t[1], temperature=0.2) + moco(p[1], t[0], temperature=0.2)
    torch.testing.assert_close(method.loss(views), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("adversary", [None, "pgd:2"])
@pytest.mark.parametrize("kind", [BYOLConfig, MoCoV3Config])
def test_the_teacher_follows_after_a_step_and_not_while_the_loss_is_computed(kind, adversary):
    settings = kind(predictor_dim=16, head_dim=8, teacher_momentum=0.5)
    method = built(settings, adversary=adversary)
    inner = method if adversary is None else method.inner
    assert isinstance(inner, BYOL | MoCoV3)
    teacher = inner.predicting.teacher
    before = [p.clone() for p in teacher.parameters()]
    method.loss(method.views(batch())).backward()
    assert all(torch.equal(own, old) for own, old in zip(teacher.parameters(), before, strict=True))
    with torch.no_grad():
        for p in inner.network.parameters():
            p.add_(1.0)
    method.after_step(0.0)
    own, old, new = (next(iter(each)) for each in (teacher.parameters(), before, inner.network.parameters()))
    torch.testing.assert_close(own, 0.5 * old + 0.5 * new.detach())


@pytest.mark.parametrize("name", ["byol", "moco-v3", "dino"])
@pytest.mark.parametrize("progress", [0.0, 0.25, 0.5, 1.0])
def test_a_teachers_momentum_rises_to_one_by_half_a_cosine_over_the_run(name, progress):
    method: Any = built(small_config(name, teacher_momentum=0.6))
    teacher = getattr(method, "predicting", method).teacher
    before = [p.clone() for p in teacher.parameters()]
    with torch.no_grad():
        for p in method.network.parameters():
            p.add_(1.0)
    method.after_step(progress)
    kept = 1 - 0.4 * (math.cos(math.pi * progress) + 1) / 2
    for own, old in zip(teacher.parameters(), before, strict=True):
        torch.testing.assert_close(own, old + (1 - kept), atol=1e-6, rtol=1e-5)


def test_the_engine_tells_of_each_step_and_how_far_the_run_is(tmp_path, monkeypatch):
    told = []
    monkeypatch.setattr(Method, "after_step", lambda self, progress: told.append(round(progress, 3)))
    settings = DCLConfig()
    config = RunConfig(method=settings, limit=40, holdout=0, image_size=16, encoder="timm/test_resnet", epochs=2)
    train(RunConfig(**{**vars(config), "batch_size": 20, "signals_every": 0}), tmp_path / "run")
    assert told == [0.25, 0.5, 0.75, 1.0]


@pytest.mark.parametrize(
    ("kind", "settings", "message"),
    [
        (DCLConfig, {"sigma": 0.0}, "sigma > 0, got 0.0"),
        (RenyiCLConfig, {"order": 0.5}, "order >= 1, got 0.5"),
        (RenyiCLConfig, {"skew": 1.0}, r"skew in \(0, 1\), got 1.0"),
        (FNCConfig, {"cancel_share": 1.0}, r"cancel_share in \[0, 1\), got 1.0"),
        (FNCConfig, {"cancel_epochs": 0}, "cancel_epochs >= 1, got 0"),
        (VICRegConfig, {"variance_weight": -1.0}, "variance_weight >= 0, got -1.0"),
        (BarlowTwinsConfig, {"redundancy_weight": -1.0}, "redundancy_weight >= 0, got -1.0"),
        (BYOLConfig, {"teacher_momentum": 1.5}, r"teacher_momentum in \[0, 1\], got 1.5"),
        (MoCoV3Config, {"temperature": 0.0}, "temperature > 0, got 0.0"),
    ],
)
def test_settings_outside_their_range_are_refused(kind, settings, message):
    with pytest.raises(ValueError, match=message):
        kind(**settings)
