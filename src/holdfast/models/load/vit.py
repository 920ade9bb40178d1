"""Vision transformers in training checkpoints: DINO, DINOv2, DINOv3, MAE, I-JEPA, MoCo v3, and libraries around timm's.

Their keys are timm's, or nearly. Heads, activation, epsilon and pooling are in no shape: they are the family's.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from holdfast.models.encoders import IMAGENET_MEAN, IMAGENET_STD, EncoderSpec
from holdfast.models.load.copies import chosen, left_out, networks_in
from holdfast.models.load.pixels import stated
from holdfast.models.load.reading import Reading
from holdfast.models.load.tensors import Content

ANCHORS = ("patch_embed.proj.weight", "blocks.0.norm1.weight")
_CHUNKED = re.compile(r"^blocks\.\d+\.(\d+)\.")
CHUNKED_ANCHORS = ("patch_embed.proj.weight", "norm.weight", "blocks.0.0.norm1.weight")
"""Names in DINOv2's own sharded runs, whose blocks stand in chunks."""
HEADS = {192: 3, 384: 6, 768: 12, 1024: 16, 1280: 16, 1408: 16, 1536: 24}
"""By width, as DINO, DINOv2, MAE and I-JEPA have them."""
_LETTERS = {192: "Ti", 384: "S", 768: "B", 1024: "L", 1280: "H", 1408: "g", 1536: "g"}


@dataclass(frozen=True, kw_only=True)
class Family:
    """What a family's files do not say of themselves."""

    title: str
    dropped: Sequence[str] = ()
    """Beginnings of names that are no part of its encoder."""
    base: str = "vit_base_patch16_224"
    """The network of timm that the arguments change."""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    heads: Mapping[int, int] = field(default_factory=lambda: HEADS)
    used_size: int | None = None
    """Pixels that its authors evaluate at; None: those of the position embeddings."""
    resize: str = "bicubic resize to 256, centre 224 of it"
    pixels_from: str = "ImageNet's, as its authors train"
    positions_note: str = ""


_HEADS_OF = ("head.", "dino_head.", "ibot_head.", "fc.", "projector.", "predictor.")
FAMILIES: dict[str, Family] = {
    "dinov2": Family(
        title="DINOv2",
        dropped=("mask_token", *_HEADS_OF),
        arguments={"init_values": 1e-5},
        used_size=224,
        positions_note="its authors resample positions without antialiasing: features differ a little from theirs",
    ),
    "mae": Family(title="MAE", dropped=("mask_token", "decoder_", "head."), used_size=None),
    "ijepa": Family(
        title="I-JEPA",
        arguments={"class_token": False, "global_pool": "avg", "fc_norm": False},
        resize="resize to 224",
    ),
    "moco_v3": Family(
        title="MoCo v3", dropped=("head.", "fc."), heads={**HEADS, 384: 12}, resize="bilinear resize to 256, centre 224"
    ),
    "dino": Family(title="DINO", dropped=_HEADS_OF),
    "lightly": Family(
        title="lightly's ViT",
        dropped=("mask_token", "head."),
        pixels_from="ImageNet's, the default of lightly's transforms",
    ),
    "solo_learn": Family(
        title="solo-learn's ViT",
        dropped=("head.", "fc."),
        heads={**HEADS, 384: 12},
        pixels_from="ImageNet's, solo-learn's for ImageNet",
    ),
    "stable_pretraining": Family(
        title="a ViT of stable-pretraining",
        dropped=("mask_token", "head."),
        pixels_from="ImageNet's, assumed: the file does not say",
    ),
}


def read_vit(content: Content, wanted: str | None = None) -> Reading | None:
    """The reading of a file that holds a ViT of a known family; None for any other file."""
    starts = networks_in(content.names, ANCHORS) or networks_in(content.names, CHUNKED_ANCHORS)
    if not starts:
        return None
    start, copy = chosen(starts, content.names, wanted=wanted, where=f"ViTs in {content.path.name}")
    inside = {name[len(start) :]: tensor for name, tensor in content.tensors.items() if name.startswith(start)}
    name = family_of(inside, content.names, start)
    if name is None:
        return None
    return reading_of(name, FAMILIES[name], inside, content, start, copy)


def reading_of(
    name: str, family: Family, inside: Mapping[str, Tensor], content: Content, start: str, copy: str
) -> Reading:
    """The reading of one network of a family, from its tensors."""
    state = {key: tensor for key, tensor in inside.items() if not key.startswith(tuple(family.dropped) or "\0")}
    out = sorted({_top(key) for key in inside if key not in state}) + left_out(content.names, start)
    state = CONVERT.get(name, dict)(state)
    base, arguments = shape_arguments(state, family, content.path.name)
    own = stated(content.path)
    size = arguments["img_size"]
    spec = EncoderSpec(
        encoder=f"timm/{base}",
        stem="standard",
        image_size=size,
        mean=own.get("mean", IMAGENET_MEAN),
        std=own.get("std", IMAGENET_STD),
        arguments=arguments,
    )
    return Reading(
        layout=f"recognised as {family.title}",
        spec=spec,
        state=state,
        title=title(arguments),
        left_out=tuple(out),
        copy=copy,
        size_from=f"{family.title} is evaluated at it" if family.used_size else "its position embeddings",
        used_size=family.used_size,
        resize=family.resize,
        pixels_from="preprocess.json beside the file" if "mean" in own else family.pixels_from,
        pool_from=f"{family.title}'s authors",
        positions_note=family.positions_note,
    )


