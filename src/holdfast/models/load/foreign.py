"""Checkpoints whose names neither timm nor torchvision has: MMSelfSup's transformers, torchvision's ViT."""

import re
from collections.abc import Mapping

from torch import Tensor

from holdfast.models.encoders import EncoderSpec
from holdfast.models.load.copies import chosen, left_out, networks_in
from holdfast.models.load.reading import Reading
from holdfast.models.load.tensors import Content
from holdfast.models.load.vit import FAMILIES, Family, reading_of

_MM = ("patch_embed.projection.weight", "layers.0.ln1.weight", "layers.0.ffn.layers.0.0.weight")
_TV = ("conv_proj.weight", "encoder.pos_embedding", "encoder.layers.encoder_layer_0.ln_1.weight")
_TV_NAMES = {(768, 12): "vit_b_", (1024, 24): "vit_l_", (1280, 32): "vit_h_"}
_MM_FAMILY = Family(
    title="a transformer of MMSelfSup",
    dropped=("mask_token",),
    pixels_from="ImageNet's, as MMSelfSup's configurations",
    heads=FAMILIES["moco_v3"].heads,
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
    width, patch = inside["conv_proj.weight"].shape[0], inside["conv_proj.weight"].shape[-1]
    depth = len({name.split(".")[2] for name in inside if name.startswith("encoder.layers.")})
    side = round((inside["encoder.pos_embedding"].shape[1] - 1) ** 0.5) * patch
    known = _TV_NAMES.get((width, depth))
    if known is None or side != 224:
        raise ValueError(
            f"expected a ViT of torchvision at 224 px in {content.path.name}, got width {width}, depth {depth} at "
            f"{side} px; load it into your own module"
        )
    spec = EncoderSpec(encoder=f"torchvision/{known}{patch}", stem="standard", image_size=side)
    return Reading(
        layout="recognised as torchvision's",
        spec=spec,
        state={name: tensor for name, tensor in inside.items() if not name.startswith("heads.")},
        left_out=("heads.*", *left_out(content.names, start)),
        copy=copy,
        size_from="its position embeddings",
        resize="bilinear resize to 256, centre 224 of it",
        pixels_from="ImageNet's, as torchvision trains",
        pool_from="torchvision's network, before its last linear layer",
    )
