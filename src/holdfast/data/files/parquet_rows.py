"""Rows of parquet files in any order: whole row groups are read, and as many kept as memory allows."""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, overload

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from holdfast.data.files.decode import LoadRequest, decode_cell
from holdfast.data.files.rejects import Rejected


@dataclass(eq=False)
class ParquetRows:
    """Encoded pictures in the row groups of parquet files, an `Encoded`."""

    files: tuple[Path, ...]
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
    _kept: "OrderedDict[int, pa.Array]" = field(default_factory=OrderedDict, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_kept": OrderedDict(), "_lock": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__ |= state | {"_lock": threading.Lock()}

    @classmethod
    def of(cls, files: list[Path], leaf: str, request: LoadRequest, source: str, *, most_bytes: int) -> "ParquetRows":
        """The rows of files whose metadata are read here, and only these."""
        rows, groups = [0], []
        for number, path in enumerate(files):
            metadata = pq.read_metadata(path)
            for group in range(metadata.num_row_groups):
                rows.append(metadata.row_group(group).num_rows)
                groups.append((number, group))
        starts = np.cumsum(rows, dtype=np.int64)
        return cls(tuple(files), leaf, request, source, most_bytes, starts, np.array(groups, np.int64).reshape(-1, 2))

    @property
    def identity(self) -> str:
        """What the pixels depend on: the files' names, sizes and times of change, and how they are decoded."""
        digest = hashlib.sha256(f"{self.leaf}/{self.request.identity}".encode())
        for path in self.files:
            found = path.stat()
            digest.update(f"/{path.resolve()}/{found.st_size}/{found.st_ctime_ns}".encode("utf-8", "surrogateescape"))
        return digest.hexdigest()

    def read(self, places: np.ndarray) -> Iterator[tuple[int, np.ndarray | Rejected]]:
        """Row group by row group, so that each is read once for all of the places in it."""
        groups = np.searchsorted(self.starts, places, side="right") - 1
        for group in np.unique(groups):
            encoded, start = self._group(int(group)), self.starts[group]
            for position in np.flatnonzero(groups == group):
                cell = encoded[int(places[position] - start)].as_py()
                yield int(position), decode_cell(cell, places[position], self.request, self.source)

    def _group(self, group: int) -> pa.Array:
        """The encoded pictures of a row group."""
        with self._lock:
            if group in self._kept:
                self._kept.move_to_end(group)
                return self._kept[group]
        file, number = self.groups[group]
        with pq.ParquetFile(self.files[file]) as opened:
            column = (
                opened.read_row_group(int(number), columns=[self.leaf], use_threads=False).column(0).combine_chunks()
            )
        if pa.types.is_struct(column.type):
            column = column.flatten()[0]
        with self._lock:
            self._kept[group] = column
            while len(self._kept) > 1 and sum(kept.nbytes for kept in self._kept.values()) > self.most_bytes:
                self._kept.popitem(last=False)
        return column


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
