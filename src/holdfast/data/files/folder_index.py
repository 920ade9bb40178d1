"""A folder of pictures as a sorted index: one buffer of names, so that a million paths cost no Python object each."""

# A Path for each of a million files would cost more than the walk.
# ruff: noqa: PTH116, PTH118

import hashlib
import json
import os
import stat
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, overload

import numpy as np

from holdfast.data.files.beside import LeftOut, is_beside, own_folder

SCHEMA_VERSION = 1
COLUMNS = ("names", "starts", "sizes", "mtimes")
"""What an index is kept as: an array each."""
NO_FILE, NOT_REGULAR = -1, -2
"""Sizes that stand for a file that cannot be asked for its own (a link to nothing), and for pipes, sockets, devices."""


@dataclass(frozen=True, eq=False)
class FolderIndex:
    """Files of a folder by their sorted relative paths (as bytes); a file's place is its id."""

    root: Path
    names: np.ndarray
    """uint8 [bytes]: all relative paths, one after the other."""
    starts: np.ndarray
    """int64 [n + 1]: where each name starts in `names`."""
    sizes: np.ndarray
    """int64 [n] bytes of each file, or NO_FILE, or NOT_REGULAR."""
    mtimes: np.ndarray
    """int64 [n] nanoseconds: when each file was last changed."""
    left_out: tuple[str, ...] = ()
    """What else the folder holds, a line for each kind."""
    home: Path | None = None
    """Where the index is kept on disk: another process maps it from there, and copies nothing."""

    def __reduce__(self) -> Any:
        if self.home is not None:
            return load_index, (self.home,)
        return FolderIndex, (self.root, self.names, self.starts, self.sizes, self.mtimes, self.left_out)

    def __len__(self) -> int:
        return len(self.sizes)

    def name(self, place: int) -> bytes:
        """The relative path of a file, as the file system spells it."""
        return self.names[self.starts[place] : self.starts[place + 1]].tobytes()

    def path(self, place: int) -> Path:
        """Where a file is."""
        return self.root / os.fsdecode(self.name(place))

    def printable(self, place: int) -> str:
        """The relative path for people and for files: bytes that are no UTF-8 as \\xE9."""
        return self.name(place).decode("utf-8", "backslashreplace")

    @cached_property
    def checksum(self) -> str:
        """16 hexadecimal digits of a sha256 over names, sizes and times of change."""
        digest = hashlib.sha256()
        for column in (self.names, self.starts, self.sizes, self.mtimes):
            digest.update(np.ascontiguousarray(column).data)
        return digest.hexdigest()[:16]


@dataclass(frozen=True, eq=False)
class Paths(Sequence[str]):
    """Names of some files of an index, made as they are asked for."""

    folder: FolderIndex
    places: np.ndarray
    """int64 [n]."""

    def __len__(self) -> int:
        return len(self.places)

    @overload
    def __getitem__(self, key: int) -> str: ...
    @overload
    def __getitem__(self, key: slice) -> "Paths": ...
    def __getitem__(self, key: int | slice) -> "str | Paths":
        if isinstance(key, slice):
            return Paths(self.folder, self.places[key])
        return self.folder.printable(int(self.places[key]))

    def take(self, positions: np.ndarray) -> "Paths":
        """The names at some positions [m]."""
        return Paths(self.folder, self.places[positions])


def load_index(home: Path) -> FolderIndex:
    """A kept index, its columns mapped from the disk. Raises OSError, KeyError or ValueError where it is damaged."""
    facts = json.loads((home / "index.json").read_text())
    if facts["schema"] != SCHEMA_VERSION:
        raise ValueError(f"expected an index of schema {SCHEMA_VERSION}, got {facts['schema']}; it is made anew")
    columns = {name: np.load(home / f"{name}.npy", mmap_mode="r", allow_pickle=False) for name in COLUMNS}
    files, starts = facts["files"], columns["starts"]
    fits = starts.shape == (files + 1,) and all(columns[name].shape == (files,) for name in ("sizes", "mtimes"))
    if not fits or len(columns["names"]) != starts[-1]:
        raise ValueError(f"expected {files} files in {home}, got columns of other lengths; it is made anew")
    return FolderIndex(Path(os.fsdecode(bytes.fromhex(facts["root"]))), **columns, home=home)


def index_folder(root: Path) -> FolderIndex:
    """Every file under a folder that may be a picture.

    Left out are names that begin with a dot, files whose suffix is no picture's (unless they begin as a picture does),
    and folders below that hold a run or findings, or are called __MACOSX. Links to files count as files; a linked
    folder is walked once, unless it lies inside or has been walked.
    """
    names: list[bytes] = []
    sizes, mtimes = array("q"), array("q")
    left = LeftOut()
    for name, size, mtime in _files(os.fsencode(root), left):
        names.append(name)
        sizes.append(size)
        mtimes.append(mtime)
    order = np.array(sorted(range(len(names)), key=names.__getitem__), dtype=np.int64)
    lengths = np.fromiter((len(names[place]) for place in order), np.int64, len(names))
    joined = bytearray().join(names[place] for place in order)
    return FolderIndex(
        root=root,
        names=np.frombuffer(joined, np.uint8),
        starts=np.concatenate([np.zeros(1, np.int64), lengths.cumsum()]),
        sizes=np.frombuffer(sizes, np.int64)[order] if names else np.zeros(0, np.int64),
        mtimes=np.frombuffer(mtimes, np.int64)[order] if names else np.zeros(0, np.int64),
        left_out=left.notes(os.fsencode(root)),
    )


def _files(root: bytes, left: LeftOut) -> Iterator[tuple[bytes, int, int]]:
    """(relative path, size, time of change) of every file that may be a picture, in no order.

    The real tree comes first: a link to a part of it, or to a folder above, then leads nowhere new.
    """
    walked: set[tuple[int, int]] = set()
    real, linked = [b""], []
    while real or linked:
        folder = real.pop() if real else linked.pop()
        try:
            entries = _entries(os.path.join(root, folder), walked, left if folder else None)
        except OSError:  # why is found when its turn to be read comes
            if not folder:
                raise
            yield folder[:-1], NO_FILE, 0
            continue
        for entry in entries:
            name = folder + entry.name
            if _is_folder(entry):
                (linked if entry.is_symlink() else real).append(name + b"/")
            elif not is_beside(entry, left):
                yield name, *_measures(entry)
        if not real:
            linked.sort(reverse=True)


def _entries(path: bytes, walked: set[tuple[int, int]], left: LeftOut | None) -> list["os.DirEntry[bytes]"]:
    """What a folder holds; nothing where it has been walked, or where it is below the root and not of the user's."""
    found = os.stat(path)
    if (found.st_dev, found.st_ino) in walked:
        return []
    walked.add((found.st_dev, found.st_ino))
    entries = [entry for entry in os.scandir(path) if not entry.name.startswith(b".")]
    kind = None if left is None else own_folder(path.rstrip(b"/"), entries)
    if left is None or kind is None:
        return entries
    left.folders.append((path.rstrip(b"/"), kind))
    return []


def _is_folder(entry: "os.DirEntry[bytes]") -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads to itself
        return False


def _measures(entry: "os.DirEntry[bytes]") -> tuple[int, int]:
    try:
        found = entry.stat()
    except OSError:
        return NO_FILE, 0
    return (found.st_size if stat.S_ISREG(found.st_mode) else NOT_REGULAR), found.st_ctime_ns
