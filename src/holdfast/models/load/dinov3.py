"""DINOv3's files as Meta writes them: vision transformers with rotary positions, and ConvNeXts (arXiv:2508.10104)."""

import re
from collections.abc import Mapping
from typing import Any

import timm
import torch
from torch import Tensor

from holdfast.models.encoders import IMAGENET_MEAN, IMAGENET_STD, EncoderSpec
from holdfast.models.load.copies import chosen, left_out, networks_in
from holdfast.models.load.pixels import SAT_MEAN, SAT_STD, stated
from holdfast.models.load.reading import Reading
from holdfast.models.load.tensors import Content

ANCHORS = ("storage_tokens", "patch_embed.proj.weight")
CONVNEXT = ("downsample_layers.0.0.weight", "stages.0.0.dwconv.weight", "norms.3.weight")
_NO_FEATURE = ("mask_token", "local_cls_norm.", "rope_embed.", "projectors.", "dino_head.", "ibot_head.", "norms.")
_CHUNKED = re.compile(r"^blocks\.\d+\.(\d+)\.")
_USUAL: dict[tuple[int, tuple[int, ...]], str] = {
    (96, (3, 3, 9, 3)): "tiny",
    (96, (3, 3, 27, 3)): "small",
    (128, (3, 3, 27, 3)): "base",
    (192, (3, 3, 27, 3)): "large",
}
"""ConvNeXt by width of the first stage and blocks of each."""
SIZE, RESIZE = 256, "bicubic, squashed to 256"


def read_dinov3(content: Content, wanted: str | None = None) -> Reading | None:
    """The reading of a DINOv3 file; None for any other."""
    for anchors, read in ((ANCHORS, _vit), (CONVNEXT, _convnext)):
        starts = networks_in(content.names, anchors)
        if starts:
            start, copy = chosen(starts, content.names, wanted=wanted, where=f"DINOv3 encoders in {content.path.name}")
            inside = {k[len(start) :]: tensor for k, tensor in content.tensors.items() if k.startswith(start)}
            return read(inside, content, start, copy)
    return None


def _vit(inside: Mapping[str, Tensor], content: Content, start: str, copy: str) -> Reading:
    if any(name.startswith("cls_norm.") for name in inside):
        raise ValueError(
            f"expected one norm for class token and patches in {content.path.name}, got cls_norm besides; "
            "timm's network has one: build it yourself and pass the module"
        )
    state, arguments = vit_state(inside), vit_arguments(inside)
    out = sorted({name.partition(".")[0] for name in inside if name.startswith(_NO_FEATURE)})
    spec = EncoderSpec(
        encoder="timm/vit_small_patch16_dinov3_qkvb",
        stem="standard",
        image_size=SIZE,
        arguments=arguments,
        pool="cls",
        **_pixels(content)[0],
    )
    width, heads = arguments["embed_dim"], arguments["num_heads"]
    return Reading(
        layout="recognised as DINOv3",
        spec=spec,
        state=state,
        title=f"DINOv3 ViT/{arguments['patch_size']} (width {width}, depth {arguments['depth']}, {heads} heads)",
        left_out=tuple(out + left_out(content.names, start)),
        copy=copy,
        size_from="DINOv3 is evaluated at it",
        resize=RESIZE,
        pixels_from=_pixels(content)[1],
        pool_from="DINOv3's authors",
        notes=_pixels(content)[2],
    )


def _pixels(content: Content) -> tuple[dict[str, Any], str, tuple[str, ...]]:
    """(mean and std, where they came from, what to know): the keys do not tell web images from satellite ones."""
    own = stated(content.path)
    if "mean" in own and "std" in own:
        return {"mean": own["mean"], "std": own["std"]}, "preprocess.json beside the file", ()
    if "sat493m" in content.path.name.lower():
        return {"mean": SAT_MEAN, "std": SAT_STD}, "DINOv3's for SAT-493M, which the file's name says", ()
    note = (
        f"weights of SAT-493M need mean {SAT_MEAN}, std {SAT_STD}: keep 'sat493m' in the name or write preprocess.json"
    )
    notes = () if "lvd1689m" in content.path.name.lower() else (note,)
    return {"mean": IMAGENET_MEAN, "std": IMAGENET_STD}, "ImageNet's, DINOv3's for web images", notes


