"""Features as a file: with each image's id, path and label, and the checksums of what they were computed from.

Features are computed and kept in parts of some thousand images, beside the file that they become: an interrupted or
killed command goes on with the part it was at, several processes take every so-manieth part, and no more than a part
is in memory.
"""

import hashlib
import json
import shutil
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from safetensors import SafetensorError, safe_open
from safetensors.numpy import load_file, save_file
from torch import Tensor

from holdfast.data import Images
from holdfast.distributed import ALONE, Crew
from holdfast.runs import atomic_path, write_json

SUFFIXES = (".parquet", ".npz", ".safetensors")
ROWS = 10_000
"""Images of a part, and rows of a row group: what a reader of one image has to read."""
_POLL_SECONDS, _PATIENCE = 0.2, 120.0
"""How often, and how long, to look for a file that another machine has written: shared disks show it late."""


def check_suffix(path: Path) -> None:
    """Raises ValueError for a file of another suffix."""
    if path.suffix not in SUFFIXES:
        raise ValueError(f"expected a file ending in {', '.join(SUFFIXES)}, got {path.name!r}; choose one of them")


def stream_embeddings(
    path: Path,
    images: Images,
    encode: Callable[[Images], Tensor],
    facts: Mapping[str, Any],
    *,
    rows: int = ROWS,
    crew: Crew = ALONE,
    said: Callable[[str], None] = lambda text: None,
) -> int:
    """Writes features [n, dim] float32 beside id, path, label and class of each image; returns dim, 0 for other ranks.

    encode: features of some of the images. facts: JSON values that decide them; parts that an interrupted command left
    with the same facts are taken over, others are computed again, and said tells which. The suffix decides: .parquet
    has a column of lists (facts as JSON under 'holdfast' in the schema's metadata); .npz and .safetensors have an array
    each (facts as JSON text, or as metadata; .safetensors without paths and classes). Of a crew each process computes
    every so-manieth part, and the first one writes the file. Raises ValueError for another suffix, and where the
    processes do not see one another's parts or were not given the same images.
    """
    check_suffix(path)
    parts = [range(start, min(start + rows, len(images))) for start in range(0, len(images), rows)]
    folder = path.with_name(f".{path.name}.parts")
    if crew.first:
        _open_parts(folder, {**facts, "rows": rows}, said)
    crew.wait()
    _check_parts(folder, {**facts, "rows": rows})
    files = [folder / f"part-{number:06d}.safetensors" for number in range(len(parts))]
    for number, part in crew.own(list(enumerate(parts))):
        if not _is_whole(files[number], len(part)):
            some = images.subset(torch.arange(part.start, part.stop))
            features = encode(some).float().cpu().contiguous().numpy()
            with atomic_path(files[number]) as temporary:
                save_file({"features": features}, temporary, {"sum": _sum(features)})
    crew.wait()
    if not crew.first:
        return 0
    for file in files:
        _seen(file)
    dim = load_file(files[0])["features"].shape[1]
    with atomic_path(path) as temporary:
        _WRITERS[path.suffix](temporary, images, files, dim, facts)
    shutil.rmtree(folder)
    return dim


def _sum(features: np.ndarray) -> str:
    return hashlib.sha256(features.data).hexdigest()


def _is_whole(file: Path, rows: int) -> bool:
    """Whether a part is there as it was written."""
    try:
        with safe_open(file, framework="numpy") as part:
            features, about = part.get_tensor("features"), part.metadata() or {}
    except (OSError, SafetensorError):  # also for no file
        return False
    return len(features) == rows and about.get("sum") == _sum(features)


def _kept_facts(about: Path) -> Any:
    """What facts.json of a folder of parts holds; None where there is none or it cannot be read."""
    try:
        return json.loads(about.read_text())
    except (OSError, ValueError, RecursionError):
        return None


def _open_parts(folder: Path, facts: Mapping[str, Any], said: Callable[[str], None]) -> None:
    """Makes the folder of parts; one that was left by a command with other facts is emptied."""
    about, wanted = folder / "facts.json", json.loads(json.dumps(facts))
    if _kept_facts(about) == wanted:
        found = len(list(folder.glob("part-*.safetensors")))
        said(f"{found} parts of an interrupted command are taken over from {folder}")
        return
    if folder.is_dir():
        said(f"parts of other features in {folder} are removed")
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    write_json(about, wanted)


