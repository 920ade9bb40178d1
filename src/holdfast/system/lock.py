"""One writer: a folder that a process trains in is not written by another. No torch here.

The lock is a file with pid, host and the start of the process. On one host it is held by the kernel (flock) and falls
with the process; across hosts that share a disk the file's time is moved on while the process lives.
"""

import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from holdfast.system.intact import told

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

LOCK = ".lock"
BEAT_SECONDS = 20.0
"""So often a living writer moves the file's time on."""
STALE_SECONDS = 180.0
"""Without a sign of life for so long, a lock of another host is taken over."""


class HeldError(ValueError):
    """Another process writes the folder."""


@contextmanager
def one_writer(folder: Path) -> Iterator[None]:
    """Inside the block this process alone writes the folder. Raises HeldError, with pid and host, where not."""
    path = folder / LOCK
    try:
        handle = path.open("a+")
    except OSError as error:
        raise told(error, path) from None
    with handle:
        _take(handle, path)
        handle.truncate(0)
        handle.write(json.dumps({"pid": os.getpid(), "host": socket.gethostname()}))
        handle.flush()
        done = threading.Event()
        threading.Thread(target=_beat, args=(path, done), daemon=True).start()
        try:
            yield
        finally:
            done.set()
            path.unlink(missing_ok=True)


def _take(handle: Any, path: Path) -> None:
    before = _owner(path)
    if fcntl is not None:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise _held(path, before) from None
        if not path.exists() or os.fstat(handle.fileno()).st_ino != path.stat().st_ino:
            raise _held(path, before)  # its owner has just finished and taken the file away
    elsewhere = before.get("host") not in (None, socket.gethostname())
    if elsewhere and _shows_life(path):
        raise _held(path, before)


def _shows_life(path: Path) -> bool:
    """Whether a lock's time was moved on of late; one from the future, by a clock that is ahead, is watched."""
    moved = path.stat().st_mtime
    age = time.time() - moved
    if age > -STALE_SECONDS:
        return age < STALE_SECONDS
    until = time.monotonic() + 1.5 * BEAT_SECONDS
    while time.monotonic() < until and path.stat().st_mtime == moved:
        time.sleep(BEAT_SECONDS / 20)
    return path.stat().st_mtime != moved


def _owner(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _held(path: Path, owner: dict[str, Any]) -> HeldError:
    who = f"pid {owner.get('pid', '?')} on {owner.get('host', 'this machine')}"
    return HeldError(
        f"expected a folder that nobody writes, got {path.parent}, which is being trained by {who}; wait for it, or "
        "end that process first"
    )


def _beat(path: Path, done: threading.Event) -> None:
    while not done.wait(BEAT_SECONDS):
        try:
            os.utime(path)
        except OSError:
            return