def vit_arguments(inside: Mapping[str, Tensor]) -> dict[str, Any]:
    """Arguments of timm's network, as the shapes tell; heads from the rotary periods: four of a head's width each."""
    patches = inside["patch_embed.proj.weight"]
    width = patches.shape[0]
    periods = inside.get("rope_embed.periods")
    head = 64 if periods is None else 4 * len(periods)
    gated = any(".mlp.w1." in name for name in inside)
    first = inside["blocks.0.mlp.w1.weight" if gated else "blocks.0.mlp.fc1.weight"]
    found = {
        "embed_dim": width,
        "depth": 1 + max(int(name.split(".")[1]) for name in inside if name.startswith("blocks.")),
        "num_heads": width // head,
        "patch_size": patches.shape[-1],
        "img_size": SIZE,
        "mlp_ratio": first.shape[0] / width,
        "num_reg_tokens": inside["storage_tokens"].shape[1],
        "qkv_bias": "blocks.0.attn.qkv.bias" in inside,
    }
    return found | ({"swiglu_mlp": True, "swiglu_align_to": 1} if gated else {})


def vit_state(inside: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """DINOv3's keys as timm's; keys' biases are masked in training, so that timm has none."""
    found: dict[str, Tensor] = {}
    for name, tensor in inside.items():
        if name.startswith(_NO_FEATURE) or name.endswith("bias_mask"):
            continue
        name = _CHUNKED.sub(r"blocks.\1.", name)
        if name.endswith("attn.qkv.bias"):
            q, _, v = tensor.chunk(3)
            found |= {name.replace("qkv.bias", "q_bias"): q, name.replace("qkv.bias", "v_bias"): v}
            continue
        for theirs, ours in _RENAMED:
            name = name.replace(theirs, ours)
        found[name] = tensor
    return found


_RENAMED = (
    ("ls1.gamma", "gamma_1"),
    ("ls2.gamma", "gamma_2"),
    ("storage_tokens", "reg_token"),
    ("mlp.w1.", "mlp.fc1_g."),
    ("mlp.w2.", "mlp.fc1_x."),
    ("mlp.w3.", "mlp.fc2."),
)


def _convnext(inside: Mapping[str, Tensor], content: Content, start: str, copy: str) -> Reading:
    name, arguments = _convnext_of(inside)
    pixels, said, notes = _pixels(content)
    spec = EncoderSpec(encoder=f"timm/{name}", stem="standard", image_size=SIZE, arguments=arguments, **pixels)
    with torch.device("meta"):
        shapes = timm.create_model(name, num_classes=0, **arguments).state_dict()
    return Reading(
        layout="recognised as DINOv3",
        spec=spec,
        state=convnext_state(inside, {key: tuple(value.shape) for key, value in shapes.items()}),
        left_out=("norms.*", *left_out(content.names, start)),
        copy=copy,
        size_from="DINOv3 is evaluated at it",
        resize=RESIZE,
        pixels_from=said,
        pool_from="DINOv3's authors: mean, then norm",
        notes=notes,
    )


def _convnext_of(inside: Mapping[str, Tensor]) -> tuple[str, dict[str, Any]]:
    """(network of timm, its arguments) by widths and depths, which are all that a ConvNeXt's shapes have to tell."""
    stages = range(1 + max(int(name.split(".")[1]) for name in inside if name.startswith("stages.")))
    blocks = [{name.split(".")[2] for name in inside if name.startswith(f"stages.{stage}.")} for stage in stages]
    depths = tuple(map(len, blocks))
    dims = tuple(inside[f"stages.{stage}.0.dwconv.weight"].shape[0] for stage in stages)
    usual = _USUAL.get((dims[0], depths))
    if usual is not None and dims == tuple(dims[0] * 2**stage for stage in stages):
        return f"convnext_{usual}", {}
    return "convnext_tiny", {"depths": depths, "dims": dims}


def convnext_state(inside: Mapping[str, Tensor], shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Tensor]:
    """Meta's keys of a ConvNeXt as timm's, in timm's shapes (linear layers may be 1×1 convolutions there)."""
    found = {}
    for name, tensor in inside.items():
        if name.startswith(_NO_FEATURE):
            continue
        name = re.sub(r"^stages\.(\d+)\.(\d+)\.", r"stages.\1.blocks.\2.", name)
        name = name.replace("downsample_layers.0.", "stem.")
        name = re.sub(r"^downsample_layers\.(\d+)\.", r"stages.\1.downsample.", name)
        name = name.replace("dwconv", "conv_dw").replace("pwconv", "mlp.fc")
        name = re.sub(r"^norm\.", "head.norm.", name)
        found[name] = tensor.reshape(shapes[name]) if name in shapes and tensor.ndim == 2 else tensor
    return found
