"""Encoders to and from files: a run folder, timm, torchvision, a state-dict file, or a module."""

import hashlib
import json
from pathlib import Path
from typing import Any, Literal

import safetensors.torch
import timm
import torch
import torchvision
from torch import Tensor, nn

from holdfast.models.encoders import IMAGENET_MEAN, IMAGENET_STD, Encoder, EncoderSpec, _dim, create_encoder
from holdfast.randomness import seeded_library
from holdfast.runs import RunFolder, atomic_path, write_json

SCHEMA_VERSION = 1


def checksum(module: nn.Module) -> str:
    """The first 16 hexadecimal digits of a SHA-256 over names, shapes and bits of a module's state."""
    digest = hashlib.sha256()
    for name, tensor in sorted(module.state_dict().items()):
        digest.update(f"{name}{tuple(tensor.shape)}{tensor.dtype}".encode())
        digest.update(tensor.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()[:16]


def save_encoder(encoder: Encoder, path: Path, **facts: Any) -> None:
    """Writes path (safetensors) and, beside it, the JSON that load_encoder reads; facts are added to the JSON."""
    state = {name: tensor.detach().cpu().contiguous() for name, tensor in encoder.state_dict().items()}
    with atomic_path(path) as temporary:
        safetensors.torch.save_file(state, temporary)
    document = {"schema": SCHEMA_VERSION, **encoder.spec.to_dict(), "dim": encoder.dim, "checksum": checksum(encoder)}
    write_json(path.with_suffix(".json"), document | facts)


def load_encoder(source: str | Path | nn.Module, *, layer: Literal["backbone"] = "backbone") -> nn.Module:
    """An encoder in evaluation mode: pixels [n, 3, h, w] in [0, 1] -> features [n, dim].

    source: a run folder; its encoder.safetensors; 'timm/NAME' or 'torchvision/NAME' (random weights, seed 0), with
    ':pretrained' for the weights in the user's cache; or a module, which is returned as it is but for the mode.
    Normalisation is inside. Raises ValueError or FileNotFoundError for anything else.
    """
    if layer != "backbone":
        raise ValueError(f"expected layer 'backbone', got {layer!r}; no method here has another yet")
    if isinstance(source, nn.Module):
        return source.eval()
    path = Path(source)
    if path.is_dir():
        return _from_file(RunFolder.open(path).encoder).eval()
    if path.suffix in (".safetensors", ".pt", ".pth", ".bin"):
        return _from_file(path).eval()
    kind, _, name = str(source).partition("/")
    name, _, weights = name.partition(":")
    if weights not in ("", "pretrained"):
        raise ValueError(f"expected {kind}/NAME or {kind}/NAME:pretrained, got {source}; drop {weights!r}")
    if kind == "timm":
        return _from_timm(str(source).partition(":")[0], pretrained=bool(weights)).eval()
    if kind == "torchvision":
        return _from_torchvision(name, pretrained=bool(weights)).eval()
    raise ValueError(
        f"expected a run folder, a .safetensors file, timm/NAME or torchvision/NAME, got {str(source)!r}; check the path"
    )


def _from_file(path: Path) -> Encoder:
    if not path.is_file():
        raise FileNotFoundError(
            f"expected an encoder at {path}, got no file; finish the run first with: holdfast resume {path.parent}"
        )
    described = path.with_suffix(".json")
    if path.suffix != ".safetensors" or not described.is_file():
        raise ValueError(
            f"expected {path.name} to be a .safetensors file with a .json beside it, as holdfast writes them, got {path}; "
            "load other files into your own module and pass that"
        )
    document = json.loads(described.read_text())
    if document.get("schema") != SCHEMA_VERSION:
        raise ValueError(f"expected encoder schema {SCHEMA_VERSION}, got {document.get('schema')!r}; use a newer holdfast")
    encoder = create_encoder(document["encoder"], image_size=document["image_size"], stem=document["stem"])
    encoder.spec = EncoderSpec(
        encoder=document["encoder"],
        stem=document["stem"],
        image_size=document["image_size"],
        mean=tuple(document["mean"]),
        std=tuple(document["std"]),
    )
    state: dict[str, Tensor] = safetensors.torch.load_file(path)
    encoder.load_state_dict(state)
    return encoder


def _from_timm(source: str, *, pretrained: bool) -> Encoder:
    size = timm.get_pretrained_cfg_value(source.partition("/")[2], "input_size") or (3, 224, 224)
    if not pretrained:
        return create_encoder(source, image_size=size[-1], stem="standard")
    network = timm.create_model(source.partition("/")[2], pretrained=True, num_classes=0)
    facts = timm.data.resolve_model_data_config(network)
    size = facts["input_size"][-1]
    spec = EncoderSpec(encoder=source, stem="standard", image_size=size, mean=facts["mean"], std=facts["std"])
    return Encoder(network, spec, _dim(network, size))


def _from_torchvision(name: str, *, pretrained: bool) -> Encoder:
    if name not in torchvision.models.list_models(module=torchvision.models):
        raise ValueError(f"expected a classifier of torchvision.models, got {name!r}; for example torchvision/resnet18")
    with seeded_library(0, "initial weights"):
        network = torchvision.models.get_model(name, weights="DEFAULT" if pretrained else None)
    for last in ("fc", "classifier", "head", "heads"):
        if hasattr(network, last):
            setattr(network, last, nn.Identity())
            break
    spec = EncoderSpec(
        encoder=f"torchvision/{name}", stem="standard", image_size=224, mean=IMAGENET_MEAN, std=IMAGENET_STD
    )
    return Encoder(network, spec, _dim(network, 224))
