"""First weights from elsewhere: what fits by name and shape is taken over, and everything that does not is named."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from holdfast.models.encoders import Encoder
from holdfast.models.load import checksum, load_encoder
from holdfast.models.statedict import read_tensors
from holdfast.runs import RunFolder

FILES = (".safetensors", ".pt", ".pth", ".bin")
_COUNTER = "num_batches_tracked"


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

    def to_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in vars(self).items()}


def load_initial(encoder: Encoder, source: str) -> Initial:
    """Puts a source's weights into a fresh encoder, in place, wherever name and shape are the same.

    source: a run folder, 'timm/NAME:pretrained' or 'torchvision/NAME:pretrained' (the user's cache), or a state-dict
    file (.safetensors, or torch's, opened with weights_only), whose names may share a prefix. Of the first three the
    pixels' mean and std come along. Raises FileNotFoundError, or ValueError where nothing fits.
    """
    tensors, found = _tensors(source)
    own = {name: value for name, value in encoder.network.state_dict().items() if not name.endswith(_COUNTER)}
    inside = _without_prefix(tensors, own)
    matched = [name for name, value in own.items() if name in inside and inside[name].shape == value.shape]
    if not matched:
        raise ValueError(
            f"expected weights of {encoder.spec.encoder} ({encoder.spec.stem} stem) in {source}, got none that fit "
            f"(it holds {', '.join(list(tensors)[:3]) or 'nothing'}); name the network with --encoder"
        )
    with torch.no_grad():
        for name in matched:
            own[name].copy_(inside[name])
        if found is not None:
            encoder.mean.copy_(found.mean)
            encoder.std.copy_(found.std)
            encoder.spec = replace(encoder.spec, mean=found.spec.mean, std=found.spec.std)
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
    )


def _tensors(source: str) -> tuple[Mapping[str, Tensor], Encoder | None]:
    """A source's tensors by name, and the encoder they are in where the source says which."""
    path = Path(source)
    if source.startswith(("timm/", "torchvision/")):
        found = _pretrained(source)
    elif path.is_dir():
        found = load_encoder(RunFolder.open(path).path)
    elif path.suffix in FILES:
        return read_tensors(path), None
    else:
        raise ValueError(
            "expected --init with a run folder, timm/NAME:pretrained, torchvision/NAME:pretrained or a state-dict file "
            f"({', '.join(FILES)}), got {source!r}; check the path"
        )
    assert isinstance(found, Encoder)
    return found.network.state_dict(), found


def _pretrained(source: str) -> Any:
    if not source.endswith(":pretrained"):
        raise ValueError(f"expected trained weights, got {source!r}, which are random; write {source}:pretrained")
    try:
        return load_encoder(source)
    except ValueError:
        raise
    except Exception as error:  # what a download raises depends on who downloads; the cache is what the user can fill
        raise ValueError(
            f"expected the weights of {source} in your cache, or a network to fetch them from, got "
            f"{type(error).__name__} ({error}); download them where there is a network, or give a state-dict file"
        ) from error


def _without_prefix(tensors: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors under the prefix ('module.backbone.') that makes most of them fit, without it."""
    fitting: Counter[str] = Counter()
    for name, tensor in tensors.items():
        parts = name.split(".")
        for depth in range(len(parts)):
            short = ".".join(parts[depth:])
            if short in own and own[short].shape == tensor.shape:
                fitting[name.removesuffix(short)] += 1
    if not fitting:
        return dict(tensors)
    prefix = min(fitting, key=lambda prefix: (-fitting[prefix], len(prefix), prefix))
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