def family_of(inside: Mapping[str, Tensor], names: Sequence[str], start: str) -> str | None:
    """The family that keys tell of; None where they tell of none, as in a flat file of timm's."""
    parts = set(start.split("."))
    tests: dict[str, Callable[[], bool]] = {
        "dinov2": lambda: "mask_token" in inside and any(".ls1.gamma" in key for key in inside),
        "mae": lambda: "decoder_pred.weight" in inside,
        "ijepa": lambda: "cls_token" not in inside and any(name.startswith("target_encoder.") for name in names),
        "moco_v3": lambda: bool(parts & {"base_encoder", "momentum_encoder"}),
        "stable_pretraining": lambda: any("base_ema_coefficient" in name for name in names),
        "dino": lambda: bool(parts & {"teacher", "student"}) or any("head.last_layer" in name for name in names),
        "lightly": lambda: "vit" in parts,
        "solo_learn": lambda: "backbone" in parts and _solo_learn(names),
    }
    return next((name for name, test in tests.items() if test()), None)


def _solo_learn(names: Sequence[str]) -> bool:
    return any("momentum_backbone." in name or ".classifier." in name for name in names)


def _top(name: str) -> str:
    first, dot, _ = name.partition(".")
    return f"{first}.*" if dot else first


def convert_dinov2(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """DINOv2's keys as timm's: chunked blocks, SwiGLU's names, registers that take the class token's position in."""
    found = {_CHUNKED.sub(r"blocks.\1.", name): tensor for name, tensor in state.items()}
    found = {name.replace("mlp.w12.", "mlp.fc1.").replace("mlp.w3.", "mlp.fc2."): t for name, t in found.items()}
    if "register_tokens" in found:
        found["reg_token"] = found.pop("register_tokens")
        found["cls_token"] = found["cls_token"] + found["pos_embed"][:, :1]
        found["pos_embed"] = found["pos_embed"][:, 1:]
    return found


CONVERT: dict[str, Callable[[Mapping[str, Tensor]], dict[str, Tensor]]] = {"dinov2": convert_dinov2}


def shape_arguments(state: Mapping[str, Tensor], family: Family, where: str) -> tuple[str, dict[str, Any]]:
    """(network of timm, its arguments), as shapes and family tell. Raises ValueError where heads are not known."""
    patches = state["patch_embed.proj.weight"]
    width, patch = patches.shape[0], patches.shape[-1]
    if patches.ndim != 4 or patches.shape[1] != 3:
        raise ValueError(f"expected a ViT of RGB images in {where}, got {patches.shape[1]} channels; give one of three")
    if width not in family.heads:
        raise ValueError(
            f"expected the ViT in {where} to have a width of {family.title} ({', '.join(map(str, family.heads))}), "
            f"got {width}: the number of heads is not in the file; name the network with timm/NAME@{where}"
        )
    depth = 1 + max(int(name.split(".")[1]) for name in state if name.startswith("blocks."))
    first, second = state["blocks.0.mlp.fc1.weight"], state["blocks.0.mlp.fc2.weight"]
    gated, registers = first.shape[0] == 2 * second.shape[1], state.get("reg_token")
    positions = state["pos_embed"].shape[1] - (registers is None and "cls_token" in state)
    base = (
        ("vit_giant_patch14_reg4_dinov2" if registers is not None else "vit_giant_patch14_dinov2")
        if gated
        else ("vit_base_patch14_reg4_dinov2" if registers is not None else family.base)
    )
    arguments = {
        "embed_dim": width,
        "depth": depth,
        "num_heads": family.heads[width],
        "patch_size": patch,
        "img_size": round(positions**0.5) * patch,
        "mlp_ratio": first.shape[0] / width,
        "qkv_bias": "blocks.0.attn.qkv.bias" in state,
    }
    if registers is not None:
        arguments["reg_tokens"] = registers.shape[1]
    return base, arguments | dict(family.arguments)


def title(arguments: Mapping[str, Any]) -> str:
    """'ViT-S/14 (width 384, depth 12, 6 heads)'."""
    width = arguments["embed_dim"]
    letter = _LETTERS.get(width)
    name = f"ViT-{letter}/{arguments['patch_size']}" if letter else f"ViT/{arguments['patch_size']}"
    return f"{name} (width {width}, depth {arguments['depth']}, {arguments['num_heads']} heads)"
