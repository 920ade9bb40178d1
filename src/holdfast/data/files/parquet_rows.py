"""Rows of parquet files in any order: whole row groups are read, and as many kept as memory allows."""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import overload

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from holdfast.data.files.decode import LoadRequest, decode_cell
from holdfast.data.files.pictures import reason
from holdfast.data.files.rejects import Rejected, row_name
from holdfast.data.files.remote import file_size, is_remote, opened_file, read_file, stamp, unread, what_is
from holdfast.data.files.threads import Kept

_PIECE = 512  # rows that a file on the disk is read by


@dataclass(frozen=True, eq=False)
class Shard:
    """A parquet file, here or behind a URL, by what its footer says."""

    name: str
    schema: pa.Schema
    groups: tuple[int, ...]
    """Rows of each row group."""
    footer: pq.FileMetaData | None = None
    """What a URL is not asked for again; on the disk it is no effort."""
    size: int | None = None
    """Bytes of the file, of a URL."""
    bytes: int = 0
    """Those of all columns, before they were compressed: as good as those of the pictures."""

    @classmethod
    def of(cls, name: str) -> "Shard":
        """Raises ValueError for what is no parquet file, OSError where it cannot be read."""
        try:
            size = file_size(name) if is_remote(name) else None
            with _opened(name, size) as file:
                footer = file.metadata
                groups = [footer.row_group(number) for number in range(footer.num_row_groups)]
                rows, held = tuple(one.num_rows for one in groups), sum(one.total_byte_size for one in groups)
                return cls(name, file.schema_arrow, rows, footer if size else None, size, held)
        except pa.ArrowInvalid as error:
            what = what_is(name)
            said = f"{name}: {what}" if what else f"{name}, which is none or is cut short ({error})"
            raise ValueError(f"expected a parquet file, got {said}") from error

    @property
    def rows(self) -> int:
        return sum(self.groups)

    def column(self, leaf: str, group: int | None = None) -> pa.Array:
        """A column, or what is in a struct ('image.bytes'), of all rows or of a row group. Raises OSError."""
        return read_file(self.name, lambda _: self._column(leaf, group))

    def _column(self, leaf: str, group: int | None) -> pa.Array:
        with _damage_told(), _opened(self.name, self.size, self.footer) as file:
            threads = {"use_threads": False}
            table = (
                file.read([leaf], **threads) if group is None else file.read_row_group(group, columns=[leaf], **threads)
            )
            return _leaf(table.column(0).combine_chunks())

    def pieces(self, leaf: str, group: int) -> Iterator[pa.Array]:
        """As `column` of a row group, of a file on the disk a few rows at a time."""
        if is_remote(self.name):
            yield self.column(leaf, group)
            return
        with _damage_told(), _opened(self.name, self.size, self.footer) as file:
            for batch in file.iter_batches(batch_size=_PIECE, row_groups=[group], columns=[leaf]):
                yield _leaf(batch.column(0))


def _opened(name: str, size: int | None, footer: pq.FileMetaData | None = None) -> pq.ParquetFile:
    """To read from, a column of a row group at once: a URL is asked for these bytes alone."""
    if not is_remote(name):
        return pq.ParquetFile(name)
    return pq.ParquetFile(opened_file(name, size=size, ahead=0), metadata=footer, pre_buffer=True)


def _leaf(column: pa.Array) -> pa.Array:
    return column.flatten()[0] if pa.types.is_struct(column.type) else column


@contextmanager
def _damage_told() -> Iterator[None]:
    """What pyarrow says of damage within a file as an OSError, as most of it is."""
    try:
        yield
    except pa.ArrowInvalid as error:
        raise OSError(reason(error)) from error


