"""EMP-SSL's method: views, chunks of them, the pre-feature layer."""

from typing import Any

import pytest
import torch
from ddp_workers import double_method, last_batch
from torch import nn

from holdfast.config import VIEWS, RunConfig
from holdfast.methods import EMPSSL, EMPSSLConfig, build
from holdfast.methods.base import Method

SMALL: dict[str, Any] = {"view_count": 4, "prefeature_dim": 24, "head_dim": 12}


def method(encoder: str = "timm/test_resnet", **settings) -> Method:
    return double_method(RunConfig(method=EMPSSLConfig(**SMALL | settings), encoder=encoder, views=VIEWS["crop"]))


def gradients(method: Method) -> tuple[torch.Tensor, list[torch.Tensor]]:
    loss = next(method.losses(last_batch(16)))
    return loss.detach(), list(torch.autograd.grad(loss, list(method.parameters())))


def running(method: Method) -> list[torch.Tensor]:
    return [buffer.clone() for name, buffer in method.named_buffers() if "running" in name or "tracked" in name]


@pytest.mark.parametrize("views", [2, 7])
def test_any_number_of_views_is_one_batch(views):
    made = method(view_count=views).views(last_batch(16))
    assert made.images.shape == (views, 8, 3, 12, 12)
    assert method(view_count=views).views_per_image == views


def test_the_head_is_the_papers():
    config = EMPSSLConfig()
    head = EMPSSL.head(config, 512)
    shapes = [tuple(p.shape) for name, p in head.named_parameters() if name.endswith("weight") and p.ndim == 2]
    assert shapes == [(4096, 512), (4096, 4096), (1024, 4096)]
    assert head(torch.rand(2, 512)).shape == (2, 1024)
    shared = EMPSSL.head(EMPSSLConfig(head="shared", head_dim=128), 512)
    assert [tuple(m.weight.shape) for m in shared.children() if isinstance(m, nn.Linear)] == [(512, 512), (128, 512)]


def test_the_network_is_evaluated_at_either_layer():
    whole = build(RunConfig(method=EMPSSLConfig(**SMALL), encoder="timm/test_resnet"), image_size=12).eval()
    assert whole.prefeature is not None
    features = whole.encoder(torch.rand(3, 3, 12, 12))
    assert whole.prefeature(features).shape == (3, 24)
    shared = build(RunConfig(method=EMPSSLConfig(**SMALL, head="shared"), encoder="timm/test_resnet"), image_size=12)
    assert shared.prefeature is None


def test_passes_of_some_views_change_nothing_where_no_norm_sees_the_batch():
    # test_vit has layer norms alone, and the shared head's batch norms are made to look at their running statistics.
    once, chunked = (method("timm/test_vit", pass_views=views, head="shared") for views in (None, 3))
    for one in (once, chunked):
        one.network[1].eval()
    (loss, expected), (other, found) = gradients(once), gradients(chunked)
    torch.testing.assert_close(other, loss)
    torch.testing.assert_close(found, expected)


def test_recomputing_activations_moves_running_statistics_once():
    chunked = method(pass_views=2)
    before = running(chunked)
    loss = next(chunked.losses(last_batch(16)))
    after = running(chunked)
    loss.backward()
    assert any(not torch.equal(a, b) for a, b in zip(before, after, strict=True))
    assert all(torch.equal(a, b) for a, b in zip(after, running(chunked), strict=True))


def test_a_loss_under_autocast_is_float32():
    small = build(RunConfig(method=EMPSSLConfig(**SMALL), encoder="timm/test_resnet"), image_size=12)
    batch = last_batch(16)
    with torch.autocast("cpu", torch.bfloat16):
        assert next(small.losses(type(batch)(batch.images.float(), batch.ids, 0))).dtype == torch.float32


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"view_count": 1}, "view_count >= 2"),
        ({"rate_eps": 0.0}, "rate_eps > 0"),
        ({"head": "none"}, "head prefeature or shared"),
        ({"pass_views": 0}, "pass_views >= 1"),
    ],
)
def test_settings_that_make_no_sense_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        EMPSSLConfig(**wrong)
