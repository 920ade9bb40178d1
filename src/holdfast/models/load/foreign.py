"""Checkpoints whose names neither timm nor torchvision has: MMSelfSup's transformers, torchvision's ViT."""

import re
from collections.abc import Mapping

from torch import Tensor

from holdfast.models.load.copies import chosen, networks_in
from holdfast.models.load.reading import Reading
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
    """The reading of a ViT of MMSelfSup or torchvision; None for any other file."""
    for anchors, read in ((_MM, _mm), (_TV, _torchvision)):
        starts = networks_in(content.names, anchors)
        if starts:
            start, copy = chosen(starts, content.names, wanted=wanted, where=f"ViTs in {content.path.name}")
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
