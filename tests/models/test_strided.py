"""Strided convolutions whose kernel reaches beyond a small map get gradients in bf16 as in float32."""

import copy

import pytest
import torch
from torch import nn

from holdfast import RunConfig, SimCLRConfig, load_encoder, train
from holdfast.models import exact_strides
from holdfast.models.strided import ExactConv2d


def test_a_kernel_that_meets_only_padding_somewhere_is_known():
    network = nn.Sequential(nn.Conv2d(2, 2, 3, stride=2, padding=1), nn.Conv2d(2, 2, 7, stride=4, padding=3))
    exact_strides(network)
    small, large = network
    assert isinstance(small, ExactConv2d) and isinstance(large, ExactConv2d)
    sides = {
        side: (small.unreached(torch.zeros(1, 2, side, side)), large.unreached(torch.zeros(1, 2, side, side)))
        for side in range(1, 12)
    }
    assert [side for side, (three, _) in sides.items() if three] == [1, 2]
    assert [side for side, (_, seven) in sides.items() if seven] == [1, 2, 3, 4]
    assert small.unreached(torch.zeros(1, 2, 8, 1)), "one side is enough"


@pytest.mark.parametrize(("side", "kernel", "stride"), [(1, 3, 2), (2, 3, 4), (3, 7, 4)])
def test_gradients_under_autocast_are_those_of_float32(side, kernel, stride):
    plain = nn.Conv2d(32, 48, kernel, stride=stride, padding=kernel // 2, bias=False)
    exact = copy.deepcopy(plain)
    exact_strides(exact)
    images = torch.randn(8, 32, side, side)
    plain(images).square().sum().backward()
    poison = [torch.full_like(plain.weight, float("nan"), dtype=torch.bfloat16) for _ in range(20)]
    with torch.autocast("cpu", torch.bfloat16):
        loss = exact(images).float().square().sum()
    del poison
    loss.backward()
    assert torch.allclose(exact.weight.grad, plain.weight.grad, rtol=1e-5, atol=1e-5)
    assert plain.weight.grad.eq(0).any(), "no tap is out of reach: this test asks nothing"


def test_a_copy_computes_with_its_own_weights():
    first = nn.Sequential(nn.Conv2d(3, 4, 3, stride=2, padding=1))
    exact_strides(first)
    second = copy.deepcopy(first)
    nn.init.zeros_(second[0].weight)
    images = torch.rand(1, 3, 4, 4)
    assert second(images).std(dim=(2, 3)).eq(0).all() and not first(images).std(dim=(2, 3)).eq(0).any()
    assert list(first.state_dict()) == ["0.weight", "0.bias"]


def test_images_of_16_pixels_train_in_bf16(tmp_path):
    config = RunConfig(
        method=SimCLRConfig(head_layers=3),
        **{"data": "digits", "limit": 200, "image_size": 16, "encoder": "timm/test_resnet", "stem": "standard"},
        **{"batch_size": 64, "epochs": 1, "precision": "bf16", "holdout": 20, "signals_every": 0, "threads": 1},
    )
    encoder = load_encoder(train(config, tmp_path / "run").path)
    assert all(weight.isfinite().all() for weight in encoder.parameters())
    assert not any(isinstance(module, ExactConv2d) for module in encoder.modules()), "what is loaded is timm's own"
