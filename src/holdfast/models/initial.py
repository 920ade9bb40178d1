"""First weights from elsewhere: what fits by name and shape is taken over, and everything that does not is named."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from holdfast.models.encoders import Encoder
from holdfast.models.identity import checksum
from holdfast.models.load import beginnings, chosen, converted, file_pixels, load_encoder, read_content, split_copy
from holdfast.models.load.tensors import SUFFIXES, Content
from holdfast.models.loaded import numbers
from holdfast.runs import RunFolder
from holdfast.system import near_path

LEAST = 0.9
"""Share of a network's tensors that a source must fill: with fewer, it is another network's."""
_COUNTER = "num_batches_tracked"
_SEVERAL = 0.5
"""Share of a network's names under a beginning that make it one of several networks in a file."""


@dataclass(frozen=True, kw_only=True)
class Initial:
    """Which tensors of an encoder's network came from a source."""

    source: str
    """As the user wrote it."""
    matched: tuple[str, ...]
    """Names in the network that were taken over."""
    missing: tuple[str, ...]
    """Names in the network that the source does not have: they keep their fresh values."""
    other_shape: tuple[str, ...]
    """'NAME [shape there] for [shape here]': the source has them in another shape, and they keep their fresh values."""
    unused: tuple[str, ...]
    """Names in the source that the network does not have, such as a classifier."""
    checksum: str
    """Checksum of the encoder that training starts from."""
    copy: str = ""
    """Which of several networks in a file was taken, and by what rule."""
    pixels: str = ""
    """Mean and std by which training normalises pixels, and what they are from."""

    def to_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in vars(self).items()}


@dataclass(frozen=True, eq=False)
class _Found:
    """A source's tensors by the network's names, and what is known of them."""

    tensors: Mapping[str, Tensor]
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    pixels_from: str
    copy: str = ""


def load_initial(encoder: Encoder, source: str) -> Initial:
    """Puts a source's weights into a fresh encoder, in place, wherever name and shape are the same.

    source: a run folder, 'timm/NAME:pretrained' or 'torchvision/NAME:pretrained' (the user's cache), or a state-dict
    file (.safetensors, or torch's, opened with weights_only), whose names may share a prefix; '#NAME' after it names
    one of several networks. The pixels' mean and std come along: for a file those in preprocess.json beside it, in it,
    of its layout, or of the encoder's name. Raises FileNotFoundError, or ValueError where under 90 % of the network's
    tensors are filled and where no rule says which network of a file.
    """
    own = {name: value for name, value in encoder.network.state_dict().items() if not name.endswith(_COUNTER)}
    found = _tensors(source, own, encoder.spec.encoder)
    inside = found.tensors
    matched = [name for name, value in own.items() if name in inside and inside[name].shape == value.shape]
    if len(matched) < LEAST * len(own):
        raise ValueError(_too_few(encoder, source, len(matched), len(own), list(inside)))
    with torch.no_grad():
        for name in matched:
            own[name].copy_(inside[name])
        encoder.normalise_by(found.mean, found.std)
    return Initial(
        source=source,
        matched=tuple(matched),
        missing=tuple(name for name in own if name not in inside),
        other_shape=tuple(
            f"{name} {list(inside[name].shape)} for {list(value.shape)}"
            for name, value in own.items()
            if name in inside and inside[name].shape != value.shape
        ),
        unused=tuple(name for name in inside if name not in own and not name.endswith(_COUNTER)),
        checksum=checksum(encoder),
        copy=found.copy,
        pixels=f"mean {numbers(found.mean)}, std {numbers(found.std)} ({found.pixels_from})",
    )


def _too_few(encoder: Encoder, source: str, matched: int, needed: int, names: list[str]) -> str:
    fit = "none that fit" if not matched else f"{matched} of {needed} tensors that fit, under {LEAST:.0%}"
    return (
        f"expected weights of {encoder.spec.encoder} ({encoder.spec.stem} stem) in {source}, got {fit} "
        f"(it holds {', '.join(names[:3]) or 'nothing'}); name the network with --encoder, or train from scratch"
    )


def _tensors(source: str, own: Mapping[str, Tensor], name: str) -> _Found:
    """A source's tensors by name, and how pixels are normalised for them; name: of the encoder that they are for."""
    place, wanted = split_copy(source)
    path = Path(place)
    if source.startswith(("timm/", "torchvision/")):
        encoder = _pretrained(source)
    elif path.is_dir():
        encoder = load_encoder(RunFolder.open(path).path)
    elif path.suffix in SUFFIXES:
        return _of_file(read_content(path), own, wanted, name)
    else:
        missing = "" if path.exists() else ", where there is no file or folder"
        raise ValueError(
            "expected --init with a run folder, timm/NAME:pretrained, torchvision/NAME:pretrained or a state-dict file "
            f"({', '.join(SUFFIXES)}), got {source!r}{missing}; {near_path(path) or 'check the path'}"
        )
    assert isinstance(encoder, Encoder)
    return _Found(encoder.network.state_dict(), encoder.spec.mean, encoder.spec.std, "the source's own")


def _pretrained(source: str) -> Any:
    if not source.endswith(":pretrained"):
        raise ValueError(f"expected trained weights, got {source!r}, which are random; write {source}:pretrained")
    return load_encoder(source)


def _of_file(content: Content, own: Mapping[str, Tensor], wanted: str | None, name: str) -> _Found:
    """The tensors of the network in a file, without the beginning of their names or in another family's names."""
    pixels, said = file_pixels(name, content.path, content.tensors)
    shares, copy = beginnings(content.names, own), ""
    starts = [start for start, share in shares.items() if share >= _SEVERAL]
    if starts:
        start, copy = chosen(sorted(starts), content.names, wanted=wanted, where=f"networks in {content.path.name}")
    else:
        reading = converted(content, wanted)
        if reading is not None and reading.state is not None:
            return _Found(reading.state, reading.spec.mean, reading.spec.std, reading.pixels_from, reading.copy)
        start = max(shares, key=lambda start: shares[start], default="")
    inside = {n[len(start) :]: t for n, t in content.tensors.items() if n.startswith(start)}
    return _Found(inside, **pixels, pixels_from=said, copy=copy)
