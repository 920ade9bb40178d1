"""Checkpoints in names of their own: MMSelfSup's transformers, torchvision's ViT, efficientnet_pytorch's networks."""

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from holdfast.models.encoders import EncoderSpec
from holdfast.models.load.copies import chosen, left_out, networks_in
from holdfast.models.load.pixels import IMAGENET, stated
from holdfast.models.load.reading import Reading, timm_pixels
from holdfast.models.load.tensors import Content
from holdfast.models.load.vit import FAMILIES, Family, reading_of

_MM = ("patch_embed.projection.weight", "layers.0.ln1.weight", "layers.0.ffn.layers.0.0.weight")
_TV = ("conv_proj.weight", "encoder.pos_embedding", "encoder.layers.encoder_layer_0.ln_1.weight")
_MM_FAMILY = Family(
    title="a transformer of MMSelfSup",
    dropped=("mask_token",),
    pixels_from="ImageNet's, as MMSelfSup's configurations",
    heads=FAMILIES["moco_v3"].heads,
)
_TV_FAMILY = Family(
    title="a ViT of torchvision",
    dropped=("heads.",),
    resize="bilinear resize to 256, centre 224 of it",
    pixels_from="ImageNet's, as torchvision trains",
)


def read_foreign(content: Content, wanted: str | None = None) -> Reading | None:
    """The reading of a ViT of MMSelfSup or torchvision, or of an EfficientNet of efficientnet_pytorch; None for any
    other file."""
    kinds = ((_MM, _mm, "ViTs"), (_TV, _torchvision, "ViTs"), (_EFFICIENT, _efficientnet, "EfficientNets"))
    for anchors, read, what in kinds:
        starts = networks_in(content.names, anchors)
        if starts:
            start, copy = chosen(starts, content.names, wanted=wanted, where=f"{what} in {content.path.name}")
            inside = {k[len(start) :]: tensor for k, tensor in content.tensors.items() if k.startswith(start)}
            return read(inside, content, start, copy)
    return None


def _mm(inside: Mapping[str, Tensor], content: Content, start: str, copy: str) -> Reading:
    return reading_of("mmselfsup", _MM_FAMILY, mm_state(inside), content, start, copy)


