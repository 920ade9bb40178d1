"""ResNets in training checkpoints: MoCo, SwAV, Barlow Twins, VICReg, solo-learn, lightly, VISSL, torchvision's own.

All have torchvision's names inside, which are timm's too, but lightly's, whose layers are numbered.
"""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from holdfast.models.encoders import IMAGENET_MEAN, IMAGENET_STD, EncoderSpec, Stem
from holdfast.models.load.copies import chosen, left_out, networks_in
from holdfast.models.load.pixels import CIFAR100_MEAN, CIFAR100_STD, CIFAR_MEAN, CIFAR_STD, SWAV_STD, stated
from holdfast.models.load.reading import Reading
from holdfast.models.load.tensors import Content

ANCHORS = ("conv1.weight", "bn1.weight", "layer1.0.conv1.weight", "layer4.0.conv1.weight")
NUMBERED = {
    "torchvision": ("0.weight", "1.weight", "4.0.conv1.weight", "7.0.conv1.weight"),
    "lightly": ("0.weight", "1.weight", "2.0.conv1.weight", "5.0.conv1.weight"),
}
"""The children of torchvision's ResNet, and of lightly's own for small images, which has neither ReLU nor pooling."""
_BLOCKS = {
    (False, (2, 2, 2, 2)): "resnet18",
    (False, (3, 4, 6, 3)): "resnet34",
    (True, (3, 4, 6, 3)): "resnet50",
    (True, (3, 4, 23, 3)): "resnet101",
    (True, (3, 8, 36, 3)): "resnet152",
}
_WIDER = {("resnet50", 128, 1): "wide_resnet50_2", ("resnet101", 128, 1): "wide_resnet101_2"}
_GROUPED = {("resnet50", 128, 32): "resnext50_32x4d", ("resnet101", 256, 32): "resnext101_32x8d"}
_CLASSIFIERS = ("fc.", "head.", "projection_head.", "prototypes.", "projector.", "queue")


def read_resnet(content: Content, wanted: str | None = None) -> Reading | None:
    """The reading of a file that holds a ResNet of torchvision's kind under any prefix; None for any other file."""
    found = _inside(content, wanted)
    if found is None:
        return None
    state, start, copy, kind = found
    name = network_name(state, content.path.name)
    family, pixels, said = _family(content, start, kind)
    stem, notes = _stem(state, family, kind, content.path.name)
    own = stated(content.path)
    dropped = sorted({_top(key) for key in state if key.startswith(_CLASSIFIERS)})
    spec = EncoderSpec(
        encoder=f"timm/{name}",
        stem=stem,
        image_size=own.get("image_size", 224 if stem == "standard" else 32),
        mean=own.get("mean", pixels[0]),
        std=own.get("std", pixels[1]),
    )
    return Reading(
        layout=f"recognised as {family}",
        spec=spec,
        state={key: tensor for key, tensor in state.items() if not key.startswith(_CLASSIFIERS)},
        left_out=tuple(dropped + left_out(content.names, start)),
        copy=copy,
        size_from="preprocess.json beside the file" if "image_size" in own else f"usual for a {stem} stem",
        resize="bilinear resize to 256, centre 224 of it" if stem == "standard" else "",
        pixels_from="preprocess.json beside the file" if "mean" in own else said,
        pool_from="before its classifier",
        notes=tuple(notes),
    )


def _inside(content: Content, wanted: str | None) -> tuple[dict[str, Tensor], str, str, str] | None:
    """(tensors in torchvision's names, the beginning they stood under, what is said of it, how they were named)."""
    for kind, anchors in {"": ANCHORS, **NUMBERED}.items():
        starts = networks_in(content.names, anchors)
        if not starts:
            continue
        start, copy = chosen(starts, content.names, wanted=wanted, where=f"ResNets in {content.path.name}")
        inside = {name[len(start) :]: tensor for name, tensor in content.tensors.items() if name.startswith(start)}
        return (_unnumbered(inside, kind) if kind else inside), start, copy, kind
    return None


def _unnumbered(inside: Mapping[str, Tensor], kind: str) -> dict[str, Tensor]:
    first = 4 if kind == "torchvision" else 2
    names = {"0": "conv1", "1": "bn1"} | {str(first + stage): f"layer{stage + 1}" for stage in range(4)}
    found = {}
    for name, tensor in inside.items():
        head, _, rest = name.partition(".")
        found[f"{names.get(head, head)}.{rest.replace('shortcut.', 'downsample.')}"] = tensor
    return found


