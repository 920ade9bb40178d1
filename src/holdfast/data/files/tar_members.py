"""Members of tar files by their place: found by their headers, read in any order, a range of bytes each.

A file is a path, or a URL that fsspec opens (s3://, gs://, hf://, memory://). What fails is tried again.
"""

import hashlib
import tarfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import numpy as np

from holdfast.data.files.decode import LoadRequest, decode_cell
from holdfast.data.files.pictures import reason
from holdfast.data.files.rejects import Rejected

T = TypeVar("T")
WAITS = (0.0, 0.5, 2.0)
"""Seconds before each try to read a file; after the last one it is given up."""
_BLOCK = 512


@dataclass(frozen=True)
class Member:
    """A file in a tar file."""

    name: str
    start: int
    """Where its bytes begin in the tar file."""
    size: int


def is_remote(name: str) -> bool:
    """Whether fsspec opens it: a URL."""
    return "://" in name


def tar_files(name: str) -> list[str]:
    """The files that a name or pattern stands for, in the order of their names. Raises FileNotFoundError for none."""
    if is_remote(name):
        system, path = _system(name)
        found = [system.unstrip_protocol(one) for one in system.glob(path)] if "*" in path else [name]
        found = [one for one in found if retried(lambda one=one: system.exists(one))]
    else:
        path = Path(name)
        found = [str(one) for one in path.parent.glob(path.name) if one.is_file()]
    if not found:
        raise FileNotFoundError(f"expected .tar files named {name}, got none; check the path")
    return sorted(found)


def members_of(file: str) -> tuple[list[Member], bool]:
    """The regular files in a tar file by their headers alone, and whether its end is marked: where it is not, the file
    is cut short or damaged there. Raises OSError, or tarfile.ReadError for what is no tar file."""
    found: list[Member] = []
    with _opened(file) as stream, tarfile.open(fileobj=stream, mode="r:") as archive:
        try:
            for member in archive:
                if member.isreg() and not member.issparse():
                    found.append(Member(member.name, member.offset_data, member.size))
                archive.members = []  # type: ignore[attr-defined]  # else all headers of a large file stay in memory
        except tarfile.ReadError:
            if not found:
                raise
            return found, False
        stream.seek(archive.offset)
        return found, stream.read(_BLOCK) == bytes(_BLOCK)


def retried(work: Callable[[], T]) -> T:
    """What work gives; tried again where it fails by OSError. Raises the last one."""
    for number, wait in enumerate(WAITS):
        time.sleep(wait)
        try:
            return work()
        except FileNotFoundError:
            raise
        except OSError:
            if number + 1 == len(WAITS):
                raise
    raise AssertionError("unreachable")


def _system(name: str) -> tuple[Any, str]:
    """fsspec's file system of a URL, and the path in it. Raises ValueError where the package for it is missing."""
    import fsspec.core

    try:
        return fsspec.core.url_to_fs(name)
    except (ImportError, ValueError) as error:
        raise ValueError(
            f"expected a URL that fsspec opens, got {name}: {reason(error)}; pip install 'holdfast[remote]' brings "
            "s3://, gs:// and hf://"
        ) from error


def _opened(file: str) -> BinaryIO:
    if not is_remote(file):
        return Path(file).open("rb")
    system, path = _system(file)
    return system.open(path, "rb")


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

    @property
    def identity(self) -> str:
        """What the pixels depend on: where the pictures lie, the files' times of change, and how they are decoded."""
        digest = hashlib.sha256(self.request.identity.encode())
        for file in self.files:
            changed = "" if is_remote(file) else Path(file).stat().st_ctime_ns
            digest.update(f"/{file}/{changed}".encode("utf-8", "surrogateescape"))
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
            return retried(lambda: _range(file, start, size))
        except OSError as error:
            return OSError(f"not read in {len(WAITS)} tries: {reason(error)}")


def _range(file: str, start: int, size: int) -> bytes:
    if is_remote(file):
        system, path = _system(file)
        found = system.cat_file(path, start=start, end=start + size)
    else:
        with Path(file).open("rb") as stream:
            stream.seek(start)
            found = stream.read(size)
    if len(found) != size:
        raise OSError(f"{len(found)} of {size} bytes at {start} of {file}")
    return found


def text_of(file: str, member: Member) -> str:
    """A member's bytes as text, blanks at its ends apart."""
    return retried(lambda: _range(file, member.start, member.size)).decode("utf-8", "replace").strip()
