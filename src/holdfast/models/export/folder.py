"""An encoder for those without holdfast: weights in the network's own names, what they expect, code that loads them."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import safetensors.torch
import timm
import torch
import torchvision
from timm.models.resnet import ResNet
from torch import nn

from holdfast.models.checked import features_by_code
from holdfast.models.encoders import Encoder
from holdfast.models.identity import checksum
from holdfast.models.load import OnnxEncoder
from holdfast.runs import atomic_folder, write_json
from holdfast.system import clean_stale

SCHEMA_VERSION = 1
WEIGHTS, FACTS, CODE, TIMM = "model.safetensors", "preprocess.json", "load.py", "config.json"


def exportable(encoder: nn.Module) -> Encoder:
    """The encoder, which can be written. Raises ValueError for one that is no network of timm or torchvision."""
    if isinstance(encoder, Encoder):
        return encoder
    if isinstance(encoder, OnnxEncoder):
        raise ValueError(
            "expected a network of timm or torchvision, got an ONNX file, which is an export already; copy it, or "
            "export the network that it was made from"
        )
    raise ValueError(f"expected an encoder of timm or torchvision, got {type(encoder).__name__}; export its own way")


def export_encoder(
    encoder: Encoder, folder: Path, more: Callable[[Path, dict[str, Any]], None] = lambda folder, facts: None
) -> dict[str, Any]:
    """Writes model.safetensors, preprocess.json and load.py into a new folder; returns preprocess.json's content.

    Also config.json, with which timm.create_model("local-dir:FOLDER", pretrained=True) loads it, where timm builds this
    network by its name and arguments alone: not for a ResNet whose stem was made small.

    The weights carry the names that timm or torchvision give them. load.py needs torch, safetensors and one of the
    two, and is run here before the folder gets its name: its features are the encoder's. more: writes other files into
    it before it does. Raises FileExistsError for a folder that is there, ValueError for a network that cannot be built
    from its name.
    """
    if os.path.lexists(folder):
        raise FileExistsError(f"expected a new folder, got {folder} which exists; choose another --out")
    spec = encoder.spec
    facts = {
        "schema": SCHEMA_VERSION,
        "network": spec.encoder,
        "stem": spec.stem,
        "image_size": spec.image_size,
        "pixels": "RGB in [0, 1], [n, 3, height, width], float32",
        "mean": list(spec.mean),
        "std": list(spec.std),
        "dim": encoder.dim,
        "arguments": dict(spec.arguments),
        "norm_eps": dict(spec.norm_eps),
        "pool": spec.pool,
        "encoder_checksum": checksum(encoder),
    }
    clean_stale(folder.parent, name=folder.name)
    with atomic_folder(folder) as temporary:
        state = {name: tensor.detach().cpu().contiguous() for name, tensor in encoder.network.state_dict().items()}
        safetensors.torch.save_file(state, temporary / WEIGHTS, {"format": "pt"})
        write_json(temporary / FACTS, facts)
        (temporary / CODE).write_text(loading_code(encoder))
        if (config := timm_config(encoder)) is not None:
            write_json(temporary / TIMM, config)
        _check(encoder, temporary)
        more(temporary, facts)
    return facts


def beyond_timm(encoder: Encoder) -> str:
    """What of an encoder timm does not build from a name and arguments; '' for nothing."""
    kind, _, name = encoder.spec.encoder.partition(":")[0].partition("/")
    if kind != "timm":
        return "it is torchvision's"
    if isinstance(encoder.network, ResNet) and encoder.spec.stem != "standard":
        return f"its {encoder.spec.stem} stem is not that of {name}"
    if encoder.spec.pool != "config":
        return f"its feature is pooled otherwise ({encoder.spec.pool}) than in {name}"
    return f"its norms have another epsilon than those of {name}" if encoder.spec.norm_eps else ""


def timm_config(encoder: Encoder) -> dict[str, Any] | None:
    """What timm reads beside the weights; None for torchvision's networks and where the architecture was changed."""
    _, _, name = encoder.spec.encoder.partition(":")[0].partition("/")
    if beyond_timm(encoder):
        return None
    name, size = name.partition("@")[0], encoder.spec.image_size
    settings = {"input_size": [3, size, size], "mean": list(encoder.spec.mean), "std": list(encoder.spec.std)}
    return {
        "architecture": name.partition(".")[0],
        "num_classes": 0,
        "num_features": encoder.dim,
        "model_args": _timm_arguments(name, encoder),
        "pretrained_cfg": {**settings, "num_classes": 0, "crop_pct": 1.0, "interpolation": "bicubic"},
    }


def loading_code(encoder: Encoder) -> str:
    """A Python file whose `encoder()` builds the network and whose `features(images)` normalises and runs it."""
    kind, _, name = encoder.spec.encoder.partition(":")[0].partition("/")
    lines = _torchvision_lines(name) if kind == "torchvision" else _timm_lines(name, encoder)
    builds = "\n".join(f"    {line}" for line in lines)
    return f'''"""Loads the encoder in {WEIGHTS} without holdfast: needs torch, safetensors and {kind}."""

from pathlib import Path

import torch
import {kind}
from safetensors.torch import load_file

MEAN, STD = {tuple(encoder.spec.mean)}, {tuple(encoder.spec.std)}


def encoder(folder=Path(__file__).parent):
    """The network in evaluation mode: normalised images [n, 3, h, w] -> features [n, {encoder.dim}]."""
{builds}
    network.load_state_dict(load_file(Path(folder) / "{WEIGHTS}"))
    return network.eval()


@torch.no_grad()
def features(network, images):
    """Features [n, {encoder.dim}] of RGB images [n, 3, h, w] in [0, 1]; made for h = w = {encoder.spec.image_size}."""
    mean, std = (torch.tensor(values, device=images.device).view(1, 3, 1, 1) for values in (MEAN, STD))
{_pooling(encoder)}'''


