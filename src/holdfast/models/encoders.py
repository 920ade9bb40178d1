"""Encoders: any timm network, with a stem for small images and normalisation as its first layer."""

import difflib
import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

import timm
import torch
import torchvision
from timm.models.resnet import ResNet
from torch import Tensor, nn

from holdfast.models.loaded import Loaded
from holdfast.models.pooling import Pool, pooled_tokens
from holdfast.randomness import seeded_library

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
Stem = Literal["small", "standard", "small, padding 2"]
SMALL_IMAGE = 64
"""Up to this side, in pixels, the 'auto' stem is the small one."""


@dataclass(frozen=True, kw_only=True)
class EncoderSpec:
    """All that is needed to build an encoder again, without its weights."""

    encoder: str
    """'timm/NAME' or 'torchvision/NAME'."""
    stem: Stem
    """'small' keeps the resolution of small images; 'small, padding 2' is solo-learn's, of the same shapes."""
    image_size: int
    """Side of the images it was built for, in pixels."""
    mean: tuple[float, float, float] = IMAGENET_MEAN
    """Per channel, of pixels in [0, 1]."""
    std: tuple[float, float, float] = IMAGENET_STD
    """Per channel, of pixels in [0, 1]."""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    """What timm.create_model is given beside the name, as JSON values."""
    norm_eps: Mapping[str, float] = field(default_factory=dict)
    """Epsilon of the layer norms whose names begin so ('' is all of them), where it is not the name's own."""
    pool: Pool = "config"
    """How tokens become a feature; 'config' is the network's own way."""

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> "EncoderSpec":
        """From the values of to_dict; others are passed over, and newer fields may be missing."""
        known: dict[str, Any] = {name: document[name] for name in cls.__dataclass_fields__ if name in document}
        known |= {name: tuple(known[name]) for name in ("mean", "std") if name in known}
        _check_read(known)
        return cls(**known)

    def normalised_by(self, tensors: Mapping[str, Tensor]) -> "EncoderSpec":
        """With the mean and std among tensors, of three values each; itself where they are its own or not there."""
        found = {name: tensors[name].detach().cpu().flatten() for name in ("mean", "std") if name in tensors}
        apart = {n: v for n, v in found.items() if len(v) == 3 and not torch.equal(v, torch.tensor(getattr(self, n)))}
        return replace(self, **{name: tuple(round(v, 7) for v in values.tolist()) for name, values in apart.items()})

    def to_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self) | {"mean": list(self.mean), "std": list(self.std)}


_NAME = re.compile(r"(timm|torchvision)/[A-Za-z0-9_.-]+(:pretrained)?")
_OF_FILES = frozenset({"checkpoint_path", "pretrained", "pretrained_cfg", "pretrained_cfg_overlay", "cache_dir"})
"""Arguments of timm.create_model by which a description could have other files read."""


def _check_read(known: Mapping[str, Any]) -> None:
    """Raises ValueError for a description, which may be a stranger's, that names or holds what no encoder has."""
    name, size = known.get("encoder"), known.get("image_size")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ValueError(
            f"expected an encoder named timm/NAME or torchvision/NAME, of letters, digits, '_', '.' and '-', got "
            f"{str(name)[:80]!r}; restore the description from a copy"
        )
    if type(size) is not int or not 1 <= size <= 8192:
        raise ValueError(f"expected image_size from 1 to 8192, got {str(size)[:80]!r}; restore the description")
    for field_name in ("mean", "std"):
        values = known.get(field_name, (1.0,) * 3)
        numbers = all(type(value) in (int, float) and math.isfinite(value) for value in values)
        if len(values) != 3 or not numbers or (field_name == "std" and min(values) <= 0):
            raise ValueError(f"expected three numbers as {field_name}, got {str(values)[:80]}; restore the description")
    arguments = known.get("arguments", {})
    odd = [key for key in arguments if not str(key).isidentifier() or key in _OF_FILES]
    if not isinstance(arguments, Mapping) or odd:
        raise ValueError(f"expected arguments of a network, got {odd or arguments!r}; restore the description")


