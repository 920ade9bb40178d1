"""Encoders to and from files: a run folder, timm, torchvision, a state-dict file, or a module."""

import hashlib
import json
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

import safetensors.torch
import timm
import torch
import torchvision
from timm.data.config import resolve_model_data_config
from torch import nn

from holdfast.models.encoders import Encoder, EncoderSpec, _dim, _timm_name, create_encoder
from holdfast.models.prefeature import with_prefeature
from holdfast.models.statedict import load_foreign, read_tensors
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


def load_encoder(source: str | Path | nn.Module, *, layer: Literal["backbone", "prefeature"] = "backbone") -> nn.Module:
    """An encoder in evaluation mode: pixels [n, 3, h, w] in [0, 1] -> features [n, dim].

    source: a run folder; its encoder.safetensors; 'timm/NAME' or 'torchvision/NAME' (random weights, seed 0), with
    ':pretrained' for the weights in the user's cache or '@FILE' for those in a state-dict file (ImageNet's mean and
    std; for timm's ResNets and ViTs also with a small stem); or a module, which is returned as it is but for the mode.
    Normalisation is inside. layer 'prefeature' takes the wide layer after the encoder that a run of emp-ssl keeps and
    its paper evaluates. Raises ValueError or FileNotFoundError for anything else.
    """
    if layer not in ("backbone", "prefeature"):
        raise ValueError(f"expected layer 'backbone' or 'prefeature', got {layer!r}; choose one of them")
    if layer == "prefeature":
        if isinstance(source, nn.Module) or not Path(source).is_dir():
            raise ValueError(f"expected a run folder for layer 'prefeature', got {source}; use layer 'backbone'")
        run = RunFolder.open(source)
        return with_prefeature(_from_file(run.encoder), run).eval()
    if isinstance(source, nn.Module):
        return source.eval()
    name, at, file = str(source).partition("@")
    if at and name.startswith(("timm/", "torchvision/")):
        return _from_foreign(name, Path(file)).eval()
    path = Path(source)
    if path.is_dir():
        return _from_file(RunFolder.open(path).encoder).eval()
    if path.suffix in (".safetensors", ".pt", ".pth", ".bin"):
        return _from_file(path).eval()
    return _from_name(str(source)).eval()


def _from_name(source: str) -> Encoder:
    name, _, weights = source.partition(":")
    if weights not in ("", "pretrained"):
        raise ValueError(f"expected {name} or {name}:pretrained, got {source}; drop {weights!r}")
    if name.startswith("timm/"):
        return _from_timm(name, pretrained=bool(weights))
    if name.startswith("torchvision/"):
        return _from_torchvision(name.partition("/")[2], pretrained=bool(weights))
    raise ValueError(
        f"expected a run folder, a .safetensors file, timm/NAME or torchvision/NAME, got {source!r}; check the path"
    )


def _from_file(path: Path) -> Encoder:
    if not path.is_file():
        raise FileNotFoundError(
            f"expected an encoder at {path}, got no file; finish the run first with: holdfast resume {path.parent}"
        )
    described = path.with_suffix(".json")
    if path.suffix != ".safetensors" or not described.is_file():
        raise ValueError(
            f"expected a .safetensors file with a .json beside it, as holdfast writes them, got {path}; "
            f"name the network of another file as timm/NAME@{path}, or load it into your own module"
        )
    document = json.loads(described.read_text())
    if document.get("schema") != SCHEMA_VERSION:
        raise ValueError(
            f"expected encoder schema {SCHEMA_VERSION}, got {document.get('schema')!r} in {described}; "
            "use the holdfast that wrote it"
        )
    encoder = create_encoder(document["encoder"], image_size=document["image_size"], stem=document["stem"])
    encoder.spec = EncoderSpec(
        encoder=document["encoder"],
        stem=document["stem"],
        image_size=document["image_size"],
        mean=tuple(document["mean"]),
        std=tuple(document["std"]),
    )
    try:
        encoder.load_state_dict(read_tensors(path))
    except RuntimeError as error:
        raise ValueError(
            f"expected the weights of {document['encoder']} in {path}, got others; copy it together with its .json"
        ) from error
    return encoder


def _from_foreign(name: str, path: Path) -> Encoder:
    """An encoder whose network's weights come from a file; its stem is the one that the file's shapes fit.

    Deep stems (resnet50d) have the same shapes in both: they are taken as the standard one.
    """
    tensors = read_tensors(path)
    candidates = [_from_name(name)]
    if name.startswith("timm/"):
        with suppress(ValueError):  # no small stem
            candidates.append(create_encoder(name, image_size=32, stem="small"))
    network = load_foreign([encoder.network for encoder in candidates], tensors, f"{name} in {path}")
    return next(encoder for encoder in candidates if encoder.network is network)


def _from_timm(source: str, *, pretrained: bool) -> Encoder:
    name = _timm_name(source)
    if not pretrained:
        size = timm.get_pretrained_cfg_value(name, "input_size") or (3, 224, 224)
        return create_encoder(source, image_size=size[-1], stem="standard")
    network = timm.create_model(name, pretrained=True, num_classes=0)
    facts = resolve_model_data_config(network)
    size = facts["input_size"][-1]
    spec = EncoderSpec(encoder=source, stem="standard", image_size=size, mean=facts["mean"], std=facts["std"])
    return Encoder(network, spec, _dim(network, size))


def _from_torchvision(name: str, *, pretrained: bool) -> Encoder:
    """torchvision's classifier without its last linear layer."""
    if name not in torchvision.models.list_models(module=torchvision.models):
        raise ValueError(f"expected a classifier of torchvision.models, got {name!r}; for example torchvision/resnet18")
    with seeded_library(0, "initial weights"):
        network = torchvision.models.get_model(name, weights="DEFAULT" if pretrained else None)
    linears = [at for at, module in network.named_modules() if isinstance(module, nn.Linear)]
    if not linears:
        raise ValueError(f"expected a network that ends in a linear layer, got {name!r}; pass it as your own module")
    network.set_submodule(linears[-1], nn.Identity())
    spec = EncoderSpec(encoder=f"torchvision/{name}", stem="standard", image_size=224)
    return Encoder(network, spec, _dim(network, 224))