@dataclass(eq=False)
class ParquetRows:
    """Encoded pictures in the row groups of parquet files, an `Encoded`."""

    shards: tuple[Shard, ...]
    leaf: str
    """The column to read: 'image.bytes', or a plain binary one."""
    request: LoadRequest
    source: str
    most_bytes: int
    """Encoded bytes that a process keeps for the next batch; one row group is kept whatever its size."""
    starts: np.ndarray
    """int64 [row groups + 1]: the first row of each, through all files."""
    groups: np.ndarray
    """int64 [row groups, 2]: its file, and its number in there."""
    _kept: Kept = field(default_factory=Kept, repr=False)

    @classmethod
    def of(
        cls, shards: Sequence[Shard], leaf: str, request: LoadRequest, source: str, *, most_bytes: int
    ) -> "ParquetRows":
        """The rows of some shards, of which nothing is read here."""
        starts = np.cumsum([0, *(rows for shard in shards for rows in shard.groups)], dtype=np.int64)
        groups = [(number, group) for number, shard in enumerate(shards) for group in range(len(shard.groups))]
        return cls(tuple(shards), leaf, request, source, most_bytes, starts, np.array(groups, np.int64).reshape(-1, 2))

    @property
    def identity(self) -> str:
        return self._identity

    @cached_property
    def _identity(self) -> str:
        """What the pixels depend on: the files' names, sizes and times of change, and how they are decoded."""
        digest = hashlib.sha256(f"{self.leaf}/{self.request.identity}".encode())
        for shard in self.shards:
            digest.update(f"/{stamp(shard.name)}".encode("utf-8", "surrogateescape"))
        return digest.hexdigest()

    def read(self, places: np.ndarray) -> Iterator[tuple[int, np.ndarray | Rejected]]:
        """Row group by row group, so that each is read once for all of the places in it."""
        groups = np.searchsorted(self.starts, places, side="right") - 1
        for group in np.unique(groups):
            encoded, start = self._group(int(group)), self.starts[group]
            for position in np.flatnonzero(groups == group):
                cell = encoded if isinstance(encoded, OSError) else encoded[int(places[position] - start)].as_py()
                yield int(position), decode_cell(cell, int(places[position]), self.request, self.name)

    def name(self, place: int) -> str:
        """What a row is called: its place, and of several files which it is in, and its place there."""
        return row_name(place, self.source, self.inside(place) if len(self.shards) > 1 else "")

    def inside(self, place: int) -> str:
        """The file that a row is in, and its place there."""
        file = self.groups[np.searchsorted(self.starts, place, side="right") - 1, 0]
        first = self.starts[np.searchsorted(self.groups[:, 0], file)]
        return f"{self.shards[file].name} row {place - first}"

    def _group(self, group: int) -> pa.Array | OSError:
        """The encoded pictures of a row group, or why they could not be read, also after some tries."""
        file, number = self.groups[group]
        try:
            return self._kept.get(
                group,
                lambda: self.shards[file].column(self.leaf, int(number)),
                lambda column: column.nbytes,
                self.most_bytes,
            )
        except OSError as error:
            return unread(error)

    @property
    def remote(self) -> bool:
        return any(is_remote(shard.name) for shard in self.shards)

    @property
    def whole(self) -> bool:
        return True

    @property
    def mean_bytes(self) -> float:
        return sum(shard.bytes for shard in self.shards) / max(1, int(self.starts[-1]))

    def blocks(self, places: np.ndarray) -> np.ndarray:
        """A block is a row group."""
        return np.searchsorted(self.starts, places, side="right") - 1

    def by_blocks(self, most_bytes: int) -> "ParquetRows":
        return replace(self, most_bytes=most_bytes, _kept=Kept())


@dataclass(frozen=True, eq=False)
class RowNames(Sequence[str]):
    """Names of some rows in one buffer, made as they are asked for: a name costs its letters and 8 bytes."""

    column: pa.Array
    """Text [n], as large_string, without nulls."""

    def __len__(self) -> int:
        return len(self.column)

    @overload
    def __getitem__(self, key: int) -> str: ...
    @overload
    def __getitem__(self, key: slice) -> "RowNames": ...
    def __getitem__(self, key: int | slice) -> "str | RowNames":
        return RowNames(self.column[key]) if isinstance(key, slice) else self.column[key].as_py()

    def take(self, positions: np.ndarray) -> "RowNames":
        """The names at some positions [m]."""
        return RowNames(self.column.take(pa.array(positions)))
