"""Training checkpoints of many libraries: their containers and names, around networks whose features are known."""

import json

import pytest
import timm
import torch
import torchvision
from torch import Tensor, nn

from holdfast.models import Encoder, load_encoder, loaded_of
from holdfast.models.encoders import IMAGENET_MEAN, IMAGENET_STD
from holdfast.models.load.pixels import CIFAR_MEAN, CIFAR_STD, SWAV_STD
from holdfast.randomness import seeded_library

write_pickle = vars(torch)["save"]
VIT = {"depth": 2, "img_size": 32, "patch_size": 8, "num_classes": 0}


def shaken(model: nn.Module, seed: int = 1) -> nn.Module:
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for tensor in model.state_dict().values():
            if tensor.is_floating_point():
                tensor.add_(0.1 * torch.rand(tensor.shape, generator=generator))
    return model.eval()


def vit(width: str = "tiny", seed: int = 1, **settings) -> nn.Module:
    with seeded_library(seed, "foreign"):
        return shaken(timm.create_model(f"vit_{width}_patch16_224", **VIT, **settings), seed)


def resnet(seed: int = 1, **settings) -> nn.Module:
    with seeded_library(seed, "foreign"):
        network = torchvision.models.resnet18(**settings)
    network.fc = nn.Identity()  # type: ignore[assignment]
    return shaken(network, seed)


def under(prefix: str, network: nn.Module, **more: Tensor) -> dict[str, Tensor]:
    return {prefix + name: tensor for name, tensor in network.state_dict().items()} | more


def features(network: nn.Module, mean=IMAGENET_MEAN, std=IMAGENET_STD, size: int = 32) -> tuple[Tensor, Tensor]:
    images = torch.rand(2, 3, size, size, generator=torch.Generator().manual_seed(0))
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (mean, std))
    with torch.no_grad():
        return images, network((images - mean) / std)


def load(content, tmp_path, name: str = "weights.pth", **settings) -> Encoder:
    write_pickle(content, tmp_path / name)
    encoder = load_encoder(str(tmp_path / name), **settings)
    assert isinstance(encoder, Encoder)
    return encoder


ONE = torch.ones(2, 2)
VITS = {
    "DINO": lambda own, other: {
        "teacher": under("backbone.", own, **{"head.last_layer.weight_v": ONE}),
        "student": under("module.backbone.", other),
        "epoch": 3,
    },
    "DINO, flat with a head": lambda own, other: under("", own, **{"head.last_layer.weight_v": ONE}),
    "MAE": lambda own, other: {
        "model": under(
            "", own, mask_token=torch.zeros(1, 1, 192), **{"decoder_pred.weight": ONE, "decoder_embed.bias": ONE}
        )
    },
    "stable-pretraining": lambda own, other: {
        "state_dict": under("backbone.teacher.", own)
        | under("backbone.student.", other)
        | {"backbone.base_ema_coefficient": ONE}
    },
    "lightly": lambda own, other: {
        "state_dict": under("teacher_backbone.vit.", own) | under("backbone.vit.", other, **{"head.x.weight": ONE})
    },
}


@pytest.mark.parametrize("wrap", VITS.values(), ids=VITS)
def test_the_right_vit_of_a_checkpoint_gives_its_class_token(wrap, tmp_path):
    own, other = vit(), vit(seed=2)
    encoder = load(wrap(own, other), tmp_path, image_size=32)
    images, expected = features(own)
    torch.testing.assert_close(encoder(images), expected, rtol=1e-4, atol=1e-4)


def test_i_jepas_target_encoder_is_taken_and_its_patches_are_averaged(tmp_path):
    settings = {"class_token": False, "global_pool": "avg", "fc_norm": False}
    own, other = vit(**settings), vit(seed=2, **settings)
    content = {"target_encoder": under("module.", own), "encoder": under("module.", other), "predictor": {"x": ONE}}
    encoder = load(content, tmp_path)
    images, expected = features(own)
    torch.testing.assert_close(encoder(images), expected, rtol=1e-4, atol=1e-4)
    assert "also there: encoder" in loaded_of(encoder).copy


def test_moco_v3s_small_vit_has_12_heads_where_timms_has_6(tmp_path):
    own = vit("small", num_heads=12)
    content = {"state_dict": under("module.base_encoder.", own) | under("module.momentum_encoder.", vit("small"))}
    encoder = load(content, tmp_path)
    images, expected = features(own)
    torch.testing.assert_close(encoder(images), expected, rtol=1e-4, atol=1e-4)
    with torch.no_grad():
        wrong = vit("small", num_heads=6)
        wrong.load_state_dict(own.state_dict())
        assert float((features(wrong)[1] - expected).abs().max()) > 1e-3, "heads show"
    write_pickle(under("", own), tmp_path / "flat.pth")
    with pytest.raises(ValueError, match="weights of a network that their names tell"):
        load_encoder(str(tmp_path / "flat.pth"))