class Encoder(nn.Module):
    """Pixels [n, 3, h, w] in [0, 1] -> pooled features [n, dim]; normalisation happens inside."""

    mean: Tensor
    std: Tensor

    def __init__(self, network: nn.Module, spec: EncoderSpec, dim: int):
        super().__init__()
        self.spec, self.dim = spec, dim
        self.loaded: Loaded | None = None
        self.register_buffer("mean", torch.tensor(spec.mean).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(spec.std).view(1, 3, 1, 1))
        self.network = network

    @torch.no_grad()
    def normalise_by(self, mean: tuple[float, float, float], std: tuple[float, float, float]) -> None:
        """Takes over how pixels in [0, 1] are normalised, by channel."""
        for buffer, values in ((self.mean, mean), (self.std, std)):
            buffer.copy_(torch.tensor(values).view(1, 3, 1, 1))
        self.spec = replace(self.spec, mean=mean, std=std)

    def described(self) -> EncoderSpec:
        """Its spec, with the mean and std that it computes by: a checkpoint brings its own."""
        return self.spec.normalised_by({"mean": self.mean, "std": self.std})

    def forward(self, images: Tensor) -> Tensor:
        if not isinstance(images, Tensor):
            kind = type(images).__name__
            remedy = "encoder(images.floats()), or holdfast.embed(encoder, images)" if kind == "Images" else "a tensor"
            raise ValueError(f"expected a tensor of pixels [n, 3, h, w] in [0, 1], got {kind}; pass {remedy}")
        if not images.is_floating_point():
            raise ValueError(
                f"expected pixels as floats in [0, 1], got {images.dtype}; divide bytes by 255: encoder(pixels / 255)"
            )
        normalised = (images - self.mean) / self.std
        if self.spec.pool == "config":
            return self.network(normalised)
        return pooled_tokens(self.network, normalised, self.spec.pool)


def small_stem(network: ResNet, *, padding: int = 1) -> ResNet:
    """A ResNet (in place) whose first convolution is 3×3 with stride 1 and that does not max-pool."""
    first = network.conv1[0] if isinstance(network.conv1, nn.Sequential) else network.conv1
    assert isinstance(first, nn.Conv2d)
    small = nn.Conv2d(first.in_channels, first.out_channels, 3, stride=1, padding=padding, bias=first.bias is not None)
    nn.init.kaiming_normal_(small.weight, mode="fan_out", nonlinearity="relu")
    if isinstance(network.conv1, nn.Sequential):
        network.conv1[0] = small
    else:
        network.conv1 = small
    network.maxpool = nn.Identity()
    return network


def timm_name(source: str) -> str:
    """NAME of 'timm/NAME'. Raises ValueError for a name that timm does not know, with those near it."""
    kind, _, name = source.partition("/")
    if kind != "timm" or not name:
        file = "; weights of a file go to --init" if "." in name or "." in kind else ""
        raise ValueError(f"expected an encoder named timm/NAME, got {source!r}; for example timm/resnet18{file}")
    if not timm.is_model(name):
        near = ", ".join(f"timm/{one}" for one in difflib.get_close_matches(name, timm.list_models(), n=3))
        raise ValueError(f"expected a network that timm knows, got {source!r}; near it: {near or 'none'}")
    return name


def _stemmed(name: str, size: int, stem: Stem) -> nn.Module:
    if stem == "standard":
        return _standard_network(name, size)
    return _small_network(name, size, padding=2 if stem == "small, padding 2" else 1)


