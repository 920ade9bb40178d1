"""Features kept on disk between audits: one safetensors file for an encoder, images and the way they were passed."""

import hashlib
import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from holdfast.distributed import ALONE, Crew
from holdfast.runs import atomic_path


def kept(
    folder: Path | None, facts: Mapping[str, Any], images: int, extract: Callable[[], Tensor], crew: Crew = ALONE
) -> Tensor:
    """Features [images, dim] float32 from a folder where they lie, else extracted and left there; None keeps nothing.

    facts: JSON values that decide the features, such as checksums of encoder and images. A file of other facts, of
    another shape or that is damaged is passed over and written again; a folder that cannot be written is no error. Of a
    crew the first process alone reads and writes.
    """
    if folder is None:
        return extract()
    path, written = features_file(folder, facts)
    found = _read(path, written, images) if crew.first else None
    found = crew.of_first({} if found is None else {"features": found})
    if found:
        return found["features"]
    features = extract()
    if not crew.first:
        return features
    with suppress(OSError, SafetensorError):  # a full or read-only disk costs the next audit time, not this one
        folder.mkdir(parents=True, exist_ok=True)
        tensor = features.detach().cpu().contiguous()
        with atomic_path(path) as temporary:
            save_file({"features": tensor}, temporary, {"facts": written, "sum": _sum(tensor)})
    return features


def is_kept(folder: Path | None, facts: Mapping[str, Any]) -> bool:
    """Whether a file of these facts is there; it may yet prove damaged."""
    return folder is not None and features_file(folder, facts)[0].is_file()


def features_file(folder: Path, facts: Mapping[str, Any]) -> tuple[Path, str]:
    """The file of these facts, and the facts as written in it; versions of what computes features are among them."""
    versions = {name: version(name) for name in ("holdfast", "torch", "timm")}
    written = json.dumps({**facts, "versions": versions}, sort_keys=True, default=str)
    return folder / f"{hashlib.sha256(written.encode()).hexdigest()[:16]}.safetensors", written


def _read(path: Path, facts: str, images: int) -> Tensor | None:
    """The features in a file; None where it is missing, damaged or of other facts."""
    try:
        with safe_open(path, framework="pt") as file:
            about, tensor = file.metadata() or {}, file.get_tensor("features")
    except (OSError, SafetensorError):  # also for no file
        return None
    fits = tensor.ndim == 2 and len(tensor) == images and tensor.dtype == torch.float32
    return tensor if fits and about.get("facts") == facts and about.get("sum") == _sum(tensor) else None


def _sum(tensor: Tensor) -> str:
    return hashlib.sha256(tensor.numpy().data).hexdigest()
