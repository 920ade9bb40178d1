"""Files by their name, a path or a URL that fsspec opens (s3://, gs://, hf://, http://): found, and read in ranges.

What fails is tried again; what a store's library raises becomes an OSError.
"""

import io
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, NamedTuple, TypeGuard, TypeVar, cast

from holdfast.data.files.foreign import NO_PICTURE, named_as
from holdfast.data.files.pictures import reason
from holdfast.data.files.rejects import NOT_READ

T = TypeVar("T")
WAITS = (0.0, 0.5, 2.0)
"""Seconds before each try to read; after the last one it is given up."""
SLOW = 60.0
"""Seconds after which a try to read from a URL has failed, where its library can be stopped."""
_WHOLE, _PART = 200, 206  # how http says that an answer is a whole file, or a range of it
_AHEAD = 2**20  # bytes asked for at once where a file is read from its beginning


class _Failing(NamedTuple):
    """What is remembered of a URL whose last read failed."""

    until: float
    """When it may be tried again, by the monotonic clock."""
    reason: str


_failing: dict[str, _Failing] = {}
_ranged: set[str] = set()
"""Servers that are known to answer ranges of bytes."""


def is_remote(name: str) -> bool:
    """Whether fsspec opens it: a URL."""
    return "://" in name


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


def read_file(name: str, read: Callable[[str], T]) -> T:
    """What read makes of a file, tried again where it fails by OSError; of a URL each of its reads is, one by one."""
    return read(name) if is_remote(name) else retried(lambda: read(name))


def unread(error: OSError) -> OSError:
    """What is recorded of a picture that could not be read, however often it was tried."""
    tries = "" if isinstance(error, LeftAloneError) else f" in {len(WAITS)} tries"
    return OSError(f"{NOT_READ}{tries}: {reason(error)}")


def named(pattern: str) -> list[str]:
    """The files behind a URL or a pattern of URLs, in the order of their names; none where nothing is there.

    Raises ValueError where the package for its scheme is missing, OSError where its store does not answer.
    """
    try:
        system, path = _system(pattern)
        if "*" in path:
            found = retried(lambda: _called(system, "glob", path))
            return sorted(system.unstrip_protocol(one) for one in found)
        return [pattern] if retried(lambda: _info(pattern))["type"] == "file" else []
    except FileNotFoundError:
        return []
    except OSError as error:
        raise OSError(
            f"expected files behind {pattern}, got: {reason(error)} (tried {len(WAITS)} times); check the address, the "
            "network and your credentials"
        ) from error


def stamp(name: str) -> str:
    """What changes where a file does: of a path its size and time of change, of a URL what its store says of it, or
    nothing where it does not answer."""
    if is_remote(name):
        system, path = _system(name)
        with suppress(OSError):
            return f"{name}/{retried(lambda: _called(system, 'ukey', path))}"
        return name
    found = Path(name).stat()
    return f"{Path(name).resolve()}/{found.st_size}/{found.st_ctime_ns}"


class LeftAloneError(OSError):
    """A file is not tried, for it failed just before."""


class ShortError(OSError):
    """A file has fewer bytes than it should have."""


def byte_range(name: str, start: int, size: int) -> bytes:
    """Bytes of a file; tried again where that fails. A URL that fails twice in a row is then left alone for as long as
    the last tries took: a store that does not answer takes half of the time at most. Raises OSError, also for fewer
    bytes."""
    begun, before = time.monotonic(), _failing.get(name)
    if before is not None and begun < before.until:
        raise LeftAloneError(f"left alone just after it failed: {before.reason}")
    try:
        found = retried(lambda: _range(name, start, size))
    except (ShortError, FileNotFoundError):
        raise
    except OSError as error:
        if is_remote(name):
            until = begun if before is None else 2 * time.monotonic() - begun
            _failing[name] = _Failing(until, reason(error))
        raise
    _failing.pop(name, None)
    return found


def _range(name: str, start: int, size: int) -> bytes:
    if is_remote(name):
        system, path = _system(name)
        found = _called(system, "cat_file", path, start=start, end=start + size)
    else:
        with Path(name).open("rb") as stream:
            stream.seek(start)
            found = stream.read(size)
    if len(found) > size:
        raise _no_ranges(name)
    if len(found) != size:
        raise ShortError(f"{len(found)} of {size} bytes at {start} of {name}")
    return found