def _pooling(encoder: Encoder) -> str:
    """The lines that end `features`: the network's own way, or tokens after the last norm."""
    pool = encoder.spec.pool
    if pool == "config" or not hasattr(encoder.network, "num_prefix_tokens"):
        return "    return network((images - mean) / std)\n"
    head = "    tokens, prefix = network.forward_features((images - mean) / std), network.num_prefix_tokens\n"
    if pool == "map":
        return f"{head}    return network.attn_pool(tokens[:, prefix:])\n"
    parts = {"cls": "network.fc_norm(tokens[:, 0])", "avg": "network.fc_norm(tokens[:, prefix:].mean(1))"}
    return f"{head}    return torch.cat([{', '.join(parts[part] for part in pool.split('+'))}], 1)\n"


def _timm_lines(name: str, encoder: Encoder) -> Sequence[str]:
    name, spec = name.partition("@")[0], encoder.spec
    network = encoder.network
    if spec.arguments:
        given = f"num_classes=0, **{dict(spec.arguments)!r}"
        return [f"network = timm.create_model({name!r}, {given})", *_eps_lines(encoder)]
    if isinstance(network, ResNet):
        plain = f"network = timm.create_model({name!r}, num_classes=0)"
        return [plain] if spec.stem == "standard" else [plain, *_small_stem_lines(network)]
    extra = "".join(f", {key}={value!r}" for key, value in _timm_arguments(name, encoder).items())
    return [f"network = timm.create_model({name!r}, num_classes=0{extra})"]


def _timm_arguments(name: str, encoder: Encoder) -> dict[str, Any]:
    """What timm.create_model is given beside the name: the spec's arguments, else the side of images and patches."""
    network, spec, size = encoder.network, encoder.spec, encoder.spec.image_size
    if spec.arguments:
        return dict(spec.arguments)
    patches = getattr(network, "patch_embed", None)
    given: dict[str, Any] = {}
    if patches is not None and tuple(getattr(patches, "img_size", None) or ()) != _default_size(name):
        given["img_size"] = size
    if spec.stem == "small" and patches is not None:
        given |= {"img_size": size, "patch_size": int(patches.patch_size[0])}
    return given


def _eps_lines(encoder: Encoder) -> list[str]:
    """See encoders.set_eps: the same, for the norms whose epsilon is not the name's own."""
    if not encoder.spec.norm_eps:
        return []
    found = {at: module.eps for at, module in encoder.network.named_modules() if isinstance(module, nn.LayerNorm)}
    usual = max(set(found.values()), key=list(found.values()).count)
    lines = [
        "for module in network.modules():",
        "    if isinstance(module, torch.nn.LayerNorm):",
        f"        module.eps = {usual!r}",
    ]
    return lines + [f'network.get_submodule("{at}").eps = {eps!r}' for at, eps in found.items() if eps != usual]


def _default_size(name: str) -> tuple[int, ...]:
    return tuple(timm.get_pretrained_cfg_value(name, "input_size") or (3, 224, 224))[1:]


def _small_stem_lines(network: ResNet) -> list[str]:
    """See encoders.small_stem."""
    deep = isinstance(network.conv1, nn.Sequential)
    first = network.get_submodule("conv1.0" if deep else "conv1")
    assert isinstance(first, nn.Conv2d)
    given = f"3, stride=1, padding={first.padding[0]}, bias={first.bias is not None}"  # type: ignore[index]
    convolution = f"torch.nn.Conv2d(3, {first.out_channels}, {given})"
    return [f"network.conv1{'[0]' if deep else ''} = {convolution}", "network.maxpool = torch.nn.Identity()"]


def _torchvision_lines(name: str) -> list[str]:
    with torch.device("meta"):
        network = torchvision.models.get_model(name, weights=None)
    linears = [at for at, module in network.named_modules() if isinstance(module, nn.Linear)]
    return [
        f"network = torchvision.models.get_model({name!r}, weights=None)",
        f"network.set_submodule({linears[-1]!r}, torch.nn.Identity())",
    ]


@torch.no_grad()
def _check(encoder: Encoder, folder: Path) -> None:
    """That what was written gives the encoder's own features."""
    size, training = encoder.spec.image_size, encoder.training
    images = torch.linspace(0, 1, 2 * 3 * size * size).view(2, 3, size, size)
    try:
        ours = encoder.cpu().eval()(images)
        theirs = features_by_code(folder, (2, 3, size, size), encoder.dim)
    except (RuntimeError, TypeError, ValueError, AttributeError) as error:
        raise ValueError(
            f"expected a network that its name builds again, got {encoder.spec.encoder} ({str(error)[:200]}); "
            "keep encoder.safetensors with its .json, which holdfast.load_encoder reads"
        ) from error
    finally:
        encoder.train(training)
    if not torch.allclose(ours, theirs, rtol=1e-4, atol=1e-5):
        apart = float((ours - theirs).abs().max())
        raise ValueError(
            f"expected {CODE} to give the encoder's features, got others (up to {apart:.2g} apart); "
            "keep encoder.safetensors with its .json, which holdfast.load_encoder reads"
        )
