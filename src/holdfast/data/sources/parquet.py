"""Parquet files in the Hugging Face image layout: a struct of `bytes` and `path` for each image, and a label column."""

# pyarrow makes its compute functions as it is imported, where no type checker sees them.
# pyright: reportAttributeAccessIssue=false

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from holdfast.data.files import LoadRequest, ParquetRows, Row, RowNames, decode_rows
from holdfast.data.images import Images
from holdfast.data.labels import class_numbers, joined
from holdfast.data.sources.aside import Decoded, scaled_alike, streamed, without
from holdfast.data.sources.shards import check_alike, check_embedded, holds_shards, opened, shard_files
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
        return holds_shards(path) or (
            not path.is_dir() and path.suffix != ".tar" and (path.suffix == ".parquet" or "*" in path.name)
        )

    @cached_property
    def files(self) -> list[Path]:
        """Its files, in order. Raises FileNotFoundError where there are none, ValueError where they are two splits."""
        return shard_files(Path(self.name))

    def load(self, request: LoadRequest) -> Images:
        """The images of one file, or of shards in the order given; ids count through all shards.

        Rows that cannot be decoded are in .rejected and keep their ids. Raises ValueError for a file that is no
        parquet, has no image column or no rows, and with request.strict at the first row that cannot be decoded.
        """
        paths, columns = self.files, self._columns(request)
        check_embedded(paths, columns.image, columns.leaf, self.name)
        places = request.places(sum(opened(path).metadata.num_rows for path in paths), self.name)
        labels, classes = self.labels(request)

        def decode(request: LoadRequest) -> Decoded:
            if request.is_streamed(len(places)):
                rows = ParquetRows.of(paths, columns.leaf, request, self.name, most_bytes=request.budget // 4)
                return streamed(rows, places, request)
            blocks = _blocks(paths, columns, places.numpy())
            return decode_rows(blocks, images=len(places), request=request, source=self.name)

        pixels, rejected, ranges = scaled_alike(decode, request, len(places), self.name)
        labels, named = labels if labels is None else labels[places], _read_paths(paths, columns, places.numpy())
        return without(Images(pixels, places, labels, classes, self.name, paths=named), rejected, ranges)

    def labels(self, request: LoadRequest) -> Labels:
        """Those of all shards together. Raises ValueError where they are of different kinds."""
        label = self._columns(request).label if request.labels else None
        if label is None:
            return None, None
        return class_numbers(*self._joined(label), self.name)

    def column(self, name: str) -> Column:
        """A column of integers, booleans or strings, of all rows through all shards, and its class names."""
        for path in self.files:
            schema = opened(path).schema_arrow
            if name not in schema.names or not _can_be_labels(schema.field(name).type):
                raise ValueError(
                    f"expected a column {name!r} of integers or strings in {path}, got columns "
                    f"{', '.join(schema.names)}; name one of them"
                )
        return self._joined(name)

    def _joined(self, name: str) -> Column:
        parts = [(_values(path, name), _class_names(opened(path).schema_arrow, name)) for path in self.files]
        return joined(parts, [str(path) for path in self.files])

    def survey(self, request: LoadRequest) -> Items:
        columns = self._columns(request)

        def pieces(places: np.ndarray) -> Iterator[Piece]:
            position = 0
            for block in _blocks(self.files, columns, places):
                for start in range(0, len(block), _PIECE):
                    yield position + start, list(block[start : start + _PIECE])
                position += len(block)

        return Items(sum(opened(path).metadata.num_rows for path in self.files), pieces, lambda place: f"row {place}")

    def _columns(self, request: LoadRequest) -> _Columns:
        columns = _find_columns(opened(self.files[0]).schema_arrow, request, self.name)
        usual = LABEL_COLUMNS if request.labels and request.label_column is None else ()
        check_alike(self.files, columns.image, [columns.label] if columns.label else usual)
        return columns


def _values(path: Path, name: str) -> pa.Array:
    if name not in opened(path).schema_arrow.names:
        raise ValueError(f"expected a column {name!r} in all shards, got none in {path}; write them alike")
    return pq.read_table(path, columns=[name]).column(0).combine_chunks()


def _find_columns(schema: pa.Schema, request: LoadRequest, source: str) -> _Columns:
    image = _image_column(schema, request.image_column, source)
    leaf = f"{image}.bytes" if pa.types.is_struct(schema.field(image).type) else image
    label = _label_column(schema, request.label_column, source) if request.labels else None
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
        choice = usual or [name for name in fitting if pa.types.is_struct(schema.field(name).type)]
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
    """The column asked for, else the only one of a usual name, whatever its type: what cannot be a class is refused."""
    if asked is None:
        found = [name for name in LABEL_COLUMNS if name in schema.names]
        if len(found) > 1:
            raise ValueError(
                f"expected one column of labels in {source}, got {', '.join(found)}; choose one with --labels "
                f"{found[0]}, or none with --labels none"
            )
        return found[0] if found else None
    if asked in schema.names and _can_be_labels(schema.field(asked).type):
        return asked
    raise ValueError(
        f"expected a label column {asked!r} of integers or strings in {source}, got columns {', '.join(schema.names)}; "
        "name one of them, or none"
    )


def _can_be_labels(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    tests = (
        pa.types.is_integer,
        pa.types.is_floating,
        pa.types.is_boolean,
        pa.types.is_string,
        pa.types.is_large_string,
        pa.types.is_string_view,
    )
    return any(test(kind) for test in tests)


def _class_names(schema: pa.Schema, label: str) -> tuple[str, ...] | None:
    """Names from the metadata that Hugging Face's `datasets` writes, or None where it has none that can be read."""
    try:
        document = json.loads((schema.metadata or {})[b"huggingface"])
        names = document["info"]["features"][label]["names"]
        names = [names[number] for number in sorted(names, key=int)] if isinstance(names, dict) else names
        return tuple(str(name) for name in names)
    except (KeyError, TypeError, ValueError):
        return None


def _read_paths(files: list[Path], columns: _Columns, places: np.ndarray) -> RowNames | None:
    """File names of the asked rows, or None where the source names none."""
    if columns.path is None:
        return None
    tables = [opened(file).read(columns=[columns.path]).flatten() for file in files]
    found = pa.concat_tables(tables).column(0).cast(pa.large_string()).take(pa.array(places)).combine_chunks()
    names = pc.fill_null(found, "")
    return RowNames(names) if pc.any(pc.not_equal(names, "")).as_py() else None


def _blocks(paths: list[Path], columns: _Columns, places: np.ndarray) -> Iterator[list[Row]]:
    """The asked rows in order, in blocks; row groups without an asked row are not read."""
    start = 0
    for path in paths:
        file = opened(path)
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
