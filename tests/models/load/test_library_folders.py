"""Folders that transformers and open_clip write: tiny models made by these libraries give the same features here."""

import json
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from holdfast.models import Encoder, load_encoder, loaded_of
from holdfast.models.load.folders.openclip import _doubt

pytestmark = pytest.mark.slow
transformers = pytest.importorskip("transformers")

SIZES: dict[str, Any] = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "image_size": 32,
    "patch_size": 8,
}
DINOV2 = {k: v for k, v in SIZES.items() if k != "intermediate_size"} | {"mlp_ratio": 2}
STAGES: dict[str, Any] = {"hidden_sizes": [8, 16, 24, 32], "depths": [1, 2, 1, 1], "image_size": 32}
RESNET: dict[str, Any] = {"embedding_size": 64, "hidden_sizes": [64, 128, 256, 512], "depths": [1, 1, 1, 1]}


def pooled(output: Any) -> Tensor:
    return output.pooler_output.flatten(1)


def class_token(output: Any) -> Tensor:
    return output.last_hidden_state[:, 0]


def mean(output: Any) -> Tensor:
    return output.last_hidden_state.mean(1)


MODELS: dict[str, tuple[str, dict[str, Any], Callable[[Any], Tensor]]] = {
    "vit": ("ViT", SIZES, class_token),
    "vit without biases": ("ViT", SIZES | {"qkv_bias": False}, class_token),
    "ijepa": ("IJepa", SIZES, mean),
    "dinov2": ("Dinov2", DINOV2, pooled),
    "dinov2, SwiGLU": ("Dinov2", DINOV2 | {"use_swiglu_ffn": True}, pooled),
    "dinov2, registers": ("Dinov2WithRegisters", DINOV2 | {"num_register_tokens": 4}, pooled),
    "dinov3": ("DINOv3ViT", SIZES | {"num_register_tokens": 4}, pooled),
    "dinov3, gated": (
        "DINOv3ViT",
        SIZES | {"num_register_tokens": 4, "use_gated_mlp": True, "hidden_act": "silu"},
        pooled,
    ),
    "dinov3, ConvNeXt": ("DINOv3ConvNext", STAGES, pooled),
    "siglip": ("SiglipVision", SIZES, pooled),
    "clip": ("CLIPVision", SIZES, pooled),
    "clip, erf": ("CLIPVision", SIZES | {"hidden_act": "gelu"}, pooled),
    # An epsilon that shows, where the usual ones hide below 1e-4; and SigLIP's other activation.
    "vit, large epsilon": ("ViT", SIZES | {"layer_norm_eps": 0.05}, class_token),
    "ijepa, large epsilon": ("IJepa", SIZES | {"layer_norm_eps": 0.05}, mean),
    "dinov2, large epsilon": ("Dinov2", DINOV2 | {"layer_norm_eps": 0.05}, pooled),
    "dinov3, large epsilon": ("DINOv3ViT", SIZES | {"num_register_tokens": 4, "layer_norm_eps": 0.05}, pooled),
    "siglip, large epsilon": ("SiglipVision", SIZES | {"layer_norm_eps": 0.05}, pooled),
    "siglip, erf": ("SiglipVision", SIZES | {"hidden_act": "gelu"}, pooled),
    "clip, large epsilon": ("CLIPVision", SIZES | {"layer_norm_eps": 0.05}, pooled),
    "resnet, basic": ("ResNet", RESNET | {"layer_type": "basic"}, pooled),
    "resnet, bottleneck": ("ResNet", RESNET, pooled),
    "convnext": ("ConvNext", STAGES, pooled),
    "convnextv2": ("ConvNextV2", STAGES, pooled),
    "swin": (
        "Swin",
        {
            "embed_dim": 16,
            "depths": [2, 2],
            "num_heads": [2, 4],
            "window_size": 4,
            "image_size": 32,
            "patch_size": 4,
        },
        pooled,
    ),
}
PIXELS = {"image_mean": [0.5, 0.4, 0.3], "image_std": [0.2, 0.25, 0.3], "size": {"height": 32, "width": 32}}


