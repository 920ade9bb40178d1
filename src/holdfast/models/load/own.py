"""What holdfast itself writes: encoder.safetensors with its .json, in a run folder or copied out of one."""

import json
from pathlib import Path
from typing import Any

import safetensors.torch

from holdfast.models.encoders import Encoder, EncoderSpec
from holdfast.models.identity import checksum
from holdfast.models.load.reading import Reading
from holdfast.models.load.tensors import read_tensors
from holdfast.models.loaded import numbers
from holdfast.runs import atomic_path, write_json
from holdfast.system import DamagedError, digest, read_json, reading

SCHEMA_VERSION = 1
_PIXELS = ("mean", "std")


def save_encoder(encoder: Encoder, path: Path, **facts: Any) -> None:
    """Writes path (safetensors) and, beside it, the JSON that load_encoder reads; facts are added to the JSON."""
    state = {name: tensor.detach().cpu().contiguous() for name, tensor in encoder.state_dict().items()}
    document = {
        "schema": SCHEMA_VERSION,
        **encoder.described().to_dict(),
        "dim": encoder.dim,
        "checksum": checksum(encoder),
    }
    with atomic_path(path) as temporary:
        safetensors.torch.save_file(state, temporary)
        # The description first: weights without it could not be read, and would pass for a finished run.
        write_json(path.with_suffix(".json"), {**document, "digest": digest(temporary), **facts})


def is_own(path: Path) -> bool:
    """Whether a file is one that save_encoder wrote: its .json names a network and a stem."""
    beside = path.with_suffix(".json")
    if path.suffix != ".safetensors" or not beside.is_file():
        return False
    try:
        document = json.loads(beside.read_text())
    except ValueError:
        return False
    return isinstance(document, dict) and {"encoder", "stem", "image_size"} <= set(document)


def check_own(path: Path) -> dict[str, Any]:
    """What the .json beside encoder.safetensors holds. Raises ValueError for another schema and for damaged weights."""
    described = path.with_suffix(".json")
    document = read_json(described, "the description of an encoder", "restore it from a copy, or train again")
    if document.get("schema") != SCHEMA_VERSION:
        raise ValueError(
            f"expected encoder schema {SCHEMA_VERSION}, got {document.get('schema')!r} in {described}; "
            "use the holdfast that wrote it"
        )
    written = document.get("digest")  # encoders of before November 2026 have none
    if written is not None and digest(path) != written:
        raise DamagedError(
            f"expected {path} as it was written (digest {written}), got other bytes; restore it from a copy, or write "
            "it again from the run's last checkpoint with: holdfast resume RUN"
        )
    return document


def read_own(path: Path) -> Reading:
    """The reading of encoder.safetensors and its .json. Raises ValueError as check_own does."""
    described, document = path.with_suffix(".json"), check_own(path)
    tensors = read_tensors(path)
    inside = {name.removeprefix("network."): tensor for name, tensor in tensors.items() if name not in _PIXELS}
    told = _spec(document, described)
    spec = told.normalised_by(tensors)
    said = f"mean {numbers(told.mean)}, std {numbers(told.std)}"
    note = f"{described.name} says {said}; it was trained with the weights' own"
    return Reading(
        layout="an encoder of holdfast",
        spec=spec,
        state=inside,
        size_from="what it was trained at",
        pixels_from=f"{described.name} beside the file" if spec == told else "the weights' own",
        pool_from=f"{described.name} beside the file",
        notes=() if spec == told else (note,),
    )


def _spec(document: dict[str, Any], described: Path) -> EncoderSpec:
    with reading(described, "the description of an encoder", "restore it from a copy, or train again"):
        return EncoderSpec.of(document)
