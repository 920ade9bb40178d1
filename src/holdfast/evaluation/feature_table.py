"""Features that were computed elsewhere, audited as they are: a table that stands for encoder and images."""

import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from safetensors.numpy import load_file
from torch import Tensor, nn

from holdfast.data import Images
from holdfast.system import reading

SUFFIXES = (".parquet", ".npz", ".safetensors")
_NAMES = ("features", "id", "label", "class", "path")
_VIEWS, _CHANGE = "views", "view_"
MOST_ROWS = 2**24
"""Rows that three bytes of a pixel can number."""


@dataclass(frozen=True, eq=False)
class Table:
    """The rows of a file of features."""

    features: Tensor
    """[n, dim] float32."""
    ids: Tensor
    labels: Tensor | None = None
    classes: tuple[str, ...] | None = None
    paths: tuple[str, ...] | None = None
    views: Tensor | None = None
    """[n, v, dim] float32 of v >= 2 random views of each image, drawn alike; column 'views'."""
    changes: Mapping[str, Tensor] = field(default_factory=dict)
    """By name: [n, dim] float32 of the images changed in one way; columns 'view_NAME'."""


class FeatureTable(nn.Module):
    """Coded pixels [n, 3, 1, 1] -> the rows [n, dim] of a table that they number."""

    features: Tensor

    def __init__(self, features: Tensor, tested: Table | None = None, first_row: int = 0):
        super().__init__()
        self.register_buffer("features", features.float())
        self.dim = features.shape[1]
        self.tested, self.first_row = tested, first_row
        """The table that test images are of, whose views are compared, and the number of its first row."""

    def forward(self, images: Tensor) -> Tensor:
        return self.features[_rows(images)]

    @property
    def views(self) -> Tensor | None:
        """Random views of each test image [n, v, dim]; None where there are none."""
        return None if self.tested is None else self.tested.views

    @property
    def changes(self) -> Mapping[str, Tensor]:
        """By name, of each test image [n, dim]."""
        return {} if self.tested is None else self.tested.changes

    def rows(self, pixels: Tensor) -> Tensor:
        """Rows int64 [n] of the table of test images that pixels uint8 [n, 3, 1, 1] number."""
        return _rows(pixels.cpu().float() / 255) - self.first_row


def _rows(images: Tensor) -> Tensor:
    digits = (images[:, :, 0, 0] * 255).round().long()
    return digits[:, 0] + 256 * digits[:, 1] + 65536 * digits[:, 2]


