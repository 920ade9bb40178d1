"""DINO: which crops it draws, what goes through which pass, what moves when."""

from typing import Any

import pytest
import torch

from holdfast.config import RunConfig
from holdfast.data.batches import Batch
from holdfast.methods import DINO, DINOConfig, Method, build, with_settings
from holdfast.objectives import dino


def batch(epoch: int = 1) -> Batch:
    images = torch.rand(6, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    return Batch(images=images, ids=torch.arange(6) * 3, epoch=epoch)


def built(adversary: str | None = None, encoder: str = "timm/test_resnet", **settings: Any) -> Method:
    small = {"prototypes": 12, "head_dim": 8, "local_count": 3, **settings}
    config = RunConfig(method=DINOConfig(**small), encoder=encoder)
    return build(with_settings(config, adversary=adversary), image_size=16)


def test_large_crops_are_above_the_split_and_small_ones_below_and_no_draw_is_shared():
    views = built(crop_split=0.5).views(batch())
    area = (views.parameters.height * views.parameters.width) / 16**2
    assert views.images.shape == (5, 6, 3, 16, 16) and len(views.parameters.order) == 5
    assert float(area[:2].min()) > 0.4 and float(area[2:].max()) < 0.6  # rounded to pixels
    assert not torch.equal(views.parameters.brightness[:2], views.parameters.brightness[2:4])


def test_small_views_go_through_a_pass_of_their_size_and_the_teacher_sees_large_ones_alone():
    method, seen, taught = built(), [], []
    assert isinstance(method, DINO)
    method.encoder.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0].shape))
    method.teacher.network[0].register_forward_pre_hook(lambda module, inputs: taught.append(inputs[0].shape))
    views = method.views(batch())
    whole = method.loss(views)
    assert seen == [(12, 3, 16, 16), (18, 3, 8, 8)] and taught == [(12, 3, 16, 16)]
    assert torch.isfinite(whole)
    assert built(local_count=0).views(batch()).images.shape[0] == 2


def test_the_loss_is_of_all_views_against_the_teachers_outputs_of_the_large_ones():
    method = built(local_count=2)
    assert isinstance(method, DINO)
    views = method.views(batch())
    with torch.no_grad():
        method.centre.copy_(torch.linspace(-0.1, 0.1, 12))
    loss = method.loss(views)
    small = torch.nn.functional.interpolate(
        views.images[2:].flatten(0, 1), size=(8, 8), mode="bilinear", antialias=True
    )
    student = torch.cat([method.network(views.images[:2].flatten(0, 1)), method.network(small)])
    outputs = method.prototypes(student).unflatten(0, (4, 6))
    teacher = method.teacher_prototypes(method.teacher(views.images[:2].flatten(0, 1))).unflatten(0, (2, 6))
    expected = dino(outputs, teacher, centre=method.centre, temperature=0.1, teacher_temperature=0.04)
    torch.testing.assert_close(loss, expected)


def test_prototypes_stay_in_the_first_epoch_and_move_later():
    for epoch, moves in ((0, False), (1, True)):
        method = built()
        method.loss(method.views(batch(epoch))).backward()
        gradient = method.get_parameter("prototypes.weight").grad
        assert gradient is not None and bool(gradient.any()) == moves


@pytest.mark.parametrize("adversary", [None, "pgd:2"])
def test_the_centre_moves_after_a_step_by_its_momentum_and_not_while_the_loss_is_computed(adversary):
    method = built(adversary, centre_momentum=0.75)
    inner = method if adversary is None else method.inner
    assert isinstance(inner, DINO)
    method.loss(method.views(batch()))
    assert not inner.centre.any()
    seen = inner._seen
    assert seen is not None
    method.after_step(0.0)
    torch.testing.assert_close(inner.centre, 0.25 * seen)


def test_the_teacher_follows_in_network_and_prototypes():
    method = built(teacher_momentum=0.5)
    assert isinstance(method, DINO)
    with torch.no_grad():
        for parameter in (*method.network.parameters(), *method.prototypes.parameters()):
            parameter.add_(1.0)
    before = [p.clone() for p in (*method.teacher.parameters(), *method.teacher_prototypes.parameters())]
    method.after_step(0.0)
    after = [*method.teacher.parameters(), *method.teacher_prototypes.parameters()]
    assert all(torch.allclose(new, old + 0.5, atol=1e-6) for new, old in zip(after, before, strict=True))


def test_an_encoder_of_one_size_is_refused_small_views_with_its_remedy():
    with pytest.raises(ValueError, match="set --local-scale 1, or take a ResNet"):
        built(encoder="timm/vit_tiny_patch16_224")
    assert built(encoder="timm/vit_tiny_patch16_224", local_scale=1.0).views_per_image == 5


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"temperature": 0.0}, "temperature > 0, got 0.0"),
        ({"centre_momentum": 1.5}, r"centre_momentum in \[0, 1\], got 1.5"),
        ({"local_scale": 0.0}, r"local_scale in \(0, 1\], got 0.0"),
        ({"prototypes": 1}, "prototypes >= 2, got 1"),
        ({"local_count": -1}, "local_count >= 0, got -1"),
    ],
)
def test_settings_outside_their_range_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        DINOConfig(**settings)
