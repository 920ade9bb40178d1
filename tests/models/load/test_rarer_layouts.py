"""torchvision's ViT as torchvision saves it; MMSelfSup and DINOv3 ConvNeXt in names that their code documents."""

import re

import pytest
import timm
import torch
import torchvision
from torch import Tensor, nn

from holdfast.models import Encoder, load_encoder, loaded_of
from holdfast.models.encoders import IMAGENET_MEAN, IMAGENET_STD

write_pickle = vars(torch)["save"]


def shaken(model: nn.Module) -> nn.Module:
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for tensor in model.state_dict().values():
            if tensor.is_floating_point():
                tensor.add_(0.1 * torch.rand(tensor.shape, generator=generator))
    return model.eval()


def renamed(state: dict[str, Tensor], swaps: dict[str, str]) -> dict[str, Tensor]:
    found = {}
    for name, tensor in state.items():
        for theirs, ours in swaps.items():
            name = re.sub(theirs, ours, name)
        found[name] = tensor
    return found


def images(size: int = 32) -> Tensor:
    return torch.rand(2, 3, size, size, generator=torch.Generator().manual_seed(0))


def normalised(pixels: Tensor) -> Tensor:
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (IMAGENET_MEAN, IMAGENET_STD))
    return (pixels - mean) / std


def load(content, tmp_path, **settings) -> Encoder:
    write_pickle(content, tmp_path / "weights.pth")
    encoder = load_encoder(str(tmp_path / "weights.pth"), **settings)
    assert isinstance(encoder, Encoder)
    return encoder


def torchvision_vit(width: int = 192, heads: int = 3) -> torchvision.models.VisionTransformer:
    with torch.random.fork_rng(devices=[]):
        return torchvision.models.VisionTransformer(32, 8, 2, heads, width, 2 * width, num_classes=5)


OLD_NAMES = {r"mlp\.0\.": "mlp.linear_1.", r"mlp\.3\.": "mlp.linear_2."}


@pytest.mark.parametrize("swaps", [{}, OLD_NAMES], ids=["names of today", "older names"])
@torch.no_grad()
def test_torchvisions_vit_gives_its_class_token(swaps, tmp_path):
    network = torchvision_vit()
    shaken(network)
    encoder = load(renamed(network.state_dict(), swaps), tmp_path)
    network.heads = nn.Identity()  # type: ignore[assignment]
    torch.testing.assert_close(encoder(images()), network(normalised(images())), rtol=1e-4, atol=1e-4)
    loaded = loaded_of(encoder)
    assert "a ViT of torchvision" in loaded.layout and "heads.*" in loaded.left_out


def test_a_width_that_torchvisions_vits_do_not_have_is_refused_for_its_heads(tmp_path):
    with pytest.raises(ValueError, match=r"width of a ViT of torchvision \(192, .*got 96: the number of heads is not"):
        load(torchvision_vit(96).state_dict(), tmp_path)


MM = {
    r"^blocks\.": "layers.",
    r"norm(\d)\.": r"ln\1.",
    r"mlp\.fc1": "ffn.layers.0.0",
    r"mlp\.fc2": "ffn.layers.1",
    r"patch_embed\.proj": "patch_embed.projection",
    r"^norm\.": "ln1.",
}


@pytest.mark.parametrize("twin", ["", "target_net.0.", "encoder_k.0.", "momentum_encoder.module.0."])
@torch.no_grad()
def test_mmselfsups_online_backbone_gives_its_class_token(twin, tmp_path):
    network = shaken(timm.create_model("vit_tiny_patch16_224", depth=2, img_size=32, patch_size=8, num_classes=0))
    state = renamed(network.state_dict(), MM)
    content = {f"backbone.{name}": tensor for name, tensor in state.items()}
    content |= {f"{twin}{name}": -tensor for name, tensor in state.items() if twin}
    encoder = load({"state_dict": content | {"neck.fc0.weight": torch.ones(2, 2)}}, tmp_path)
    torch.testing.assert_close(encoder(images()), network(normalised(images())), rtol=1e-4, atol=1e-4)
    assert "MMSelfSup" in loaded_of(encoder).layout


META = {
    r"^(model\.)?stages\.(\d)\.downsample_layers": r"downsample_layers.\2",
    r"^(model\.)?stages\.(\d)\.layers\.(\d)": r"stages.\2.\3",
    r"depthwise_conv": "dwconv",
    r"pointwise_conv": "pwconv",
    r"layer_norm": "norm",
}


@pytest.mark.slow
@torch.no_grad()
def test_dinov3_convnexts_file_gives_what_transformers_pools(tmp_path):
    transformers = pytest.importorskip("transformers")
    sizes = {"hidden_sizes": [8, 16, 24, 32], "depths": [1, 2, 1, 1], "image_size": 32, "layer_norm_eps": 1e-6}
    model = shaken(transformers.DINOv3ConvNextModel(transformers.DINOv3ConvNextConfig(**sizes)))
    state = renamed(model.state_dict(), META)
    content = state | {f"norms.3.{kind}": state[f"norm.{kind}"] for kind in ("weight", "bias")}
    encoder = load(content, tmp_path, image_size=32)
    expected = model(normalised(images())).pooler_output
    torch.testing.assert_close(encoder(images()), expected, rtol=1e-4, atol=1e-4)
    assert "recognised as DINOv3" in loaded_of(encoder).layout


@torch.no_grad()
def test_dinov3_convnexts_stages_tell_depths_and_widths(tmp_path):
    network = timm.create_model("convnext_tiny", depths=(1, 2, 1, 1), dims=(8, 16, 24, 32), num_classes=0)
    back = {
        r"^stem\.(\d)\.": r"downsample_layers.0.\1.",
        r"^stages\.(\d)\.downsample\.(\d)\.": r"downsample_layers.\1.\2.",
        r"\.blocks\.(\d)\.": r".\1.",
        r"conv_dw": "dwconv",
        r"mlp\.fc": "pwconv",
        r"^head\.norm": "norm",
    }
    state = renamed(shaken(network).state_dict(), back)
    encoder = load(state | {"norms.3.weight": torch.ones(32), "norms.3.bias": torch.ones(32)}, tmp_path, image_size=32)
    torch.testing.assert_close(encoder(images()), network(normalised(images())), rtol=1e-4, atol=1e-4)
