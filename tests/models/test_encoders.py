"""Encoders: any timm network, small stems, normalisation inside, weights decided by a seed."""

import pytest
import timm
import torch
from torch import nn

from holdfast.models import checksum, create_encoder, resolve_stem
from holdfast.models.encoders import IMAGENET_MEAN, IMAGENET_STD, EncoderSpec

RESNETS = ["resnet18", "resnet50", "resnet50d", "resnext50_32x4d", "seresnet18", "resnetblur18", "test_resnet"]
VITS = ["vit_tiny_patch16_224", "test_vit"]
WITHOUT_SMALL_STEM = ["test_efficientnet", "mobilenetv3_small_050", "convnext_atto", "regnetx_002"]


def random_images(count: int = 2, size: int = 32) -> torch.Tensor:
    return torch.rand(count, 3, size, size, generator=torch.Generator().manual_seed(0))


@torch.no_grad()
def shape_inside(module: nn.Module, network: nn.Module, images: torch.Tensor) -> torch.Size:
    shapes: list[torch.Size] = []
    handle = module.register_forward_hook(lambda *call: shapes.append(call[2].shape))
    network(images)
    handle.remove()
    return shapes[0]


@pytest.mark.parametrize("name", RESNETS)
def test_a_resnets_small_stem_keeps_the_resolution_into_stage_1(name):
    encoder = create_encoder(f"timm/{name}", image_size=32, stem="small").eval()
    network = encoder.get_submodule("network")
    assert shape_inside(network.get_submodule("layer1"), encoder, random_images())[2:] == (32, 32)
    assert encoder(random_images()).shape == (2, encoder.dim)


@pytest.mark.parametrize("name", ["resnet18", "resnet50d"])
def test_only_the_first_convolution_and_the_pooling_differ_from_the_standard_stem(name):
    small, standard = (create_encoder(f"timm/{name}", image_size=64, stem=stem) for stem in ("small", "standard"))
    first = "conv1.0.weight" if name.endswith("d") else "conv1.weight"
    shapes = {key: value.shape for key, value in small.network.state_dict().items()}
    expected = {key: value.shape for key, value in standard.network.state_dict().items()}
    assert shapes.pop(first)[2:] == (3, 3)
    expected.pop(first)
    assert shapes == expected


@pytest.mark.parametrize("name", VITS)
@pytest.mark.parametrize("size", [32, 64])
def test_a_vits_small_stem_cuts_the_image_into_eight_by_eight_patches(name, size):
    encoder = create_encoder(f"timm/{name}", image_size=size, stem="small").eval()
    embedding = encoder.get_submodule("network.patch_embed")
    assert shape_inside(embedding, encoder, random_images(size=size)).numel() == 2 * 64 * encoder.dim


@pytest.mark.parametrize("name", WITHOUT_SMALL_STEM)
def test_a_network_without_a_small_stem_is_refused_with_a_remedy(name):
    with pytest.raises(ValueError, match=f"small stem.*got '{name}'.*--stem standard"):
        create_encoder(f"timm/{name}", image_size=32, stem="small")


@pytest.mark.parametrize("name", ["test_efficientnet", "mobilenetv3_small_050", "test_vit", "test_convnext"])
def test_any_timm_network_runs_with_its_standard_stem(name):
    encoder = create_encoder(f"timm/{name}", image_size=64, stem="standard").eval()
    assert encoder(random_images(size=64)).shape == (2, encoder.dim)