def file_size(name: str) -> int:
    """Bytes of a file behind a URL. Raises OSError, also where its store does not say."""
    size = retried(lambda: _info(name)).get("size")
    _failing.pop(name, None)
    if size is None:
        raise OSError(f"the store of {name} does not say how many bytes it has")
    _check_ranges(name)
    return int(size)


def what_is(name: str) -> str:
    """What a file is by its first bytes, with the way out, where these are known; else nothing."""
    with opened_file(name) as file:
        found = named_as(file)
    return "" if found == NO_PICTURE else found


def _check_ranges(name: str) -> None:
    """Raises ValueError where an http server answers with a whole file where a byte of it is asked for."""
    server = name.split("/")[2]
    if not name.startswith(("http://", "https://")) or server in _ranged:
        return
    import fsspec.asyn

    system, path = _system(name)
    status = 0
    with suppress(OSError), _as_os_error():
        status = fsspec.asyn.sync(system.loop, _status, system, path, timeout=SLOW)
    if status == _WHOLE:
        raise _no_ranges(name)
    if status == _PART:
        _ranged.add(server)


async def _status(system: Any, path: str) -> int:
    """How a server answers where the first byte of a file is asked for; no more of the answer is read."""
    session = await system.set_session()
    asked = {**system.kwargs, "headers": {**system.kwargs.get("headers", {}), "Range": "bytes=0-0"}}
    async with session.get(system.encode_url(path), **asked) as answer:
        return answer.status


def _no_ranges(name: str) -> ValueError:
    return ValueError(
        f"expected a server that answers ranges of bytes, got whole files from that of {name}; download the files and "
        "name them here"
    )


def opened_file(name: str, *, size: int | None = None, ahead: int = _AHEAD) -> IO[bytes]:
    """A file to read from. Of a URL, size: bytes, where known; ahead: bytes that it is asked for at once, at least."""
    if not is_remote(name):
        return retried(lambda: Path(name).open("rb"))
    file = _RemoteFile(name, file_size(name) if size is None else size)
    return io.BufferedReader(file, ahead) if ahead else cast("IO[bytes]", file)


class _RemoteFile(io.RawIOBase):
    """A file behind a URL: a request for each read, tried again where it fails."""

    def __init__(self, name: str, size: int):
        super().__init__()
        self._name, self._size, self._place = name, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._place = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self._size}[whence]
        return self._place

    def tell(self) -> int:
        return self._place

    def readinto(self, into: Any) -> int:
        size = max(0, min(len(into), self._size - self._place))
        if size:
            into[:size] = byte_range(self._name, self._place, size)
            self._place += size
        return size


def _system(name: str) -> tuple[Any, str]:
    """fsspec's file system of a URL, and the path in it. Raises ValueError where the package for it is missing."""
    try:
        import fsspec.core

        return fsspec.core.url_to_fs(name)
    except (ImportError, ValueError) as error:
        raise ValueError(
            f"expected a URL that fsspec opens, got {name}: {reason(error)}; pip install 'holdfast[remote]' brings "
            "s3://, gs:// and hf://"
        ) from error
    except OSError:
        raise
    except Exception as error:  # some connect here, and raise what they like
        raise OSError(reason(error)) from error


def _info(name: str) -> Any:
    system, path = _system(name)
    return _called(system, "info", path)


def _called(system: Any, method: str, path: str, **more: Any) -> Any:
    """What a file system's method gives; it is stopped after SLOW seconds where it can be."""
    import fsspec.asyn

    with _as_os_error():
        slow = getattr(system, f"_{method}", None)
        if isinstance(system, fsspec.asyn.AsyncFileSystem) and slow is not None:
            return fsspec.asyn.sync(system.loop, slow, path, timeout=SLOW, **more)
        return getattr(system, method)(path, **more)


@contextmanager
def _as_os_error() -> Iterator[None]:
    """Stores' libraries raise what they like: aiohttp's and botocore's errors are no OSErrors."""
    try:
        yield
    except TimeoutError as error:
        raise TimeoutError(f"no answer within {SLOW:g} seconds") from error
    except FileNotFoundError as error:
        if _is_outage(error.__cause__):
            raise OSError(reason(error.__cause__)) from error
        raise
    except OSError:
        raise
    except Exception as error:
        raise OSError(reason(error)) from error


def _is_outage(cause: BaseException | None) -> TypeGuard[BaseException]:
    """Whether a store could not be asked: fsspec 2026.9 says of an http server that is down or overloaded that there is
    no such file."""
    if isinstance(cause, OSError):
        return not isinstance(cause, FileNotFoundError)
    return getattr(cause, "status", 404) not in (404, 410)
