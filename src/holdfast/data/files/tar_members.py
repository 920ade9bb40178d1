"""Members of tar files by their place: found by their headers, read in any order, a range of bytes each."""

import hashlib
import io
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np

from holdfast.data.files.decode import LoadRequest, decode_cell
from holdfast.data.files.rejects import Rejected
from holdfast.data.files.remote import byte_range, is_remote, named, opened_file, stamp, unread
from holdfast.data.files.threads import Kept

_BLOCK = 512
BLOCK_BYTES = 2**22
"""Bytes of a tar file that are read at once where it is read by blocks."""


@dataclass(frozen=True)
class Member:
    """A file in a tar file."""

    name: str
    start: int
    """Where its bytes begin in the tar file."""
    size: int
    text: str | None = None
    """What is in it, where that was asked for."""


class Contents(NamedTuple):
    """What a tar file holds, by its headers."""

    members: list[Member]
    """Its regular files."""
    others: int
    """Entries that are none: folders, links, devices."""
    ended: bool
    """Whether its end is marked: where it is not, the file is cut short or damaged there."""


def tar_files(name: str) -> list[str]:
    """The files that a name or pattern stands for, in the order of their names. Raises FileNotFoundError for none."""
    if is_remote(name):
        found = named(name)
    else:
        path = Path(name)
        found = [str(one) for one in path.parent.glob(path.name) if one.is_file()]
    if not found:
        raise FileNotFoundError(f"expected .tar files named {name}, got none; check the path")
    return sorted(found)


def members_of(file: str, *, texts: str) -> Contents:
    """What is in a tar file. texts: the end of names whose files are read on the way, for each would else be a request
    of its own. Raises OSError, or tarfile.ReadError for what is no tar file."""
    found: list[Member] = []
    others = 0
    with opened_file(file) as stream, tarfile.open(fileobj=stream, mode="r:") as archive:
        try:
            for member in archive:
                if member.isreg() and not member.issparse():
                    text = _text(archive.extractfile(member)) if member.name.endswith(texts) else None
                    found.append(Member(member.name, member.offset_data, member.size, text))
                else:
                    others += 1
                archive.members = []  # type: ignore[attr-defined]  # else all headers of a large file stay in memory
        except tarfile.ReadError:
            if not found:
                raise
            return Contents(found, others, False)
        stream.seek(archive.offset)
        return Contents(found, others, stream.read(_BLOCK) == bytes(_BLOCK))


@dataclass(frozen=True, eq=False)
class TarMembers:
    """Encoded pictures in tar files, an `Encoded`."""

    files: tuple[str, ...]
    file: np.ndarray
    """int [n]: the file that each is in."""
    start: np.ndarray
    """int64 [n]"""
    size: np.ndarray
    """int64 [n]"""
    request: LoadRequest
    source: str
    most_bytes: int = 0
    """Encoded bytes of blocks that a process keeps for the next batch; 0: each picture is read by itself."""
    _kept: Kept = field(default_factory=Kept, repr=False)

    @property
    def identity(self) -> str:
        return self._identity

    @cached_property
    def _identity(self) -> str:
        """What the pixels depend on: where the pictures lie, the files' times of change, and how they are decoded."""
        digest = hashlib.sha256(self.request.identity.encode())
        for file in self.files:
            digest.update(f"/{stamp(file)}".encode("utf-8", "surrogateescape"))
        for column in (self.file, self.start, self.size):
            digest.update(np.ascontiguousarray(column, np.int64).data)
        return digest.hexdigest()

    def read(self, places: np.ndarray) -> Iterator[tuple[int, np.ndarray | Rejected]]:
        """Tar file by tar file, each from its beginning to its end."""
        order = np.lexsort((self.start[places], self.file[places]))
        for position in order.tolist():
            place = int(places[position])
            yield position, decode_cell(self.tried(place), place, self.request, self.source)

    def tried(self, place: int) -> bytes | OSError:
        """The bytes of a picture, or why they could not be read, also after some tries."""
        file, start, size = self.files[self.file[place]], int(self.start[place]), int(self.size[place])
        try:
            if not self.most_bytes:
                return byte_range(file, start, size)
            first, content = self._block(place)
            return content[start - first : start - first + size]
        except OSError as error:
            return unread(error)

    def _block(self, place: int) -> tuple[int, bytes]:
        """The block that a picture lies in: where it begins, and its bytes."""
        block = self._numbers[place]
        inside = slice(np.searchsorted(self._numbers, block), np.searchsorted(self._numbers, block, side="right"))
        first, stop = int(self.start[inside].min()), int((self.start[inside] + self.size[inside]).max())
        name = self.files[self.file[place]]
        return self._kept.get(
            int(block),
            lambda: (first, byte_range(name, first, stop - first)),
            lambda found: len(found[1]),
            self.most_bytes,
        )

    @cached_property
    def _numbers(self) -> np.ndarray:
        """int64 [n], ascending: the block of each picture, those of a file that begin in the same BLOCK_BYTES."""
        within = self.start // BLOCK_BYTES
        return self.file * (int(within.max(initial=0)) + 1) + within

    @property
    def remote(self) -> bool:
        return any(map(is_remote, self.files))

    @property
    def whole(self) -> bool:
        return False

    @property
    def mean_bytes(self) -> float:
        firsts = np.unique(self._numbers, return_index=True)[1]
        read = np.maximum.reduceat(self.start + self.size, firsts) - self.start[firsts]
        return float(read.sum() / len(self.start))

    def blocks(self, places: np.ndarray) -> np.ndarray:
        """A block is what begins in 4 MiB of a tar file."""
        return self._numbers[places]

    def by_blocks(self, most_bytes: int) -> "TarMembers":
        return replace(self, most_bytes=most_bytes, _kept=Kept())


def text_of(file: str, member: Member) -> str:
    """A member's bytes as text, blanks at its ends apart."""
    if member.text is not None:
        return member.text
    return _text(io.BytesIO(byte_range(file, member.start, member.size)))


def _text(stream: IO[bytes] | None) -> str:
    return "" if stream is None else stream.read().decode("utf-8", "replace").strip()
