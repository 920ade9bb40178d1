"""Encoders named by library and network: 'timm/NAME' and 'torchvision/NAME', random, :pretrained or with a file."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import timm
from timm.data.config import resolve_model_data_config
from timm.models.resnet import ResNet
from torch import nn

from holdfast.models.encoders import (
    IMAGENET_MEAN,
    IMAGENET_STD,
    EncoderSpec,
    build_network,
    create_encoder,
    headless,
    timm_name,
)
from holdfast.models.load.reading import Reading, timm_pixels
from holdfast.randomness import seeded_library
from holdfast.system import near_path

LIBRARIES = ("timm/", "torchvision/")


def read_named(source: str) -> Reading:
    """The reading of 'timm/NAME' or 'torchvision/NAME', with ':pretrained' or without. Raises ValueError for others."""
    name, _, weights = source.partition(":")
    if weights not in ("", "pretrained"):
        raise ValueError(f"expected {name} or {name}:pretrained, got {source}; drop {weights!r}")
    with fetching(source) if weights else nullcontext():
        if name.startswith("timm/"):
            return _pretrained(name) if weights else _random_timm(name)
        if name.startswith("torchvision/"):
            return _torchvision(name, pretrained=bool(weights))
    missing = "" if Path(source).exists() else ", where there is no file or folder"
    raise ValueError(
        "expected a run folder, a folder or file of weights, timm/NAME or torchvision/NAME, "
        f"got {source!r}{missing}; {near_path(source) or 'check the path'}"
    )


@contextmanager
def fetching(source: str) -> Iterator[None]:
    """Makes what a download raises, which depends on who downloads, one line: the cache is what a user can fill.

    The hub's lines on each of its tries are left out.
    """
    hub = logging.getLogger("huggingface_hub")
    before = hub.level
    hub.setLevel(logging.ERROR)
    try:
        yield
    except ValueError:
        raise
    except Exception as error:
        raise ValueError(
            f"expected the weights of {source} in your cache, or a network to fetch them from, got "
            f"{type(error).__name__} ({error}); download them where there is a network, or give a state-dict file"
        ) from error
    finally:
        hub.setLevel(before)


def own_pool(name: str) -> dict[str, Any]:
    """How a network of timm is pooled: its own way, but the class token for DINOv3, whose authors take that."""
    if "dinov3" in name and name.startswith("timm/vit"):
        return {"pool": "cls", "pool_from": "DINOv3's authors; timm's configuration is the mean of patches"}
    return {"pool": "config", "pool_from": "timm's configuration"}


def _random_timm(source: str) -> Reading:
    size = timm.get_pretrained_cfg_value(timm_name(source), "input_size") or (3, 224, 224)
    encoder = create_encoder(source, image_size=size[-1], stem="standard")
    pool = own_pool(source)
    return Reading(
        layout="a name of timm",
        spec=replace(encoder.spec, pool=pool["pool"]),
        network=encoder.network,
        state=None,
        weights="random",
        size_from="timm's configuration",
        pixels_from="ImageNet's: no weights say another",
        pool_from=pool["pool_from"],
    )


def _pretrained(source: str) -> Reading:
    network = timm.create_model(timm_name(source), pretrained=True, num_classes=0)
    facts = resolve_model_data_config(network)
    pool, said = own_pool(source), timm_pixels(timm_name(source))
    spec = EncoderSpec(
        encoder=source,
        stem="standard",
        image_size=facts["input_size"][-1],
        mean=tuple(facts["mean"]),
        std=tuple(facts["std"]),
        pool=pool["pool"],
    )
    return Reading(
        layout="weights that timm keeps for it",
        spec=spec,
        network=network,
        state=None,
        size_from=said[1],
        resize=said[0].get("resize", ""),
        pixels_from=said[1],
        pool_from=pool["pool_from"],
    )


def _torchvision(source: str, *, pretrained: bool) -> Reading:
    with seeded_library(0, "initial weights"):
        network = headless(source.partition("/")[2], weights="DEFAULT" if pretrained else None)
    return Reading(
        layout="weights that torchvision keeps for it" if pretrained else "a name of torchvision",
        spec=EncoderSpec(encoder=source, stem="standard", image_size=224),
        network=network,
        state=None,
        weights="trained" if pretrained else "random",
        size_from="torchvision's usual",
        pixels_from="ImageNet's, as torchvision trains" if pretrained else "ImageNet's: no weights say another",
        pool_from="torchvision's network, before its last linear layer",
    )


def candidates(name: str) -> list[tuple[EncoderSpec, nn.Module]]:
    """The networks that a file for 'timm/NAME' or 'torchvision/NAME' may hold: the standard stem, then the small."""
    if name.startswith("torchvision/"):
        spec = EncoderSpec(encoder=name, stem="standard", image_size=224)
        return [(spec, build_network(spec))]
    values, _ = timm_pixels(timm_name(name))
    pixels = {"mean": values["mean"], "std": values["std"]}
    spec = EncoderSpec(encoder=name, stem="standard", image_size=values["image_size"], **pixels)
    found = [(spec, build_network(spec))]
    if isinstance(found[0][1], ResNet):  # others' shapes tell
        small = EncoderSpec(encoder=name, stem="small", image_size=32, mean=IMAGENET_MEAN, std=IMAGENET_STD)
        found.append((small, build_network(small)))
    return found
