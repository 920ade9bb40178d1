"""A folder of another library: which it is, its configuration, its tensors, and the reading of both."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from holdfast.models.encoders import EncoderSpec
from holdfast.models.load.copies import networks_in
from holdfast.models.load.folders.blocks import read_blocks
from holdfast.models.load.folders.converted import Converted
from holdfast.models.load.folders.convolutions import read_convnext_folder, read_resnet_folder
from holdfast.models.load.folders.openclip import read_openclip
from holdfast.models.load.folders.preprocessor import FILE, preprocessing
from holdfast.models.load.folders.rotary import read_rotary
from holdfast.models.load.folders.swin import read_swin
from holdfast.models.load.folders.towers import read_tower
from holdfast.models.load.reading import Reading, centre, timm_pixels
from holdfast.models.load.tensors import read_tensors
from holdfast.system import read_json

Read = Callable[[Mapping[str, Any], Mapping[str, Tensor]], Converted]
_PATCHES = "embeddings.patch_embeddings.projection.weight"
FAMILIES: dict[str, tuple[Read, str]] = {
    **dict.fromkeys(("vit", "vit_mae", "ijepa", "dinov2", "dinov2_with_registers"), (read_blocks, _PATCHES)),
    "dinov3_vit": (read_rotary, "embeddings.patch_embeddings.weight"),
    "dinov3_convnext": (read_convnext_folder, "stages.0.downsample_layers.0.weight"),
    **dict.fromkeys(("siglip_vision_model", "siglip2_vision_model", "clip_vision_model"), (read_tower, "")),
    "resnet": (read_resnet_folder, "embedder.embedder.convolution.weight"),
    "convnext": (read_convnext_folder, "embeddings.patch_embeddings.weight"),
    "convnextv2": (read_convnext_folder, "embeddings.patch_embeddings.weight"),
    "swin": (read_swin, _PATCHES),
}
"""Readers of transformers' folders by model_type, with the name that tells where the base network's names begin."""
_TOWERS = {"siglip": "siglip_vision_model", "siglip2": "siglip2_vision_model", "clip": "clip_vision_model"}
"""Models of images and texts, whose image tower is taken."""
WEIGHTS = ("model.safetensors", "model.safetensors.index.json", "pytorch_model.bin", "pytorch_model.bin.index.json")


def read_folder(folder: Path) -> Reading:
    """The reading of a folder with a config.json: timm's or transformers'. Raises ValueError for what it cannot be."""
    config = read_json(folder / "config.json", "the configuration of a model", "get the file again")
    if "architecture" in config:
        return _timm(folder, config)
    if "auto_map" in config:
        raise ValueError(
            f"expected a model of transformers itself in {folder}, got one whose code lies in the folder (auto_map); "
            "its code is never run: load it yourself and pass the module"
        )
    kind = str(config.get("model_type"))
    if kind in _TOWERS and "vision_config" in config:
        kind, config = _TOWERS[kind], {**config["vision_config"], "model_type": _TOWERS[kind]}
    config = {**config, "model_type": kind}
    if kind not in FAMILIES:
        raise ValueError(
            f"expected a model_type of {', '.join([*FAMILIES, *_TOWERS])} in {folder / 'config.json'}, got {kind!r}; "
            "load it with its library and pass the module"
        )
    return _transformers(folder, config)


def _transformers(folder: Path, config: Mapping[str, Any]) -> Reading:
    read, anchor = FAMILIES[str(config["model_type"])]
    tensors, file = _weights(folder)
    inside, outside = _base(tensors, anchor or "embeddings.patch_embedding.weight", folder)
    found = read(config, inside)
    pixels = preprocessing(folder, found.image_size)
    return Reading(
        layout=f"transformers' {config['model_type']} in {file}",
        spec=EncoderSpec(
            encoder=f"timm/{found.base}",
            stem="standard",
            image_size=found.image_size,
            mean=pixels["mean"],
            std=pixels["std"],
            arguments=dict(found.arguments),
            norm_eps=dict(found.norm_eps),
            pool=found.pool,
        ),
        state=found.state,
        title=found.title,
        left_out=(*found.left_out, *outside),
        size_from=FILE,
        used_size=pixels["image_size"],
        resize=pixels["resize"],
        pixels_from=FILE,
        pool_from=found.pool_from,
        positions_note="transformers resamples positions without antialiasing: features differ a little from its own",
    )


def _base(tensors: Mapping[str, Tensor], anchor: str, folder: Path) -> tuple[dict[str, Tensor], list[str]]:
    """(the tensors of the base network without its prefix, first segments of the others)."""
    starts = networks_in(list(tensors), (anchor,))
    if len(starts) != 1:
        raise ValueError(
            f"expected one {anchor} in the weights of {folder}, got {len(starts)}; its config.json is another model's"
        )
    start = starts[0]
    inside = {name[len(start) :]: tensor for name, tensor in tensors.items() if name.startswith(start)}
    if start == "model.":  # a part of the base network alone: its last norm stands outside
        return {name: tensor for name, tensor in tensors.items() if not name.startswith(start)} | inside, []
    return inside, sorted({name.partition(".")[0] for name in tensors if not name.startswith(start)})


def _weights(folder: Path) -> tuple[dict[str, Tensor], str]:
    for name in WEIGHTS:
        if (folder / name).is_file():
            return read_tensors(folder / name), name
    raise FileNotFoundError(f"expected one of {', '.join(WEIGHTS)} in {folder}, got none; download the weights too")


def _timm(folder: Path, config: Mapping[str, Any]) -> Reading:
    """A folder of timm's: architecture, arguments and pretrained_cfg in config.json."""
    name, facts = str(config["architecture"]), {**config, **config.get("pretrained_cfg", {})}
    tensors, file = _weights(folder)
    values, said = timm_pixels(name)
    given: dict[str, Any] = {key: tuple(facts[key]) for key in ("mean", "std") if key in facts}
    size = facts["input_size"][-1] if "input_size" in facts else values["image_size"]
    arguments = dict(config.get("model_args") or {})
    if config.get("global_pool"):
        arguments.setdefault("global_pool", config["global_pool"])
    dropped = sorted({k.partition(".")[0] for k in tensors if k.partition(".")[0] in ("fc", "head", "classifier")})
    spec = EncoderSpec(
        encoder=f"timm/{name}",
        stem="standard",
        image_size=size,
        arguments=_safe(arguments, folder),
        mean=given.get("mean", values["mean"]),
        std=given.get("std", values["std"]),
    )
    return Reading(
        layout=f"timm's folder, weights in {file}",
        spec=spec,
        state=_headless(tensors, spec),
        left_out=tuple(dropped),
        size_from="config.json",
        resize=f"{facts.get('interpolation', 'bicubic')} resize{centre(facts.get('crop_pct', 1))}",
        pixels_from="config.json" if {"mean", "std"} <= set(given) else said,
        pool_from="config.json",
    )


def _safe(arguments: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """The arguments, all of them plain values. Raises ValueError for names that would reach outside the network."""
    bad = [name for name in arguments if name.startswith(("pretrained", "checkpoint", "cache", "scriptable"))]
    if bad:
        raise ValueError(f"expected model_args of the network alone in {folder / 'config.json'}, got {', '.join(bad)}")
    return dict(arguments)


def _headless(tensors: Mapping[str, Tensor], spec: EncoderSpec) -> dict[str, Tensor]:
    from holdfast.models.encoders import build_network
    from holdfast.models.load.file import unneeded

    network = build_network(spec)
    return {name: tensor for name, tensor in tensors.items() if not unneeded(network, name)}


FOLDERS: dict[str, Callable[[Path], Reading]] = {"open_clip_config.json": read_openclip, "config.json": read_folder}
"""Readers of folders by the file that tells them, in the order in which they are tried."""
