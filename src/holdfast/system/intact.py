"""Files that are what they say: digests, and damage that is told in one line with the path. No torch here."""

import errno
import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

REMEDIES = {
    errno.ENOSPC: "free some space, then give the same command again",
    errno.EDQUOT: "free some space, then give the same command again",
    errno.EACCES: "name a place that you may write and read",
    errno.EPERM: "name a place that you may write and read",
    errno.EROFS: "name a place on a disk that is not read-only",
    errno.ENOTDIR: "name a path whose parents are folders",
    errno.EISDIR: "name a file, not a folder",
    errno.ELOOP: "it is a link to itself: put the file there",
    errno.ENOENT: "it may have been moved or deleted: name it as it is now",
    errno.ENAMETOOLONG: "take a shorter name",
    **dict.fromkeys(
        (errno.ECONNREFUSED, errno.ECONNRESET, errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ETIMEDOUT),
        "check the address and the network",
    ),
}


class DamagedError(ValueError):
    """A file that does not hold what it should."""


def digest(path: Path) -> str:
    """32 hexadecimal digits of BLAKE2b over a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()


def document_digest(document: Mapping[str, Any]) -> str:
    """A digest over JSON values, whatever the order of their names."""
    text = json.dumps(document, sort_keys=True, separators=(",", ":"))
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


@contextmanager
def reading(path: Path, what: str, remedy: str) -> Iterator[None]:
    """Around the reading of one file: whatever goes wrong inside is told as damage of that file.

    Lines that are told already (expected, got, remedy) and a file that is not there or may not be read pass through.
    """
    try:
        yield
    except MemoryError:
        raise
    except Exception as error:
        if isinstance(error, ValueError | OSError) and str(error).startswith("expected"):
            raise
        if isinstance(error, OSError) and error.errno:  # without a number it is a library's word for damage
            raise told(error, path) from error
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:160]
        raise DamagedError(f"expected {what} in {path}, got a damaged file ({reason}); {remedy}") from error


def read_json(path: Path, what: str = "JSON", remedy: str = "restore the file, or make it again") -> dict[str, Any]:
    """The object that a JSON file holds. Raises DamagedError, with the path, where it holds none."""
    with reading(path, what, remedy):
        document = json.loads(path.read_bytes().decode(), parse_constant=_no_number)
        if not isinstance(document, dict):
            raise DamagedError(f"expected {what} in {path}, got a {type(document).__name__}; {remedy}")
    return document


def _no_number(word: str) -> None:
    raise ValueError(f"{word} is no number")


def told(error: OSError, path: Path | str | None = None) -> OSError:
    """An error of its own kind that says path, reason and remedy in one line."""
    if str(error).startswith("expected"):
        return error
    where = error.filename if error.filename is not None else path
    reason = os.strerror(error.errno) if error.errno else " ".join(str(error).split())
    remedy = REMEDIES.get(error.errno or 0, "see whether the disk and the path are there")
    line = f"expected to use {where or 'a file'}, got: {reason}; {remedy}"
    kind = type(error) if type(error) in (FileNotFoundError, PermissionError, FileExistsError) else OSError
    return kind(line)


def cannot_write(error: Exception, path: Path) -> OSError | None:
    """The line for an error that a library met while it wrote path; None where it is about something else, or one."""
    text = str(error)
    if text.startswith("expected"):
        return None
    if isinstance(error, OSError):
        found = error if error.errno else OSError(errno.ENOSPC if "No space left" in text else 0, text)
        return told(OSError(found.errno, found.strerror or text, str(path)))
    known = {"No space left": errno.ENOSPC, "Read-only file system": errno.EROFS, "Permission denied": errno.EACCES}
    number = next((number for words, number in known.items() if words in text), None)
    return None if number is None else told(OSError(number, os.strerror(number), str(path)))


_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def escaped(text: str) -> str:
    """Text of anyone's for a terminal, line breaks kept: other control characters and changes of direction escaped."""
    return _CONTROL.sub(lambda found: found[0] if found[0] in "\n\t" else _spelling(found[0]), text)


def one_line(text: str) -> str:
    """Text of anyone's for a terminal: one line, control characters and changes of direction as escapes."""
    return spelt(" ".join(text.split()))


def spelt(text: str) -> str:
    """Control characters and changes of direction as escapes, all else as it is."""
    return _CONTROL.sub(lambda found: _spelling(found[0]), text)


def _spelling(character: str) -> str:
    """As Python writes it: two hexadecimal digits after \\x, four after \\u."""
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def plain_cell(text: str) -> str:
    """Text of anyone's for a cell of a table: control characters as escapes, blanks as they are, so that a path can be
    found again, and no formula where a spreadsheet opens it."""
    text = spelt(text)
    return f"'{text}" if text[:1] in ("=", "+", "-", "@") else text


_TRIED = b"\0" * 4096
"""What a place is tried with."""


def check_writable(folder: Path) -> Path:
    """Tries to write in a folder, or in the nearest one above it that is there: that one. Raises OSError in one line.

    Nothing that it makes stays, where the file system knows files without a name not even if it is killed meanwhile.
    """
    place = folder.absolute()
    while not os.path.lexists(place):
        place = place.parent
    try:
        _try_writing(place)
    except OSError as error:
        raise told(OSError(error.errno, error.strerror, str(folder))) from None
    return place


def _try_writing(place: Path) -> None:
    try:
        handle = os.open(place, os.O_TMPFILE | os.O_RDWR)
    except (
        AttributeError,
        OSError,
    ):  # not Linux, or a file system without such files: the named one says what is wrong
        probe = place / f".writable.{os.getpid()}.tmp"
        try:
            probe.write_bytes(_TRIED)
        finally:
            with suppress(OSError):
                probe.unlink(missing_ok=True)
        return
    try:
        os.write(handle, _TRIED)
    finally:
        os.close(handle)
