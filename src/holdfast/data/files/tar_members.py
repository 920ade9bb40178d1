"""Members of tar files by their place: found by their headers, read in any order, a range of bytes each."""

import hashlib
import io
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np

from holdfast.data.files.decode import LoadRequest, decode_cell
from holdfast.data.files.rejects import Rejected, row_name
from holdfast.data.files.remote import byte_range, is_remote, named, opened_file, stamp, unread
from holdfast.data.files.threads import Kept

_BLOCK = 512
_PIECE = 2048 * _BLOCK  # bytes that the next header is looked for in at once
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
    """Its regular files, those that are whole."""
    others: int
    """Entries that are none: folders, links, devices."""
    breaks: tuple[int, ...] = ()
    """After how many files something is missing: where headers are damaged, or the file ends without its mark."""
    harm: str = ""
    """What is missing, in words; nothing where it is whole."""


def tar_files(name: str) -> list[str]:
    """The files of a name, folder or pattern, in the order of their names. Raises FileNotFoundError for none."""
    if is_remote(name):
        found = named(name)
    else:
        path = Path(name) / "*.tar" if Path(name).is_dir() else Path(name)
        found = [str(one) for one in path.parent.glob(path.name) if one.is_file()]
    if not found:
        raise FileNotFoundError(f"expected .tar files named {name}, got none; check the path")
    return sorted(found)


def members_of(file: str, *, texts: str) -> Contents:
    """What is in a tar file. texts: the end of names whose files are read on the way, for each would else be a request
    of its own. After damage it is read on from the next header.

    Raises OSError, or tarfile.ReadError for what is no tar file.
    """
    found: list[Member] = []
    gaps: list[_Gap] = []
    others = 0
    with opened_file(file) as stream, tarfile.open(fileobj=stream, mode="r:") as archive:
        size = stream.seek(0, io.SEEK_END)
        for entry in _entries(archive, stream, size):
            if isinstance(entry, tuple):
                gaps.append(_Gap(len(found), *entry))
            elif entry.isreg() and not entry.issparse():
                text = _text(archive.extractfile(entry)) if entry.name.endswith(texts) else None
                found.append(Member(entry.name, entry.offset_data, entry.size, text))
            else:
                others += 1
    if gaps and not found:
        raise tarfile.ReadError("no file in it is whole")
    return Contents(found, others, tuple(gap.files for gap in gaps), _harm(gaps, size))


def _entries(archive: tarfile.TarFile, stream: IO[bytes], size: int) -> Iterator[tarfile.TarInfo | tuple[int, int]]:
    """What is in a tar file of so many bytes, and from where to where bytes are no whole entries."""
    while True:
        entry = _next(archive)
        archive.members = []  # type: ignore[attr-defined]  # else all headers of a large file stay in memory
        if entry is not None and _is_whole(entry, size):
            yield entry
            continue
        start = min(archive.offset if entry is None else entry.offset, size)
        stop = _next_header(stream, start + _BLOCK, size)
        if stop < size or not _ends(stream, start):
            yield start, stop
        if stop >= size:
            return
        archive.offset = stop


def _is_whole(entry: tarfile.TarInfo, size: int) -> bool:
    return not entry.isreg() or entry.issparse() or entry.offset_data + entry.size <= size


class _Gap(NamedTuple):
    """Bytes that are no files of a tar file."""

    files: int
    """How many files lie before it."""
    start: int
    stop: int


def _next(archive: tarfile.TarFile) -> tarfile.TarInfo | None:
    """The next entry; None at the end, and where there should be one and its header is damaged."""
    try:
        return archive.next()
    except (tarfile.TarError, ValueError):
        return None


def _ends(stream: IO[bytes], start: int) -> bool:
    """Whether a tar file's mark of its end stands there: blocks of zeros."""
    stream.seek(start)
    mark = stream.read(2 * _BLOCK)
    return len(mark) >= _BLOCK and not any(mark)


def _next_header(stream: IO[bytes], start: int, size: int) -> int:
    """Where the next entry begins at a start or after it, by its header's checksum; the size where there is none."""
    for first in range(start, size, _PIECE):
        stream.seek(first)
        piece = stream.read(_PIECE)
        for place in range(0, len(piece), _BLOCK):
            block = piece[place : place + _BLOCK]
            if block[257:262] == b"ustar" and _is_header(block):
                return first + place
    return size


def _is_header(block: bytes) -> bool:
    try:
        tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except tarfile.HeaderError:  # type: ignore[attr-defined]
        return False
    return True


def _harm(gaps: Sequence[_Gap], size: int) -> str:
    if not gaps:
        return ""
    lost = sum(gap.stop - gap.start for gap in gaps)
    what = "cut short or damaged" if gaps[-1].stop >= size else "damaged, or joined with another,"
    many = f" and in {len(gaps) - 1:,} more places" if len(gaps) > 1 else ""
    said = f"{lost:,} of its {size:,} bytes ({lost / size:.1%}) are not read".replace("%", " %")
    return f"{what} after {gaps[0].files:,} files{many}: {said if lost else 'it has no end mark'}"


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
            yield position, decode_cell(self.tried(place), place, self.request, self.name)

    def name(self, place: int) -> str:
        """What a picture is called: its place, and of several tar files which it is in, and its place there."""
        file = self.file[place]
        inside = f"{self.files[file]} picture {place - np.searchsorted(self.file, file)}" if len(self.files) > 1 else ""
        return row_name(place, self.source, inside)

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