def mm_state(inside: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """MMSelfSup's keys as timm's."""
    swaps = (
        ("patch_embed.projection.", "patch_embed.proj."),
        (".ffn.layers.0.0.", ".mlp.fc1."),
        (".ffn.layers.1.", ".mlp.fc2."),
        (".ln1.", ".norm1."),
        (".ln2.", ".norm2."),
    )
    found = {}
    for name, tensor in inside.items():
        for theirs, ours in swaps:
            name = name.replace(theirs, ours)
        name = re.sub(r"^layers\.", "blocks.", name)
        found[re.sub(r"^ln1\.", "norm.", name)] = tensor
    return found


def _torchvision(inside: Mapping[str, Tensor], content: Content, start: str, copy: str) -> Reading:
    return reading_of("torchvision", _TV_FAMILY, tv_state(inside), content, start, copy)


def tv_state(inside: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Keys of torchvision's ViT, also of the time before its MLP was numbered, as timm's."""
    swaps = (
        ("encoder.layers.encoder_layer_", "blocks."),
        ("self_attention.in_proj_", "attn.qkv."),
        ("self_attention.out_proj.", "attn.proj."),
        ("mlp.linear_1.", "mlp.fc1."),
        ("mlp.linear_2.", "mlp.fc2."),
        (".mlp.0.", ".mlp.fc1."),
        (".mlp.3.", ".mlp.fc2."),
        (".ln_1.", ".norm1."),
        (".ln_2.", ".norm2."),
        ("encoder.pos_embedding", "pos_embed"),
        ("encoder.ln.", "norm."),
        ("conv_proj.", "patch_embed.proj."),
        ("class_token", "cls_token"),
    )
    found = {}
    for name, tensor in inside.items():
        for theirs, ours in swaps:
            name = name.replace(theirs, ours)
        found[name] = tensor
    return found


_EFFICIENT = ("_conv_stem.weight", "_blocks.0._depthwise_conv.weight", "_conv_head.weight")
_REPEATS = (1, 2, 2, 3, 3, 4, 1)
"""Blocks of each stage at depth 1."""
_SIZES = {
    "b0": (320, 1.0),
    "b1": (320, 1.1),
    "b2": (352, 1.2),
    "b3": (384, 1.4),
    "b4": (448, 1.8),
    "b5": (512, 2.2),
    "b6": (576, 2.6),
    "b7": (640, 3.1),
    "b8": (704, 3.6),
    "l2": (1376, 5.3),
    "lite0": (320, 1.0),
    "lite1": (320, 1.1),
    "lite2": (352, 1.2),
    "lite3": (384, 1.4),
    "lite4": (448, 1.8),
}
"""(channels of the last block, depth) of the networks of 1905.11946 and of their Lite kin, which keep first and last
stage as they are and have no squeeze and excitation."""
_ADVPROP = ("adv-", "advprop")
_PARTS = {
    "_expand_conv": "conv_pw",
    "_depthwise_conv": "conv_dw",
    "_se_reduce": "se.conv_reduce",
    "_se_expand": "se.conv_expand",
    "_project_conv": "conv_pwl",
}
_TOP = {"_conv_stem": "conv_stem", "_bn0": "bn1", "_conv_head": "conv_head", "_bn1": "bn2"}


def _efficientnet(inside: Mapping[str, Tensor], content: Content, start: str, copy: str) -> Reading:
    name, repeats = efficientnet_name(inside, content.path.name)
    own = stated(content.path)
    values, said, notes = _efficientnet_pixels(name, content.path.name)
    if "mean" in own:
        said, notes = "preprocess.json beside the file", ()
    state = efficientnet_state(inside, repeats)
    dropped = sorted({key.partition(".")[0] for key in inside if key.startswith("_fc.")})
    return Reading(
        layout="recognised as efficientnet_pytorch's",
        spec=EncoderSpec(
            encoder=f"timm/{name}",
            stem="standard",
            image_size=own.get("image_size", values["image_size"]),
            mean=own.get("mean", values["mean"]),
            std=own.get("std", values["std"]),
        ),
        state=state,
        left_out=tuple(dropped + left_out(content.names, start)),
        copy=copy,
        size_from="preprocess.json beside the file" if "image_size" in own else "what its authors evaluate at",
        resize=values["resize"],
        pixels_from=said,
        pool_from="before its classifier",
        notes=notes,
    )


def efficientnet_name(inside: Mapping[str, Tensor], where: str) -> tuple[str, list[int]]:
    """(timm's name, blocks of each stage) of tensors in efficientnet_pytorch's names. Padding is TensorFlow's there.

    Raises ValueError for sizes that none of its networks has, and for images that are not RGB.
    """
    lite = "_blocks.0._se_reduce.weight" not in inside
    blocks = 1 + max(int(name.split(".")[1]) for name in inside if name.startswith("_blocks."))
    width, channels = inside["_conv_head.weight"].shape[1], inside["_conv_stem.weight"].shape[1]
    if channels != 3:
        raise ValueError(
            f"expected an EfficientNet of RGB images in {where}, got {channels} channels; give one of three"
        )
    for size, (last, depth) in _SIZES.items():
        repeats = [math.ceil(depth * count) for count in _REPEATS]
        if size.startswith("lite"):
            repeats[0], repeats[-1] = _REPEATS[0], _REPEATS[-1]
        if size.startswith("lite") == lite and (last, sum(repeats)) == (width, blocks):
            return f"tf_efficientnet_{size}", repeats
    raise ValueError(
        f"expected an EfficientNet B0 to B8, L2 or Lite0 to Lite4 in {where}, got {blocks} blocks that end in {width} "
        "channels; export it to ONNX where it was made"
    )


def _efficientnet_pixels(name: str, where: str) -> tuple[dict[str, Any], str, tuple[str, ...]]:
    """(pixels and sizes, where they are from, notes) of a network of TensorFlow's: no file of weights says them."""
    values, _ = timm_pixels(name)
    half = {"mean": (0.5, 0.5, 0.5), "std": (0.5, 0.5, 0.5)}
    if "_lite" in name:
        return values | half, "0.5, as its authors train Lite", ()
    if any(mark in where.lower() for mark in _ADVPROP):
        return values | half, "0.5, as AdvProp's weights, which the file's name tells", ()
    note = "weights of AdvProp take 0.5, and nothing in the file tells them: preprocess.json beside it may say so"
    return values | IMAGENET, "ImageNet's, efficientnet_pytorch's usual", (note,)


def efficientnet_state(inside: Mapping[str, Tensor], repeats: Sequence[int]) -> dict[str, Tensor]:
    """Keys of efficientnet_pytorch as timm's, without its classifier. repeats: blocks of each stage."""
    places = [f"blocks.{stage}.{block}" for stage, count in enumerate(repeats) for block in range(count)]
    found = {}
    for name, tensor in inside.items():
        head, _, rest = name.partition(".")
        if head == "_blocks":
            number, part, leaf = rest.split(".")
            wide = f"_blocks.{number}._expand_conv.weight" in inside
            found[f"{places[int(number)]}.{_part(part, wide=wide)}.{leaf}"] = tensor
        elif head in _TOP:
            found[f"{_TOP[head]}.{rest}"] = tensor
        elif head != "_fc":
            found[name] = tensor
    return found


def _part(part: str, *, wide: bool) -> str:
    """timm's name of a part of a block: norms count from 1, and a block that does not widen projects by conv_pw."""
    if part.startswith("_bn"):
        return f"bn{int(part[3:]) + wide}"
    return "conv_pw" if part == "_project_conv" and not wide else _PARTS.get(part, part)
