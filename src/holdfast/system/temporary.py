"""Temporary files: whose they are, also on a disk that machines share, and which the dead left. No torch here."""

import hashlib
import os
import re
import shutil
import socket
import time
from contextlib import suppress
from functools import cache
from pathlib import Path

FORGOTTEN_SECONDS = 3600.0
"""A temporary file of another machine that nothing was written to for so long is a dead process's."""
_NAMES = re.compile(r"\.(.+)\.(\d+)(?:-([0-9a-f]{8}))?\.tmp")
"""The file's name, the pid, and the machine, which files of before November 2026 lack."""


def temporary_name(path: Path) -> Path:
    """A name beside path that says which process of which machine writes it."""
    return path.with_name(f".{path.name}.{os.getpid()}-{_machine()}.tmp")


def is_temporary(name: str) -> bool:
    """Whether a file's name is one of these."""
    return _NAMES.fullmatch(name) is not None


def clean_stale(*folders: Path, name: str = "") -> None:
    """Removes temporary files and folders of processes that are no more; name: those of one file."""
    for path in (path for folder in folders if folder.is_dir() for path in folder.iterdir()):
        found = _NAMES.fullmatch(path.name)
        if found and name in ("", found[1]):
            with suppress(OSError):
                if not _in_use(path, int(found[2]), found[3]):
                    shutil.rmtree(path) if path.is_dir() else path.unlink()


def _in_use(path: Path, pid: int, machine: str | None) -> bool:
    """Whether a process may still write a temporary file; of another machine's only the file's time tells."""
    if machine in (None, _machine()):
        return _alive(pid)
    return time.time() - path.stat().st_mtime < FORGOTTEN_SECONDS


@cache
def _machine() -> str:
    return hashlib.blake2b(socket.gethostname().encode(), digest_size=4).hexdigest()


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True
