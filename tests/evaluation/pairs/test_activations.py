import pytest
import timm
import torch
from torch import nn

from holdfast.evaluation.pairs.activations import Tap, find_taps, tapped
from holdfast.models import create_encoder


def images(n=2, size=16):
    return torch.rand(n, 3, size, size, generator=torch.Generator().manual_seed(0))


def test_a_resnet_is_tapped_after_its_stem_and_after_every_residual_sum():
    encoder = create_encoder("timm/resnet18", image_size=16).eval()
    taps = find_taps(encoder)
    assert taps[0] == Tap("network.act1", "stem")
    assert [tap.name for tap in taps[1:]] == [f"network.layer{i}.{j}" for i in range(1, 5) for j in range(2)]
    assert {tap.chain for tap in taps} == {"trunk"}


def test_the_last_tap_is_the_pooled_output():
    encoder = create_encoder("timm/resnet18", image_size=16).eval()
    with torch.no_grad(), tapped(encoder, find_taps(encoder)) as outputs:
        features = encoder(images())
    assert list(outputs) == [tap.name for tap in find_taps(encoder)]
    torch.testing.assert_close(outputs["network.layer4.1"], features)
    assert outputs["network.layer1.0"].shape == (2, 64)


def test_a_transformer_is_tapped_at_attention_mlp_and_sum_over_patches_alone():
    encoder = create_encoder("timm/test_vit", image_size=16).eval()
    taps = find_taps(encoder)
    assert [tap.kind for tap in taps[:3]] == ["attention", "MLP", "post-residual"]
    kept = {}
    block = encoder.get_submodule(taps[2].name)
    block.register_forward_hook(lambda module, inputs, output: kept.update(tokens=output))
    with torch.no_grad(), tapped(encoder, taps) as outputs:
        encoder(images())
    prefix: int = encoder.network.num_prefix_tokens  # type: ignore[assignment]
    assert prefix >= 1
    torch.testing.assert_close(outputs[taps[2].name], kept["tokens"][:, prefix:].mean(1))


def test_other_timm_networks_are_tapped_after_their_stages():
    network = timm.create_model("test_efficientnet", num_classes=0).eval()
    taps = find_taps(network)
    assert len(taps) >= 3
    with torch.no_grad(), tapped(network, taps) as outputs:
        network(images(size=32))
    assert {output.ndim for output in outputs.values()} == {2}


def test_an_unknown_network_has_no_taps():
    assert find_taps(nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU())) == []


@pytest.mark.parametrize("fail", [False, True])
def test_hooks_are_removed_also_after_an_error(fail):
    encoder = create_encoder("timm/resnet10t", image_size=16)
    with pytest.raises(RuntimeError) if fail else torch.no_grad(), tapped(encoder, find_taps(encoder)):
        if fail:
            raise RuntimeError
    assert not any(module._forward_hooks for module in encoder.modules())