def _check_parts(folder: Path, facts: Mapping[str, Any]) -> None:
    """Raises ValueError where the first process made the parts from other facts than this one has."""
    _seen(folder / "facts.json")
    if _kept_facts(folder / "facts.json") != json.loads(json.dumps(facts)):
        raise ValueError(f"expected all processes to read the same images and encoder, got others for {folder}")


def _seen(file: Path) -> None:
    """Returns once a file that another process has written is seen here. Raises ValueError where it never is."""
    until = time.monotonic() + _PATIENCE
    while not file.is_file():
        if time.monotonic() > until:
            raise ValueError(
                f"expected {file}, which another process wrote, got none; choose an --out that all machines see"
            )
        time.sleep(_POLL_SECONDS)


def columns(images: Images, part: slice) -> dict[str, Any]:
    """id, and label, path and class where the images have them; names that are no UTF-8 are shown replaced."""
    found: dict[str, Any] = {"id": images.ids[part].cpu().numpy()}
    if images.labels is not None:
        found["label"] = images.labels[part].cpu().numpy()
    if images.paths is not None:
        found["path"] = [str(path).encode("utf-8", "replace").decode() for path in images.paths[part]]
    if images.classes is not None and images.labels is not None:
        found["class"] = [images.classes[label] for label in images.labels[part].tolist()]
    return found


def _parts(files: Sequence[Path]) -> Iterator[tuple[slice, np.ndarray]]:
    start = 0
    for file in files:
        values = load_file(file)["features"]
        yield slice(start, start + len(values)), values
        start += len(values)


def _write_parquet(path: Path, images: Images, files: Sequence[Path], dim: int, facts: Mapping[str, Any]) -> None:
    writer = None
    for part, values in _parts(files):
        flat = pa.array(np.ascontiguousarray(values).reshape(-1))
        arrays = {name: pa.array(column) for name, column in columns(images, part).items()}
        table = pa.table(arrays | {"features": pa.FixedSizeListArray.from_arrays(flat, dim)})
        table = table.replace_schema_metadata({"holdfast": json.dumps(facts)})
        writer = writer or pq.ParquetWriter(path, table.schema)
        writer.write_table(table)
    if writer is not None:
        writer.close()


def _write_npz(path: Path, images: Images, files: Sequence[Path], dim: int, facts: Mapping[str, Any]) -> None:
    small = {name: np.asarray(column) for name, column in columns(images, slice(None)).items()}
    with zipfile.ZipFile(path, "w", allowZip64=True) as archive:
        for name, column in (small | {"facts": np.array(json.dumps(facts))}).items():
            with archive.open(f"{name}.npy", "w") as file:
                np.lib.format.write_array(file, column, allow_pickle=False)
        with archive.open("features.npy", "w", force_zip64=True) as file:
            header = {"descr": "<f4", "fortran_order": False, "shape": (len(images), dim)}
            np.lib.format.write_array_header_2_0(file, header)  # type: ignore[arg-type]  # a zip's file is one
            for _, values in _parts(files):
                file.write(np.ascontiguousarray(values, "<f4").tobytes())


def _write_safetensors(path: Path, images: Images, files: Sequence[Path], dim: int, facts: Mapping[str, Any]) -> None:
    """The format's own header, then bytes as they come: the library would want all of them at once."""
    kept = {name: value for name, value in columns(images, slice(None)).items() if isinstance(value, np.ndarray)}
    shapes = {"features": ("F32", [len(images), dim], 4 * len(images) * dim)}
    shapes |= {name: ("I64", list(value.shape), 8 * value.size) for name, value in kept.items()}
    header: dict[str, Any] = {"__metadata__": {"holdfast": json.dumps(facts)}}
    end = 0
    for name, (kind, shape, size) in shapes.items():
        header[name] = {"dtype": kind, "shape": shape, "data_offsets": [end, end + size]}
        end += size
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for _, values in _parts(files):
            file.write(np.ascontiguousarray(values, "<f4").tobytes())
        for value in kept.values():
            file.write(np.ascontiguousarray(value, "<i8").tobytes())


_WRITERS: dict[str, Callable[[Path, Images, Sequence[Path], int, Mapping[str, Any]], None]] = {
    ".parquet": _write_parquet,
    ".npz": _write_npz,
    ".safetensors": _write_safetensors,
}