def test_the_dim_is_that_of_the_features_also_where_timm_counts_channels_before_the_last_layer():
    encoder = create_encoder("timm/mobilenetv3_small_050", image_size=32, stem="standard")
    network = timm.create_model("mobilenetv3_small_050", num_classes=0)
    assert encoder.dim == encoder(random_images()).shape[1] == 1024
    assert network.num_features != 1024, "the case tests nothing any more: find another network"


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("timm/resnet81", "timm knows, got 'timm/resnet81'; near it: timm/resnet18"),
        ("timm/vit_tiny", "near it: timm/.*, timm/.*vit_"),
        ("timm/", "timm/NAME, got 'timm/'"),
        ("resnet18", "timm/NAME, got 'resnet18'"),
        ("keras/resnet18", "timm/NAME, got 'keras/resnet18'"),
    ],
)
def test_a_name_that_timm_does_not_know_is_refused_with_what_is_near(source, message):
    with pytest.raises(ValueError, match=message):
        create_encoder(source, image_size=32)


def test_a_network_that_does_not_pool_is_refused(monkeypatch):
    monkeypatch.setattr(timm, "create_model", lambda *names, **settings: nn.Conv2d(3, 4, 3))
    with pytest.raises(ValueError, match=r"pooled features \[n, dim\], got \[1, 4, 30, 30\]"):
        create_encoder("timm/resnet18", image_size=32, stem="standard")


def test_normalisation_is_the_first_layer():
    encoder, images = create_encoder("timm/test_resnet", image_size=32).eval(), random_images()
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (IMAGENET_MEAN, IMAGENET_STD))
    assert torch.equal(encoder(images), encoder.network((images - mean) / std))
    assert not torch.allclose(encoder(images), encoder.network(images))


def test_the_normalisation_travels_with_the_weights():
    assert {"mean", "std"} <= set(create_encoder("timm/test_resnet", image_size=32).state_dict())


def test_a_seed_decides_every_weight_and_the_global_generator_is_left_alone():
    torch.rand(1)
    before = torch.get_rng_state()
    first, again, other = (create_encoder("timm/test_resnet", image_size=32, seed=seed) for seed in (3, 3, 4))
    assert torch.equal(torch.get_rng_state(), before)
    assert checksum(first) == checksum(again) != checksum(other)
    torch.rand(1)
    assert checksum(create_encoder("timm/test_resnet", image_size=32, seed=3)) == checksum(first)


@pytest.mark.parametrize("name", ["resnet18", "resnet50d", "seresnet18", "resnest14d", "test_resnet"])
@pytest.mark.parametrize("stem", ["small", "standard"])
def test_no_block_of_a_resnet_starts_with_its_last_norm_at_zero(name, stem):
    encoder = create_encoder(f"timm/{name}", image_size=32, stem=stem)
    scales = [module.weight for module in encoder.modules() if isinstance(module, nn.BatchNorm2d)]
    assert scales
    assert all((scale == 1).all() for scale in scales)


def test_convolutions_start_kaiming_fan_out():
    encoder = create_encoder("timm/resnet18", image_size=32, stem="small")
    for name in ("conv1", "layer4.0.conv2"):
        weight = encoder.get_parameter(f"network.{name}.weight")
        fan_out = weight.shape[0] * weight.shape[2] * weight.shape[3]
        assert float(weight.detach().std()) == pytest.approx((2 / fan_out) ** 0.5, rel=0.05)


@pytest.mark.parametrize(("size", "stem"), [(28, "small"), (64, "small"), (65, "standard"), (224, "standard")])
def test_the_auto_stem_is_small_up_to_64_pixels(size, stem):
    assert resolve_stem("auto", size) == stem
    assert resolve_stem("small", size) == "small"
    assert resolve_stem("standard", size) == "standard"


def test_an_encoder_says_how_to_build_it_again():
    encoder = create_encoder("timm/test_resnet", image_size=32, seed=5)
    expected = EncoderSpec(encoder="timm/test_resnet", stem="small", image_size=32)
    assert encoder.spec == expected
    values = expected.to_dict()
    assert EncoderSpec(**{**values, "mean": tuple(values["mean"]), "std": tuple(values["std"])}) == expected


def test_an_encoder_is_handed_over_in_training_mode():
    for name in ("test_resnet", "test_vit"):
        assert all(module.training for module in create_encoder(f"timm/{name}", image_size=32).modules())
