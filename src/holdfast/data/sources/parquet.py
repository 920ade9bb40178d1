"""Parquet files in the Hugging Face image layout: a struct of `bytes` and `path` for each image, and a label column."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from torch import Tensor

from holdfast.data.files import LoadRequest, ParquetRows, Row, decode_rows
from holdfast.data.images import Images
from holdfast.data.sources.labels import class_numbers

IMAGE_COLUMNS = ("image", "img")
LABEL_COLUMNS = ("label", "labels", "fine_label")


@dataclass(frozen=True)
class _Columns:
    image: str
    leaf: str
    """What to read of it: 'image.bytes' of a struct, or the column itself where it is binary."""
    label: str | None
    names: tuple[str, ...] | None
    path: str | None
    """The images' file names: 'image.path' of a struct that has them."""


def read_parquet(paths: list[Path], request: LoadRequest, source: str) -> Images:
    """The images of one file, or of shards in the order given; ids count through all shards.

    Raises ValueError for a file that is no parquet, has no image column or no rows, or a row that cannot be decoded.
    """
    columns = _find_columns(_open(paths[0]).schema_arrow, request, source)
    rows = [_open(path).metadata.num_rows for path in paths]
    places = request.places(sum(rows), source)
    labels, classes = _read_labels(paths, columns, source)
    if request.is_streamed(len(places)):
        rows = ParquetRows.of(paths, columns.leaf, request, source, most_bytes=request.budget // 4)
        pixels = cast(Tensor, request.stream(rows, places))
    else:
        pixels = decode_rows(
            _blocks(paths, columns, places.numpy()), images=len(places), request=request, source=source
        )
    labels = labels if labels is None else labels[places]
    return Images(pixels, places, labels, classes, source, paths=_read_paths(paths, columns, places.numpy()))


def read_parquet_column(paths: list[Path], name: str) -> tuple[pa.Array, tuple[str, ...] | None]:
    """A column of integers, booleans or strings, of all rows through all shards, and its class names.

    Raises ValueError where there is no such column.
    """
    parts = []
    for path in paths:
        schema = _open(path).schema_arrow
        if name not in schema.names or not _can_be_labels(schema.field(name).type):
            raise ValueError(
                f"expected a column {name!r} of integers or strings in {path}, got columns {', '.join(schema.names)}; "
                "name one of them"
            )
        column = pq.read_table(path, columns=[name]).column(0)
        parts.append(column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column)
    names = _class_names(_open(paths[0]).schema_arrow, name)
    return pa.concat_arrays([chunk for part in parts for chunk in part.chunks]), names


def count_rows(paths: list[Path]) -> int:
    """Rows in all shards together."""
    return sum(_open(path).metadata.num_rows for path in paths)


def encoded_blocks(paths: list[Path], request: LoadRequest, source: str, places: np.ndarray) -> Iterator[list[Row]]:
    """The encoded images at some places [m], ascending, in blocks."""
    return _blocks(paths, _find_columns(_open(paths[0]).schema_arrow, request, source), places)


def parquet_labels(
    paths: list[Path], request: LoadRequest, source: str
) -> tuple[Tensor | None, tuple[str, ...] | None]:
    """The labels [n] of all rows and their class names, where the usual column has them."""
    return _read_labels(paths, _find_columns(_open(paths[0]).schema_arrow, request, source), source)


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
