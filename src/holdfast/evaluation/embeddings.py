"""Features as a file: with each image's id, path and label, and the checksums of what they were computed from."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from safetensors.numpy import save_file
from torch import Tensor

from holdfast.data import Images
from holdfast.runs import atomic_path

SUFFIXES = (".parquet", ".npz", ".safetensors")
_ROWS = 10_000
"""Rows of a row group: what a reader of one image has to read."""


def write_embeddings(path: Path, images: Images, features: Tensor, facts: Mapping[str, Any]) -> Path:
    """Writes features [n, dim] float32 beside id, path, label and class of each image, and returns path.

    The suffix decides: .parquet has a column of lists (facts as JSON under 'holdfast' in the schema's metadata); .npz
    and .safetensors have an array each (facts as JSON text, or as metadata; .safetensors without paths and classes).
    Columns that the images do not have are left out. Raises ValueError for another suffix.
    """
    if path.suffix not in SUFFIXES:
        raise ValueError(f"expected a file ending in {', '.join(SUFFIXES)}, got {path.name!r}; choose one of them")
    arrays: dict[str, np.ndarray] = {"id": images.ids.cpu().numpy()}
    if images.labels is not None:
        arrays["label"] = images.labels.cpu().numpy()
    values = features.float().cpu().numpy()
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path) as temporary:
        if path.suffix == ".parquet":
            _write_parquet(temporary, arrays | _texts(images), values, facts)
        elif path.suffix == ".npz":
            texts = {name: np.array(list(column)) for name, column in _texts(images).items()}
            with temporary.open("wb") as file:  # numpy would add a suffix to a name
                np.savez(file, **arrays, **texts, features=values, facts=np.array(json.dumps(facts)))  # type: ignore[arg-type]
        else:
            save_file({**arrays, "features": values}, temporary, {"holdfast": json.dumps(facts)})
    return path


def _texts(images: Images) -> dict[str, Sequence[str]]:
    """Paths and class names; names that are no UTF-8 are shown with replacement characters."""
    found: dict[str, Sequence[str]] = {}
    if images.paths is not None:
        found["path"] = [str(path).encode("utf-8", "replace").decode() for path in images.paths]
    if images.classes is not None and images.labels is not None:
        found["class"] = [images.classes[label] for label in images.labels.tolist()]
    return found


def _write_parquet(path: Path, columns: Mapping[str, Any], values: np.ndarray, facts: Mapping[str, Any]) -> None:
    flat = pa.array(np.ascontiguousarray(values).reshape(-1))
    table = pa.table(
        {name: pa.array(column) for name, column in columns.items()}
        | {"features": pa.FixedSizeListArray.from_arrays(flat, values.shape[1])}
    )
    pq.write_table(table.replace_schema_metadata({"holdfast": json.dumps(facts)}), path, row_group_size=_ROWS)
