"""Parquet files in the Hugging Face image layout: a struct of `bytes` and `path` for each image, and a label column."""

# pyarrow makes its compute functions as it is imported, where no type checker sees them.
# pyright: reportAttributeAccessIssue=false

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from holdfast.data.files import (
    LoadRequest,
    ParquetRows,
    Rejected,
    Row,
    RowNames,
    Shard,
    decode_rows,
    is_remote,
    reason,
    unread,
)
from holdfast.data.images import Images
from holdfast.data.labels import class_numbers, joined
from holdfast.data.sources.aside import Decoded, held, scaled_alike, streamed, without
from holdfast.data.sources.shards import SUFFIX, check_alike, check_embedded, holds_shards, read_shards
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
    """'FILE.parquet', a folder that holds such files, or a pattern, here or behind a URL: shards, in the order of their
    names."""

    written = "a .parquet file, a folder or pattern of .parquet shards (also s3://, gs://, hf://)"
    in_blocks = True

    @staticmethod
    def matches(name: str) -> bool:
        if is_remote(name):
            return not name.endswith(".tar")
        path = Path(name)
        return holds_shards(path) or (
            not path.is_dir() and path.suffix != ".tar" and (path.suffix == SUFFIX or "*" in path.name)
        )

    @cached_property
    def _found(self) -> tuple[list[Shard], list[Rejected]]:
        return read_shards(self.name, self.left_out)

    @property
    def shards(self) -> list[Shard]:
        """Those that can be read, in order; raises as read_shards."""
        return self._found[0]

    def load(self, request: LoadRequest) -> Images:
        """The images of one file, or of shards in the order given; ids count through all shards that can be read.

        Rows that cannot be decoded are in .rejected and keep their ids; a shard that does not answer, after some tries,
        is there too, and said. Raises ValueError for a file that is no parquet, has no image column or no rows, and
        with request.strict at the first row or shard that cannot be read.
        """
        (shards, skipped), columns = self._found, self._columns(request)
        if request.strict and skipped:
            raise ValueError(
                f"expected shards that can be read, got {skipped[0].path}: {skipped[0].reason}; leave --strict out"
            )
        files = request.checked(tuple((Path(one.name).name, one.rows) for one in shards), self.name)
        check_embedded(shards, columns.image, columns.leaf, self.name)
        places = request.places(sum(shard.rows for shard in shards), self.name)
        labels, classes = self.labels(request)

        def decode(request: LoadRequest) -> Decoded:
            rows = ParquetRows.of(shards, columns.leaf, request, self.name, most_bytes=request.budget // 4)
            if request.is_streamed(len(places)):
                return streamed(rows, places, request)
            blocks = _blocks(shards, columns, places.numpy())
            return decode_rows(blocks, images=len(places), request=request, source=self.name, name=rows.name)

        pixels, rejected, ranges = scaled_alike(decode, request, len(places), self.name)
        rejected = held(rejected, self.unread, places)
        labels, named = labels if labels is None else labels[places], _read_paths(shards, columns, places.numpy())
        images = without(Images(pixels, places, labels, classes, self.name, paths=named), rejected, ranges)
        notes = (f"{one.path} is skipped: {one.reason}" for one in skipped)
        return replace(images, files=files, rejected=(*images.rejected, *skipped)).noted(notes)

    def labels(self, request: LoadRequest) -> Labels:
        """Those of all shards together. Raises ValueError where they are of different kinds."""
        label = self._columns(request).label if request.labels else None
        if label is None:
            return None, None
        return class_numbers(*self._joined(label), self.name)

    def column(self, name: str) -> Column:
        """A column of integers, booleans or strings, of all rows through all shards, and its class names."""
        for shard in self.shards:
            schema = shard.schema
            if name not in schema.names or not _can_be_labels(schema.field(name).type):
                raise ValueError(
                    f"expected a column {name!r} of integers or strings in {shard.name}, got columns "
                    f"{', '.join(schema.names)}; name one of them"
                )
        return self._joined(name)

    def _joined(self, name: str) -> Column:
        parts = [(_values(shard, name), _class_names(shard.schema, name)) for shard in self.shards]
        return joined(parts, [shard.name for shard in self.shards])

    def survey(self, request: LoadRequest) -> Items:
        shards, columns = self.shards, self._columns(request)

        def pieces(places: np.ndarray) -> Iterator[Piece]:
            position = 0
            for block in _blocks(shards, columns, places):
                for start in range(0, len(block), _PIECE):
                    yield position + start, list(block[start : start + _PIECE])
                position += len(block)

        left_out = tuple(f"{one.path}: {one.reason}" for one in self._found[1])
        rows = ParquetRows.of(shards, columns.leaf, request, self.name, most_bytes=0)
        name = rows.inside if len(shards) > 1 else lambda place: f"row {place}"
        return Items(sum(shard.rows for shard in shards), pieces, name, left_out=left_out)

    def _columns(self, request: LoadRequest) -> _Columns:
        columns = _find_columns(self.shards[0].schema, request, self.name)
        usual = LABEL_COLUMNS if request.labels and request.label_column is None else ()
        check_alike(self.shards, columns.image, [columns.label] if columns.label else usual)
        return columns


def _values(shard: Shard, name: str) -> pa.Array:
    if name not in shard.schema.names:
        raise ValueError(f"expected a column {name!r} in all shards, got none in {shard.name}; write them alike")
    return _whole(shard, name)


def _whole(shard: Shard, name: str) -> pa.Array:
    """A column of all rows, of which none can be done without."""
    try:
        return shard.column(name)
    except OSError as error:
        raise OSError(
            f"expected the column {name!r} of {shard.name}, got: {reason(error)}; see that the file is whole and there"
        ) from error


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


def _read_paths(shards: Sequence[Shard], columns: _Columns, places: np.ndarray) -> RowNames | None:
    """File names of the asked rows, or None where the source names none."""
    if columns.path is None:
        return None
    parts = [_whole(shard, columns.path).cast(pa.large_string()) for shard in shards]
    names = pc.fill_null(pa.chunked_array(parts).take(pa.array(places)).combine_chunks(), "")
    return RowNames(names) if pc.any(pc.not_equal(names, "")).as_py() else None


def _blocks(shards: Sequence[Shard], columns: _Columns, places: np.ndarray) -> Iterator[list[Row]]:
    """The asked rows in order, in blocks; row groups without an asked row are not read."""
    start = 0
    for shard in shards:
        for group, rows in enumerate(shard.groups):
            here = places[np.searchsorted(places, start) : np.searchsorted(places, start + rows)]
            if len(here):
                yield from _group_blocks(shard, group, start, columns, here)
            start += rows


def _group_blocks(shard: Shard, group: int, start: int, columns: _Columns, places: np.ndarray) -> Iterator[list[Row]]:
    """The asked rows of a row group that begins at a place; why not, for each, where it cannot be read."""
    try:
        for encoded in shard.pieces(columns.leaf, group):
            here = places[np.searchsorted(places, start) : np.searchsorted(places, start + len(encoded))]
            if len(here):
                yield list(zip(here.tolist(), encoded.take(pa.array(here - start)).to_pylist(), strict=True))
            start += len(encoded)
    except OSError as error:
        failed = unread(error)
        yield [(place, failed) for place in places[np.searchsorted(places, start) :].tolist()]