def network_name(state: Mapping[str, Tensor], where: str) -> str:
    """The name of timm for a ResNet's tensors. Raises ValueError for depths and widths that have none."""
    deep = "layer1.0.conv3.weight" in state
    blocks = (_count(state, 1), _count(state, 2), _count(state, 3), _count(state, 4))
    name = _BLOCKS.get((deep, blocks))
    if name is None:
        raise ValueError(
            f"expected a ResNet of 18, 34, 50, 101 or 152 layers in {where}, got stages of {blocks} "
            f"{'bottleneck' if deep else 'basic'} blocks; name the network with timm/NAME@{where}"
        )
    width, inner = state["layer1.0.conv1.weight"].shape[0], state["layer1.0.conv2.weight"].shape[1]
    if state["conv1.weight"].shape[1] != 3:
        raise ValueError(f"expected a ResNet of RGB images in {where}, got {state['conv1.weight'].shape[1]} channels")
    if state["conv1.weight"].shape[0] != 64:
        raise ValueError(
            f"expected a ResNet whose first layer has 64 channels in {where}, got {state['conv1.weight'].shape[0]}: "
            "widths of two and more are not among timm's networks; build it yourself and pass the module"
        )
    if width == 64:
        return name
    other = _WIDER.get((name, width, 1)) if inner == width else _GROUPED.get((name, width, width // inner))
    if other is None:
        raise ValueError(
            f"expected a known width of {name} in {where}, got {width} channels in {width // inner} groups; "
            f"name the network with timm/NAME@{where}"
        )
    return other


def _count(state: Mapping[str, Tensor], stage: int) -> int:
    return len({name.split(".")[1] for name in state if re.match(rf"layer{stage}\.\d+\.conv1\.", name)})


def _family(content: Content, start: str, kind: str) -> tuple[str, tuple[Any, Any], str]:
    """(what the file was recognised as, mean and std, where they came from)."""
    names, parts = content.names, set(start.split("."))
    imagenet = (IMAGENET_MEAN, IMAGENET_STD)
    arguments = solo_arguments(content.path)
    if kind:
        return "a ResNet of lightly's, layers numbered", imagenet, "ImageNet's, the default of lightly's transforms"
    if arguments is not None or any("momentum_backbone." in name for name in names):
        return "a checkpoint of solo-learn", *_solo_pixels(arguments)
    if parts & {"encoder_q", "encoder_k"}:
        return "MoCo's checkpoint", imagenet, "ImageNet's, as its authors train"
    if any("prototypes." in name for name in names):
        return "SwAV's checkpoint", (IMAGENET_MEAN, SWAV_STD), "SwAV's: std[0] is .228"
    if "_feature_blocks" in parts:
        return "VISSL's checkpoint", imagenet, "ImageNet's, as its authors train"
    if parts & {"teacher", "student"} and any("base_ema_coefficient" in name for name in names):
        return "a checkpoint of stable-pretraining", imagenet, "ImageNet's, assumed: the file does not say"
    if "backbone" in parts:
        return "a backbone in a training checkpoint", imagenet, "ImageNet's, assumed: the file does not say"
    return "a ResNet in torchvision's names", imagenet, "ImageNet's, as torchvision and timm train ResNets"


def solo_arguments(path: Path) -> dict[str, Any] | None:
    """solo-learn's args.json beside a checkpoint; None where there is none or it is another program's."""
    beside = path.with_name("args.json")
    try:
        found = json.loads(beside.read_text())
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) and {"backbone", "method"} <= set(found) else None


def _solo_pixels(arguments: dict[str, Any] | None) -> tuple[tuple[Any, Any], str]:
    data = arguments.get("data", {}) if arguments else {}
    name = data.get("dataset", "") if isinstance(data, dict) else arguments.get("dataset", "") if arguments else ""
    known = {"cifar10": (CIFAR_MEAN, CIFAR_STD), "cifar100": (CIFAR100_MEAN, CIFAR100_STD)}
    if name in known:
        return known[name], f"solo-learn's for {name}, which args.json names"
    where = f"which args.json names ({name})" if name else "assumed: there is no args.json that names the data"
    return (IMAGENET_MEAN, IMAGENET_STD), f"ImageNet's, solo-learn's default, {where}"


def _stem(state: Mapping[str, Tensor], family: str, kind: str, where: str) -> tuple[Stem, Sequence[str]]:
    """The stem of a ResNet, and a note where it is not torchvision's. Raises ValueError where two fit."""
    if state["conv1.weight"].shape[-1] != 3:
        return "standard", ()
    if "solo-learn" in family:
        return "small, padding 2", ("3×3 stem that pads by 2 and does not pool, as solo-learn's for CIFAR",)
    if kind == "lightly":
        return "small", ("3×3 stem that pads by 1 and does not pool, as lightly's ResNetGenerator",)
    raise ValueError(
        f"expected to know how the 3×3 stem in {where} pads and whether it pools, got a file that does not say "
        f"(solo-learn pads by 2, most others by 1); name one: timm/NAME:small@{where} or timm/NAME:small2@{where}"
    )


def _top(name: str) -> str:
    first, dot, _ = name.partition(".")
    return f"{first}.*" if dot else first