def test_a_named_network_of_other_heads_than_the_family_that_the_keys_tell_is_said(tmp_path):
    content = {"state_dict": under("module.base_encoder.", vit("small", num_heads=12))}
    write_pickle(content, tmp_path / "run.pth")
    arguments = {"depth": 2, "img_size": 32, "patch_size": 8, "embed_dim": 384, "num_heads": 6}
    facts = {"stem": "standard", "image_size": 32, "arguments": arguments}
    (tmp_path / "preprocess.json").write_text(json.dumps(facts))
    notes = loaded_of(load_encoder(f"timm/vit_small_patch16_224@{tmp_path / 'run.pth'}")).notes
    assert notes == (
        "blocks.0.attn has 6 heads, not 12 in timm/vit_small_patch16_224, which was named; recognised as MoCo v3 by "
        "its keys: without a name its own",
    )
    (tmp_path / "preprocess.json").write_text(json.dumps(facts | {"arguments": arguments | {"num_heads": 12}}))
    assert loaded_of(load_encoder(f"timm/vit_small_patch16_224@{tmp_path / 'run.pth'}")).notes == ()


def meta_names(state: dict[str, Tensor], *, chunks: bool = False) -> dict[str, Tensor]:
    """timm's DINOv2 with registers as Meta writes it: undoes what the reader does."""
    found = {name.replace("blocks.", "blocks.0.") if chunks else name: tensor for name, tensor in state.items()}
    position = torch.full((1, 1, 192), 0.25)
    found["register_tokens"] = found.pop("reg_token")
    found["cls_token"] = found["cls_token"] - position
    found["pos_embed"] = torch.cat([position, found["pos_embed"]], 1)
    return found | {"mask_token": torch.zeros(1, 192)}


@pytest.mark.parametrize("chunks", [False, True])
def test_dinov2_with_registers_is_read_flat_and_from_sharded_runs(chunks, tmp_path):
    own = shaken(timm.create_model("vit_small_patch14_reg4_dinov2", **VIT, embed_dim=192, num_heads=3))
    state = meta_names(own.state_dict(), chunks=chunks)
    encoder = load(
        {"teacher": {f"backbone.{k}": v for k, v in state.items()}} if chunks else state, tmp_path, image_size=32
    )
    images, expected = features(own)
    torch.testing.assert_close(encoder(images), expected, rtol=1e-4, atol=1e-4)
    assert "recognised as DINOv2" in loaded_of(encoder).layout
    assert loaded_of(load(state, tmp_path)).image_size == 224


def dinov3(bias: bool = True) -> nn.Module:
    name = "vit_small_patch16_dinov3_qkvb" if bias else "vit_small_patch16_dinov3"
    return shaken(timm.create_model(name, num_classes=0, depth=2, embed_dim=192, num_heads=3, patch_size=8))


def dinov3_names(network: nn.Module) -> dict[str, Tensor]:
    found = {}
    for name, tensor in network.state_dict().items():
        name = (
            name.replace("gamma_1", "ls1.gamma").replace("gamma_2", "ls2.gamma").replace("reg_token", "storage_tokens")
        )
        if name.endswith("q_bias"):
            value = network.state_dict()[name.replace("storage_tokens", "reg_token").replace("q_bias", "v_bias")]
            found[name.replace("q_bias", "qkv.bias")] = torch.cat([tensor, torch.full_like(tensor, 9.0), value])
        elif not name.endswith("v_bias"):
            found[name] = tensor
    extra = {"rope_embed.periods": torch.ones(16), "mask_token": torch.zeros(1, 192), "local_cls_norm.weight": ONE}
    return {name: t for name, t in found.items() if "rope" not in name} | extra


def test_dinov3_keeps_the_biases_of_queries_and_values_and_gives_the_class_token(tmp_path):
    own = dinov3()
    encoder = load(dinov3_names(own), tmp_path, image_size=48)
    images = torch.rand(1, 3, 48, 48)
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (IMAGENET_MEAN, IMAGENET_STD))
    expected = own.forward_features((images - mean) / std)[:, 0]  # type: ignore[operator]
    torch.testing.assert_close(encoder(images), expected, rtol=1e-4, atol=1e-4)
    assert any("SAT-493M" in note for note in loaded_of(encoder).notes)
    satellite = loaded_of(load(dinov3_names(own), tmp_path, "dinov3_sat493m.pth"))
    assert satellite.mean == (0.430, 0.411, 0.296) and not satellite.notes


