"""Parquet files in the Hugging Face image layout: a struct of `bytes` and `path` for each image, and a label column."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import cast

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from torch import Tensor

from holdfast.data.files import LoadRequest, ParquetRows, Row, decode_rows
from holdfast.data.images import Images
from holdfast.data.sources.labels import class_numbers
from holdfast.data.sources.source import Column, Items, Labels, Piece, Source

IMAGE_COLUMNS = ("image", "img")
LABEL_COLUMNS = ("label", "labels", "fine_label")
_PIECE = 32  # rows that a thread looks at at once


@dataclass(frozen=True)
class _Columns:
    image: str
    leaf: str
    """What to read of it: 'image.bytes' of a struct, or the column itself where it is binary."""
    label: str | None
    names: tuple[str, ...] | None
    path: str | None
    """The images' file names: 'image.path' of a struct that has them."""


class ParquetFiles(Source):
    """'FILE.parquet', a folder that holds such files, or a pattern: shards, in the order of their names."""

    written = "a .parquet file, a folder or pattern of .parquet shards"

    @staticmethod
    def matches(name: str) -> bool:
        path = Path(name)
        return holds_shards(path) or (not path.is_dir() and (path.suffix == ".parquet" or "*" in path.name))

    @cached_property
    def files(self) -> list[Path]:
        """Its files, in order. Raises FileNotFoundError where there are none."""
        path = Path(self.name)
        if path.is_dir():
            return _shards(path, "*.parquet")
        return _shards(path.parent, path.name) if "*" in path.name else [path]

    def load(self, request: LoadRequest) -> Images:
        """The images of one file, or of shards in the order given; ids count through all shards.

        Raises ValueError for a file that is no parquet, has no image column or no rows, or a row that cannot be
        decoded.
        """
        paths, columns = self.files, self._columns(request)
        rows = [_open(path).metadata.num_rows for path in paths]
        places = request.places(sum(rows), self.name)
        labels, classes = _read_labels(paths, columns, self.name)
        if request.is_streamed(len(places)):
            encoded = ParquetRows.of(paths, columns.leaf, request, self.name, most_bytes=request.budget // 4)
            pixels = cast(Tensor, request.stream(encoded, places))
        else:
            blocks = _blocks(paths, columns, places.numpy())
            pixels = decode_rows(blocks, images=len(places), request=request, source=self.name)
        labels = labels if labels is None else labels[places]
        return Images(pixels, places, labels, classes, self.name, paths=_read_paths(paths, columns, places.numpy()))

    def labels(self, request: LoadRequest) -> Labels:
        return _read_labels(self.files, self._columns(request), self.name)

    def column(self, name: str) -> Column:
        """A column of integers, booleans or strings, of all rows through all shards, and its class names."""
        parts = [_column(path, name) for path in self.files]
        names = _class_names(_open(self.files[0]).schema_arrow, name)
        return pa.concat_arrays([chunk for part in parts for chunk in part.chunks]), names

    def survey(self, request: LoadRequest) -> Items:
        columns = self._columns(request)

        def pieces(places: np.ndarray) -> Iterator[Piece]:
            position = 0
            for block in _blocks(self.files, columns, places):
                for start in range(0, len(block), _PIECE):
                    yield position + start, list(block[start : start + _PIECE])
                position += len(block)

        return Items(sum(_open(path).metadata.num_rows for path in self.files), pieces, lambda place: f"row {place}")

    def _columns(self, request: LoadRequest) -> _Columns:
        return _find_columns(_open(self.files[0]).schema_arrow, request, self.name)


def holds_shards(folder: Path) -> bool:
    """Whether a path is a folder with parquet files in it."""
    return folder.is_dir() and any(path.suffix == ".parquet" and path.is_file() for path in folder.iterdir())


def _shards(folder: Path, pattern: str) -> list[Path]:
    found = sorted(path for path in folder.glob(pattern) if path.suffix == ".parquet" and path.is_file())
    if not found:
        raise FileNotFoundError(f"expected .parquet files named {pattern} in {folder}, got none; check the path")
    return found


def _column(path: Path, name: str) -> pa.ChunkedArray:
    schema = _open(path).schema_arrow
    if name not in schema.names or not _can_be_labels(schema.field(name).type):
        raise ValueError(
            f"expected a column {name!r} of integers or strings in {path}, got columns {', '.join(schema.names)}; "
            "name one of them"
        )
    column = pq.read_table(path, columns=[name]).column(0)
    return column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column


def _open(path: Path) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(path)
    except pa.ArrowInvalid as error:
        raise ValueError(f"expected a parquet file, got {path}, which is none or is cut short ({error})") from error


def _find_columns(schema: pa.Schema, request: LoadRequest, source: str) -> _Columns:
    image = _image_column(schema, request.image_column, source)
    leaf = f"{image}.bytes" if pa.types.is_struct(schema.field(image).type) else image
    label = _label_column(schema, request.label_column, source)
    names = None if label is None else _class_names(schema, label)
    return _Columns(image, leaf, label, names, _path_column(schema, image))


def _path_column(schema: pa.Schema, image: str) -> str | None:
    kind = schema.field(image).type
    place = kind.get_field_index("path") if pa.types.is_struct(kind) else -1
    text = place >= 0 and (
        pa.types.is_string(kind.field(place).type) or pa.types.is_large_string(kind.field(place).type)
    )
    return f"{image}.path" if text else None


def _holds_images(kind: pa.DataType) -> bool:
    """Whether a column type is a struct with binary `bytes`, or binary itself."""
    if pa.types.is_struct(kind):
        place = kind.get_field_index("bytes")
        return place >= 0 and _holds_images(kind.field(place).type) and not pa.types.is_struct(kind.field(place).type)
    return pa.types.is_binary(kind) or pa.types.is_large_binary(kind)


def _image_column(schema: pa.Schema, asked: str | None, source: str) -> str:
    """The column asked for, else one named as usual, else the only one whose type fits."""
    fitting = [field.name for field in schema if _holds_images(field.type)]
    if asked is None:
        usual = [name for name in IMAGE_COLUMNS if name in fitting]
        choice = usual[:1] or [name for name in fitting if pa.types.is_struct(schema.field(name).type)]
    else:
        choice = [asked] if asked in fitting else []
    if len(choice) == 1:
        return choice[0]
    raise ValueError(
        f"expected a column {asked or 'image'!r} of encoded images (a struct of bytes and path) in {source}, "
        f"got columns {', '.join(schema.names) or 'none at all'}"
        + (f"; name one of {', '.join(fitting)} with image_column" if fitting else "; save the image files into it")
    )


def _label_column(schema: pa.Schema, asked: str | None, source: str) -> str | None:
    """The column asked for, else the first usual name whose type can be a class, else None."""
    names = LABEL_COLUMNS if asked is None else (asked,)
    for name in names:
        if name in schema.names and _can_be_labels(schema.field(name).type):
            return name
    if asked is None:
        return None
    raise ValueError(
        f"expected a label column {asked!r} of integers or strings in {source}, got columns {', '.join(schema.names)}; "
        "name one of them, or none"
    )


def _can_be_labels(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    tests = (pa.types.is_integer, pa.types.is_boolean, pa.types.is_string, pa.types.is_large_string)
    return any(test(kind) for test in tests)


def _class_names(schema: pa.Schema, label: str) -> tuple[str, ...] | None:
    """Names from the metadata that Hugging Face's `datasets` writes, or None where it has none that can be read."""
    try:
        document = json.loads((schema.metadata or {})[b"huggingface"])
        return tuple(str(name) for name in document["info"]["features"][label]["names"])
    except (KeyError, TypeError, ValueError):
        return None


def _read_labels(paths: list[Path], columns: _Columns, source: str) -> tuple[Tensor | None, tuple[str, ...] | None]:
    if columns.label is None:
        return None, None
    parts = []
    for path in paths:
        column = pq.read_table(path, columns=[columns.label]).column(0)
        plain = column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column
        parts.append(plain.to_numpy() if plain.null_count == 0 else np.array(plain.to_pylist(), dtype=object))
    return class_numbers(np.concatenate(parts), columns.names, source)


def _read_paths(files: list[Path], columns: _Columns, places: np.ndarray) -> tuple[str, ...] | None:
    """File names of the asked rows, or None where the source names none."""
    if columns.path is None:
        return None
    tables = [_open(file).read(columns=[columns.path]).flatten() for file in files]
    names = tuple(name or "" for name in pa.concat_tables(tables).column(0).take(pa.array(places)).to_pylist())
    return names if any(names) else None


def _blocks(paths: list[Path], columns: _Columns, places: np.ndarray) -> Iterator[list[Row]]:
    """The asked rows in order, in blocks; row groups without an asked row are not read."""
    start = 0
    for path in paths:
        file = _open(path)
        for group in range(file.num_row_groups):
            stop = start + file.metadata.row_group(group).num_rows
            if np.searchsorted(places, stop) > np.searchsorted(places, start):
                yield from _group_blocks(file, group, start, columns, places)
            start = stop


def _group_blocks(
    file: pq.ParquetFile, group: int, start: int, columns: _Columns, places: np.ndarray
) -> Iterator[list[Row]]:
    for batch in file.iter_batches(batch_size=512, row_groups=[group], columns=[columns.leaf]):
        here = places[np.searchsorted(places, start) : np.searchsorted(places, start + len(batch))]
        column = batch.column(0)
        if isinstance(column, pa.StructArray):
            column = column.flatten()[0]
        encoded = column.take(pa.array(here - start)).to_pylist()
        if len(here):
            yield list(zip(here.tolist(), encoded, strict=True))
        start += len(batch)