def shaken(model: nn.Module) -> nn.Module:
    """Every parameter and statistic moved: fresh ones hide what is swapped."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for tensor in model.state_dict().values():
            if tensor.is_floating_point() and tensor.numel():
                tensor.add_(0.2 * torch.rand(tensor.shape, generator=generator))
    return model.eval()


def made(kind: str, sizes: dict[str, Any]) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        return shaken(getattr(transformers, f"{kind}Model")(getattr(transformers, f"{kind}Config")(**sizes)))


def images(size: int = 32) -> Tensor:
    return torch.rand(3, 3, size, size, generator=torch.Generator().manual_seed(0))


def normalised(pixels: Tensor) -> Tensor:
    mean, std = (torch.tensor(PIXELS[name]).view(1, 3, 1, 1) for name in ("image_mean", "image_std"))
    return (pixels - mean) / std


def load(folder, **settings) -> Encoder:
    encoder = load_encoder(str(folder), **settings)
    assert isinstance(encoder, Encoder)
    return encoder


def saved(model: Any, folder, **how):
    model.save_pretrained(folder, **how)
    (folder / "preprocessor_config.json").write_text(json.dumps(PIXELS))
    return folder


@pytest.mark.parametrize("new_names", [False, True])
@pytest.mark.parametrize(("kind", "sizes", "feature"), MODELS.values(), ids=MODELS)
@torch.no_grad()
def test_features_are_those_of_transformers(kind, sizes, feature, new_names, tmp_path):
    model = made(kind, sizes)
    encoder = load(saved(model, tmp_path, **({"save_original_format": False} if new_names else {})))
    torch.testing.assert_close(encoder(images()), feature(model(normalised(images()))), rtol=1e-4, atol=1e-4)
    loaded = loaded_of(encoder)
    assert loaded is not None
    assert loaded.matched == loaded.tensors > 0 and loaded.pixels_from == "preprocessor_config.json"


@torch.no_grad()
def test_an_mae_gives_the_class_token_of_all_patches_in_order(tmp_path):
    decoder = {f"decoder_{n}": v for n, v in zip(("hidden_size", "num_hidden_layers"), (16, 1), strict=True)}
    decoder |= {"decoder_num_attention_heads": 2, "decoder_intermediate_size": 32}
    config = transformers.ViTMAEConfig(**SIZES, **decoder, mask_ratio=0.0)
    model = shaken(transformers.ViTMAEForPreTraining(config))
    encoder = load(saved(model, tmp_path))
    expected = model.vit(normalised(images())).last_hidden_state[:, 0]
    torch.testing.assert_close(encoder(images()), expected, rtol=1e-4, atol=1e-4)
    assert "decoder" in loaded_of(encoder).left_out


@torch.no_grad()
def test_siglip_2s_linear_patches_become_a_convolution(tmp_path):
    sizes = {name: value for name, value in SIZES.items() if name != "image_size"} | {"num_patches": 16}
    model = made("Siglip2Vision", sizes)
    encoder = load(saved(model, tmp_path))
    patches = normalised(images()).reshape(3, 3, 4, 8, 4, 8).permute(0, 2, 4, 3, 5, 1).reshape(3, 16, -1)
    shapes, mask = torch.full((3, 2), 4), torch.ones(3, 16, dtype=torch.int32)
    expected = model(pixel_values=patches, pixel_attention_mask=mask, spatial_shapes=shapes).pooler_output
    torch.testing.assert_close(encoder(images()), expected, rtol=1e-4, atol=1e-4)


@torch.no_grad()
def test_dinov2_with_registers_agrees_at_another_size_and_without_them_nearly(tmp_path):
    apart = {}
    for kind, more in (("Dinov2WithRegisters", {"num_register_tokens": 4}), ("Dinov2", {})):
        model = made(kind, DINOV2 | more)
        encoder = load(saved(model, tmp_path / kind), image_size=48)
        apart[kind] = float((encoder(images(48)) - model(normalised(images(48))).pooler_output).abs().max())
        assert "resampled from 4×4 to 6×6" in loaded_of(encoder).positions
    assert apart["Dinov2WithRegisters"] < 1e-4 < apart["Dinov2"] < 0.1
    assert any("without antialiasing" in note for note in loaded_of(encoder).notes)


@torch.no_grad()
@pytest.mark.parametrize("gelu", [False, True])
def test_an_open_clip_folder_gives_the_feature_before_the_projection(gelu, tmp_path):
    open_clip = pytest.importorskip("open_clip")
    from safetensors.torch import save_file

    vision = {"image_size": 32, "layers": 2, "width": 32, "head_width": 8, "patch_size": 8}
    text = {"context_length": 8, "vocab_size": 32, "width": 16, "heads": 2, "layers": 1}
    config = {"embed_dim": 24, "vision_cfg": vision, "text_cfg": text, "quick_gelu": gelu}
    model = shaken(open_clip.model.CLIP(**config))
    save_file({k: v.contiguous() for k, v in model.state_dict().items()}, tmp_path / "open_clip_model.safetensors")
    facts = {"model_cfg": config, "preprocess_cfg": {"mean": PIXELS["image_mean"], "std": PIXELS["image_std"]}}
    (tmp_path / "open_clip_config.json").write_text(json.dumps(facts))
    vars(model.visual)["_parameters"]["proj"] = None
    expected = model.visual(normalised(images()))
    torch.testing.assert_close(load(tmp_path)(images()), expected, rtol=1e-4, atol=1e-4)


def test_a_tower_that_is_not_clips_is_doubted_where_the_folder_says_no_mean_and_std():
    (note,) = _doubt({"timm_model_name": "vit_base_patch16_siglip_224"})
    assert "OpenAI's are taken, as open_clip does; timm's weights of this tower are made for mean 0.5, std 0.5" in note
    assert _doubt({"timm_model_name": "vit_base_patch16_clip_224"}) == _doubt({"width": 32}) == ()


def test_a_folder_of_timm_is_read_with_its_own_mean_and_std(tmp_path):
    import timm
    from safetensors.torch import save_file

    model = shaken(timm.create_model("test_vit", num_classes=3))
    save_file(model.state_dict(), tmp_path / "model.safetensors")
    facts = {"mean": PIXELS["image_mean"], "std": PIXELS["image_std"], "input_size": [3, 160, 160]}
    (tmp_path / "config.json").write_text(json.dumps({"architecture": "test_vit", "pretrained_cfg": facts}))
    pixels = images(160)
    expected = model.forward_head(model.forward_features(normalised(pixels)), pre_logits=True)  # type: ignore[operator]
    torch.testing.assert_close(load(tmp_path)(pixels), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: (f / "preprocessor_config.json").unlink(), "expected preprocessor_config.json in .* got none"),
        (lambda f: rewrite(f, model_type="florence"), "expected a model_type of vit, .* got 'florence'"),
        (lambda f: rewrite(f, auto_map={"AutoModel": "x.Y"}), "code lies in the folder .auto_map."),
        (lambda f: rewrite(f, num_hidden_layers=3), r"got 30 of 42 tensors .without blocks\.2"),
        (lambda f: rewrite(f, hidden_act="relu"), "expected hidden_act of gelu, .* got 'relu'"),
        (lambda f: (f / "model.safetensors").unlink(), "expected one of model.safetensors.* got none"),
    ],
)
def test_what_a_folder_lacks_is_refused(change, message, tmp_path):
    folder = saved(made("ViT", SIZES), tmp_path)
    change(folder)
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        load(folder)


def rewrite(folder, **changes) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


@torch.no_grad()
def test_a_head_count_that_is_not_the_files_changes_features_and_is_read_from_the_configuration(tmp_path):
    model = made("ViT", SIZES)
    folder = saved(model, tmp_path)
    before = load(folder)(images())
    rewrite(folder, num_attention_heads=2)
    assert float((load(folder)(images()) - before).abs().max()) > 1e-3