def test_a_name_without_biases_is_refused_for_a_dinov3_file_that_has_them(tmp_path):
    write_pickle(dinov3_names(timm.create_model("vit_small_patch16_dinov3_qkvb", num_classes=0)), tmp_path / "w.pth")
    with pytest.raises(ValueError, match="expected the weights of timm/vit_small_patch16_dinov3 in"):
        load_encoder(f"timm/vit_small_patch16_dinov3@{tmp_path / 'w.pth'}")
    assert load_encoder(f"timm/vit_small_patch16_dinov3_qkvb@{tmp_path / 'w.pth'}").dim == 384


RESNETS = {
    "MoCo v2": (
        lambda own, other: {
            "state_dict": under("module.encoder_q.", own)
            | under("module.encoder_k.", other)
            | {"module.queue": ONE, "module.encoder_q.fc.0.weight": ONE}
        },
        IMAGENET_STD,
    ),
    "SwAV": (lambda own, _: under("module.", own, **{"module.prototypes.weight": ONE}), SWAV_STD),
    "Barlow Twins": (
        lambda own, _: {"model": under("module.backbone.", own, **{"module.projector.0.weight": ONE})},
        IMAGENET_STD,
    ),
    "VISSL": (
        lambda own, _: {
            "classy_state_dict": {
                "base_model": {"model": {"trunk": under("_feature_blocks.", own), "heads": {"x": ONE}}}
            }
        },
        IMAGENET_STD,
    ),
    "solo-learn": (
        lambda own, other: {"state_dict": under("backbone.", own) | under("momentum_backbone.", other)},
        IMAGENET_STD,
    ),
    "compiled, EMA": (
        lambda own, other: {"state_dict": under("_orig_mod.", other), "state_dict_ema": under("_orig_mod.", own)},
        IMAGENET_STD,
    ),
    "torchvision, VICReg": (lambda own, _: under("", own, **{"fc.weight": ONE}), IMAGENET_STD),
    "lightly": (
        lambda own, other: {
            "state_dict": {
                f"backbone.{k}": v for k, v in nn.Sequential(*list(own.children())[:-1]).state_dict().items()
            }
            | {f"backbone_momentum.{k}": v for k, v in nn.Sequential(*list(other.children())[:-1]).state_dict().items()}
        },
        IMAGENET_STD,
    ),
}


@pytest.mark.parametrize(("wrap", "std"), RESNETS.values(), ids=RESNETS)
def test_the_right_resnet_of_a_checkpoint_gives_its_pooled_feature(wrap, std, tmp_path):
    own, other = resnet(), resnet(2)
    encoder = load(wrap(own, other), tmp_path)
    images, expected = features(own, std=std, size=64)
    torch.testing.assert_close(encoder(images), expected, rtol=1e-4, atol=1e-4)
    assert loaded_of(encoder).image_size == 224


def test_solo_learns_cifar_stem_pads_by_two_and_its_arguments_name_the_pixels(tmp_path):
    own = resnet()
    own.conv1 = nn.Conv2d(3, 64, 3, stride=1, padding=2, bias=False)  # type: ignore[assignment]
    own.maxpool = nn.Identity()  # type: ignore[assignment]
    content = {"state_dict": under("backbone.", own, **{"projector.0.weight": ONE})}
    with pytest.raises(ValueError, match=r"how the 3×3 stem .* pads .*timm/NAME:small@.*timm/NAME:small2@"):
        load(content, tmp_path)
    (tmp_path / "args.json").write_text(
        json.dumps({"method": "byol", "backbone": {"name": "resnet18"}, "data": {"dataset": "cifar10"}})
    )
    encoder = load(content, tmp_path)
    images, expected = features(own, CIFAR_MEAN, CIFAR_STD)
    torch.testing.assert_close(encoder(images), expected, rtol=1e-4, atol=1e-4)
    named = load_encoder(f"timm/resnet18:small2@{tmp_path / 'weights.pth'}")
    torch.testing.assert_close(named.network(images), encoder.network(images))  # type: ignore[operator]


def test_a_wide_resnet_of_swav_is_refused(tmp_path):
    content = under("", resnet(), **{"conv1.weight": torch.ones(128, 3, 7, 7)})
    with pytest.raises(ValueError, match=r"first layer has 64 channels .* got 128"):
        load(content, tmp_path)


def test_a_width_without_a_known_number_of_heads_is_refused(tmp_path):
    odd = shaken(timm.create_model("vit_tiny_patch16_224", **VIT, embed_dim=96))
    with pytest.raises(ValueError, match=r"a width of DINO .* got 96: the number of heads is not in the file"):
        load({"teacher": under("backbone.", odd)}, tmp_path)


def test_a_copy_may_be_named(tmp_path):
    own, other = vit(), vit(seed=2)
    write_pickle(VITS["DINO"](own, other), tmp_path / "w.pth")
    encoder = load_encoder(f"{tmp_path / 'w.pth'}#student")
    images, expected = features(other)
    torch.testing.assert_close(encoder(images), expected, rtol=1e-4, atol=1e-4)