def coded_pixels(start: int, stop: int) -> Tensor:
    """uint8 [n, 3, 1, 1] that number the rows from start to stop. Raises ValueError beyond MOST_ROWS."""
    if stop > MOST_ROWS:
        raise ValueError(f"expected at most {MOST_ROWS:,} rows of features, got {stop:,}; audit a part of them")
    rows = torch.arange(start, stop)
    return torch.stack([rows % 256, rows // 256 % 256, rows // 65536], 1).to(torch.uint8)[:, :, None, None]


def is_features(path: Path) -> bool:
    """Whether a file holds features: a column or an array of that name."""
    if not path.is_file() or path.suffix not in SUFFIXES:
        return False
    try:
        if path.suffix == ".parquet":
            return "features" in pq.read_schema(path).names
        if path.suffix == ".npz":
            with np.load(path, allow_pickle=False) as arrays:
                return "features" in arrays.files
        with path.open("rb") as file:
            length = min(int.from_bytes(file.read(8), "little"), path.stat().st_size)
            return "features" in json.loads(file.read(length))
    except (OSError, ValueError, RecursionError, TypeError, zipfile.BadZipFile, pa.ArrowException):
        return False


def read_table(path: Path) -> Table:
    """The features of a file, with its columns id, label, class and path where it has them.

    Raises ValueError for features that are no [n, dim] finite numbers and for columns of another length.
    """
    with reading(path, "features of images", "write it again: holdfast embed"):
        columns = _columns(path)
    features = np.asarray(columns["features"])
    if features.ndim != 2 or not _is_finite(features):
        raise ValueError(
            f"expected finite features [n, dim] in {path}, got {features.dtype} {list(features.shape)}; "
            "write a row of numbers for each image"
        )
    short = [name for name, column in columns.items() if len(column) != len(features)]
    if short:
        raise ValueError(
            f"expected {len(features):,} values in each column of {path}, got others in {', '.join(short)}"
        )
    ids = torch.as_tensor(np.asarray(columns.get("id", np.arange(len(features)))).astype(np.int64))
    if len(ids.unique()) < len(ids):
        raise ValueError(f"expected an id of its own for each row of {path}, got repeats; leave the column out")
    labels, classes = _labels(columns)
    paths = tuple(map(str, columns["path"])) if "path" in columns else None
    table = Table(torch.from_numpy(features.astype(np.float32)), ids, labels, classes, paths)
    return _with_views(table, {name: np.asarray(column) for name, column in columns.items() if _is_view(name)}, path)


def _is_finite(values: np.ndarray) -> bool:
    """Whether they are real numbers that float32, in which features are measured, holds as finite ones."""
    if not (np.issubdtype(values.dtype, np.floating) or np.issubdtype(values.dtype, np.integer)):
        return False
    with np.errstate(over="ignore"):
        return bool(np.isfinite(values.astype(np.float32)).all())


def _is_view(name: str) -> bool:
    return name == _VIEWS or (name.startswith(_CHANGE) and len(name) > len(_CHANGE))


def _with_views(table: Table, found: Mapping[str, np.ndarray], path: Path) -> Table:
    """The table with its views. Raises ValueError for shapes that are not those of the features."""
    count, dim = table.features.shape
    for name, values in found.items():
        right = values.shape == (count, dim) if name != _VIEWS else _several(values, count, dim)
        if not right or not _is_finite(values):
            wanted = f"[{count}, {dim}]" if name != _VIEWS else f"[{count}, 2 or more, {dim}]"
            raise ValueError(
                f"expected finite features {wanted} in {name} of {path}, got {values.dtype} {list(values.shape)}; "
                "write the features of a view of each image"
            )
    tensors = {name: torch.from_numpy(values.astype(np.float32)) for name, values in found.items()}
    views = tensors.pop(_VIEWS, None)
    return replace(table, views=views, changes={name.removeprefix(_CHANGE): some for name, some in tensors.items()})


def _several(values: np.ndarray, count: int, dim: int) -> bool:
    return values.ndim == 3 and values.shape[::2] == (count, dim) and values.shape[1] > 1


def _columns(path: Path) -> dict[str, Any]:
    if path.suffix == ".parquet":
        table = pq.read_table(path)
        named = [name for name in ("id", "label", "class", "path") if name in table.column_names]
        vectors = [name for name in table.column_names if name == "features" or _is_view(name)]
        return {name: _vectors(table[name]) for name in vectors} | {name: table[name].to_pylist() for name in named}
    if path.suffix == ".npz":
        with np.load(path, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays.files if name in _NAMES or _is_view(name)}
    return {name: array for name, array in load_file(path).items() if name in _NAMES or _is_view(name)}


def _vectors(column: pa.ChunkedArray) -> np.ndarray:
    """A column of lists [n, dim], or of lists of lists [n, v, dim], as an array."""
    values, sides = column.combine_chunks(), []
    while pa.types.is_list(values.type) or pa.types.is_fixed_size_list(values.type) or _large(values.type):
        inside = values.flatten()
        sides.append(len(inside) // max(1, len(values)))
        values = inside
    return np.asarray(values).reshape(len(column), *sides) if len(column) else np.empty((0, 0))


def _large(kind: pa.DataType) -> bool:
    return pa.types.is_large_list(kind)


def _labels(columns: dict[str, Any]) -> tuple[Tensor | None, tuple[str, ...] | None]:
    """Labels from 0, and names of the classes: of column class, else the values of column label."""
    column = columns.get("class", columns.get("label"))
    if column is None or any(value is None for value in list(column)):
        return None, None
    names, numbers = np.unique(np.asarray(column), return_inverse=True)
    return torch.from_numpy(numbers.astype(np.int64)), tuple(map(str, names.tolist()))


def as_images(table: Table, source: str, *, first_row: int = 0, classes: tuple[str, ...] | None = None) -> Images:
    """Images that stand for the rows of a table; classes: the names that labels are to be numbered by."""
    labels = table.labels
    if classes is not None and labels is not None and table.classes is not None:
        places = {name: place for place, name in enumerate(classes)}
        unknown = sorted(set(table.classes) - set(places))
        if unknown:
            raise ValueError(
                f"expected classes of {', '.join(classes[:5])}..., got {', '.join(unknown[:5])} in {source}"
            )
        labels = torch.tensor([places[table.classes[label]] for label in labels.tolist()])
    return Images(
        pixels=coded_pixels(first_row, first_row + len(table.features)),
        ids=table.ids,
        labels=labels,
        classes=classes or table.classes,
        source=source,
        paths=table.paths,
    )