def _small_network(name: str, size: int, *, padding: int = 1) -> nn.Module:
    network = timm.create_model(name, num_classes=0)
    if isinstance(network, ResNet):
        return small_stem(_full_residuals(network), padding=padding)
    patch = max(2, size // 8)
    try:
        network = timm.create_model(name, num_classes=0, img_size=size, patch_size=patch)
        with torch.no_grad():
            network.eval()(torch.zeros(1, 3, size, size))
    except (TypeError, RuntimeError, AssertionError, ValueError) as error:
        raise ValueError(
            "expected a network with a small stem (a ResNet, or a ViT that takes img_size and patch_size), "
            f"got {name!r}; choose another, or take it as it is with --stem standard"
        ) from error
    return network.train()


def _full_residuals(network: ResNet) -> ResNet:
    """As SDCLR's repository, starts residual branches at full strength: timm zeroes the last norm of a block."""
    for norm in network.modules():
        if isinstance(norm, nn.BatchNorm2d) and not norm.weight.any():
            nn.init.ones_(norm.weight)
    return network


def _standard_network(name: str, size: int) -> nn.Module:
    network = timm.create_model(name, num_classes=0)
    if isinstance(network, ResNet):
        return _full_residuals(network)
    expected = getattr(getattr(network, "patch_embed", None), "img_size", None)
    if expected is not None and tuple(expected) != (size, size):
        return timm.create_model(name, num_classes=0, img_size=size)
    return network


def build_network(spec: EncoderSpec) -> nn.Module:
    """The network that a spec describes, without a classifier, its weights drawn by seed 0."""
    kind, _, name = spec.encoder.partition("@")[0].partition(":")[0].partition("/")
    with seeded_library(0, "initial weights"):
        if kind == "torchvision":
            network = headless(name)
        elif spec.arguments:
            network = _with_arguments(timm_name(f"timm/{name}"), spec.arguments)
        else:
            network = _stemmed(timm_name(f"timm/{name}"), spec.image_size, spec.stem)
    set_eps(network, spec.norm_eps)
    return network


def _with_arguments(name: str, arguments: Mapping[str, Any]) -> nn.Module:
    """timm's network of a name. Raises ValueError for arguments, which a file may name, that it does not take."""
    try:
        return timm.create_model(name, **{**arguments, "num_classes": 0})
    except (TypeError, AssertionError) as error:
        raise ValueError(
            f"expected arguments that timm/{name} takes, got {dict(arguments)} ({error}); correct the description"
        ) from error


def set_eps(network: nn.Module, norm_eps: Mapping[str, float]) -> None:
    """Gives layer norms their epsilon, by the beginnings of their names; the longest that fits counts."""
    for name, module in network.named_modules():
        starts = [start for start in norm_eps if name.startswith(start)]
        if isinstance(module, nn.LayerNorm) and starts:
            module.eps = norm_eps[max(starts, key=len)]


def headless(name: str, *, weights: str | None = None) -> nn.Module:
    """torchvision's classifier without its last linear layer. Raises ValueError for a name that is none."""
    classifiers = torchvision.models.list_models(module=torchvision.models)
    if name not in classifiers:
        near = ", ".join(f"torchvision/{one}" for one in difflib.get_close_matches(name, classifiers, n=3))
        raise ValueError(f"expected a classifier of torchvision.models, got {name!r}; near it: {near or 'none'}")
    network = torchvision.models.get_model(name, weights=weights)
    linears = [at for at, module in network.named_modules() if isinstance(module, nn.Linear)]
    if not linears:
        raise ValueError(f"expected a network that ends in a linear layer, got {name!r}; pass it as your own module")
    network.set_submodule(linears[-1], nn.Identity())
    return network


def resolve_stem(stem: Stem | Literal["auto"], image_size: int) -> Stem:
    """What 'auto' means for images of a size: 'small' up to 64 pixels."""
    if stem == "auto":
        return "small" if image_size <= SMALL_IMAGE else "standard"
    return stem


def create_encoder(source: str, *, image_size: int, stem: Stem | Literal["auto"] = "auto", seed: int = 0) -> Encoder:
    """A freshly initialised encoder for images of image_size pixels.

    source: 'timm/NAME'. stem: 'small' for a 3×3 stride-1 stem without pooling (ResNets) or patches of an eighth of the
    image (ViTs); 'auto' takes it up to 64 pixels. Initial weights are drawn by seed: convolutions Kaiming, fan-out.
    Raises ValueError for an unknown name and for a network that has no small stem.
    """
    name, stem = timm_name(source), resolve_stem(stem, image_size)
    with seeded_library(seed, "initial weights"):
        network = _stemmed(name, image_size, stem)
    return Encoder(
        network, EncoderSpec(encoder=source, stem=stem, image_size=image_size), feature_width(network, image_size)
    )


def feature_width(network: nn.Module, image_size: int) -> int:
    """Width of the pooled features: a network may end in a wider layer than its `num_features` says."""
    training = network.training
    with torch.no_grad():
        features = network.eval()(torch.zeros(1, 3, image_size, image_size))
    network.train(training)
    if features.ndim != 2:
        raise ValueError(f"expected pooled features [n, dim], got {list(features.shape)}; choose a network that pools")
    return features.shape[1]


def require_size(encoder: Encoder, size: int, *, remedy: str = "leave --view-size out, or take a ResNet") -> None:
    """Raises ValueError for an encoder that does not take images of size by size pixels, as ViTs of one size do not."""
    training = encoder.training
    try:
        with torch.no_grad():
            encoder.eval()(torch.zeros(1, 3, size, size, device=encoder.mean.device))
    except (AssertionError, RuntimeError, ValueError) as error:
        raise ValueError(
            f"expected an encoder that takes views of {size} pixels beside images of {encoder.spec.image_size}, got "
            f"{encoder.spec.encoder}; {remedy}"
        ) from error
    finally:
        encoder.train(training)
