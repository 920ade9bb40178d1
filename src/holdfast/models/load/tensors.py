"""Weights that others wrote, read without running code: tensors by dotted name, and the plain values beside them."""

import argparse
import json
import re
import zipfile
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import torch
from torch import Tensor

SUFFIXES = (".safetensors", ".pt", ".pth", ".bin", ".ckpt", ".tar")
_WRAPPERS = re.compile(r"(?:^|(?<=\.))(?:_orig_mod|module|_fsdp_wrapped_module)\.")
"""What compiled, parallel and sharded modules put around names, anywhere."""


@dataclass(frozen=True, eq=False)
class Content:
    """What a file holds."""

    path: Path
    tensors: Mapping[str, Tensor]
    """By dotted name ('state_dict.backbone.conv1.weight'), without the wrappers' segments."""
    plain: Mapping[str, Any] = field(default_factory=dict)
    """Top-level values that are no tensors: 'arch', 'epoch', 'args' ..."""

    @property
    def names(self) -> list[str]:
        return list(self.tensors)


def read_content(path: Path) -> Content:
    """The content of a file of weights, or of the shards that an index.json names.

    Raises FileNotFoundError where there is none, ValueError for a file that holds code or is damaged.
    """
    if not path.is_file():
        raise FileNotFoundError(f"expected a file of weights, got no file at {path}; check the path")
    _refuse_stand_in(path)
    try:
        found = _read(path)
    except Exception as error:  # unpickling, zip, key and safetensors errors have no common base
        raise ValueError(
            f"expected {path} to hold tensors and plain values only, got {type(error).__name__} on opening it safely"
            f"{_named_code(path)}; {_remedy(path)}{_own_way(path)}"
        ) from error
    plain = {k: v for k, v in found.items() if not isinstance(v, Tensor | Mapping)}
    return Content(path, _unwrapped(dict(_flat(found, ""))), plain)


_STAND_INS = {
    b"version https://git-lfs": "the pointer that Git LFS leaves in its place; fetch it: git lfs pull",
    b"<!doctype": "a web page; download the file itself",
    b"<html": "a web page; download the file itself",
    b"": "an empty file; download it again",
}


def _refuse_stand_in(path: Path) -> None:
    """Raises ValueError for what downloads leave in place of weights."""
    with path.open("rb") as file:
        head = file.read(32)
    for start, what in _STAND_INS.items():
        if head.lower().startswith(start) if start else not head:
            raise ValueError(f"expected weights in {path}, got {what}")


def _remedy(path: Path) -> str:
    """What to do about a file that cannot be opened: a cut one is no other format."""
    with path.open("rb") as file:
        cut = path.suffix == ".safetensors" or (file.read(2) == b"PK" and not zipfile.is_zipfile(path))
    return "it is cut short or damaged: get it again" if cut else _WRITE_SAFELY


_WRITE_SAFELY = "write module.state_dict() with safetensors where it was made"


def read_tensors(path: Path) -> dict[str, Tensor]:
    """The tensors of read_content."""
    return dict(read_content(path).tensors)


def _read(path: Path) -> dict[str, Any]:
    if path.suffix == ".safetensors":
        return dict(safetensors.torch.load_file(path))
    if path.suffix == ".json":
        return _shards(path)
    with torch.serialization.safe_globals(_harmless()):
        found = torch.load(path, map_location="cpu", weights_only=True)
    return found if isinstance(found, dict) else {"": found}


def _shards(index: Path) -> dict[str, Any]:
    parts: dict[str, Any] = {}
    for name in sorted(set(json.loads(index.read_text())["weight_map"].values())):
        if Path(name).name != name:
            raise ValueError(f"{name!r} lies outside the folder")
        parts |= _read(index.with_name(name))
    return parts


def _harmless() -> list[Any]:
    """Plain values that training scripts keep beside weights: their arguments, and numbers of NumPy."""
    scalar = getattr(getattr(np, "_core"), "multiarray").scalar  # noqa: B009  # private to type checkers
    kinds = [type(np.dtype(kind)) for kind in ("float32", "float64", "int32", "int64", "bool")]
    names = [(scalar, f"numpy.{core}.multiarray.scalar") for core in ("core", "_core")]
    return [argparse.Namespace, np.dtype, *kinds, *names]


def _named_code(path: Path) -> str:
    """Which classes or functions a file asks for; '' where it cannot be told."""
    if not zipfile.is_zipfile(path):
        return ""
    with suppress(Exception):  # the file may be damaged in any way, and this is only a hint
        found = torch.serialization.get_unsafe_globals_in_checkpoint(path)
        return f" (it needs {', '.join(sorted(found)[:3])})" if found else ""
    return ""


def _own_way(path: Path) -> str:
    if "lightly_train" in _named_code(path):
        return "; LightlyTrain writes it as exported_models/exported_last.pt, or with lightly_train.export"
    return ""


def _flat(content: Any, name: str) -> Iterable[tuple[str, Tensor]]:
    """Checkpoints keep weights under 'state_dict', 'model', 'teacher' ...: nested names are joined by dots."""
    if isinstance(content, Tensor):
        yield name, content
    elif isinstance(content, Mapping):
        for key, value in content.items():
            yield from _flat(value, f"{name}.{key}" if name else str(key))


def _unwrapped(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Without the segments of wrappers; where two names would become one, both stay as they are."""
    short = {name: _WRAPPERS.sub("", name) for name in tensors}
    if len(set(short.values())) < len(short):
        return tensors
    return {short[name]: tensor for name, tensor in tensors.items()}
