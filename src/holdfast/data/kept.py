"""Indexes of folders kept on disk: checked for change, mapped into memory, and so shared by every process."""

import hashlib
import json
import os
import shutil
from contextlib import suppress
from pathlib import Path

import numpy as np

from holdfast.data.folder import FolderIndex, index_folder
from holdfast.runs import atomic_folder

SCHEMA_VERSION = 1
_COLUMNS = ("names", "starts", "sizes", "mtimes")
_KEPT = 2
"""Indexes of one folder that stay, the newest: a run in progress may still read the one before."""


def cache_folder() -> Path:
    """$XDG_CACHE_HOME/holdfast, or ~/.cache/holdfast."""
    given = os.environ.get("XDG_CACHE_HOME")
    return (Path(given) if given else Path.home() / ".cache") / "holdfast"


def open_index(root: Path) -> FolderIndex:
    """The index of a folder as it is now, from the disk where it has not changed since, and kept there for next time.

    The folder is walked again each time, which is what notices every change of a name, a size or a time. Where the
    cache folder cannot be written, the index stays in memory.
    """
    index = index_folder(root.resolve())
    home = cache_folder() / "folders" / hashlib.sha256(os.fsencode(index.root)).hexdigest()[:16] / index.checksum
    with suppress(OSError, ValueError, KeyError):
        return load_index(home)
    try:
        _write(index, home)
        return load_index(home)
    except OSError:
        return index


def load_index(home: Path) -> FolderIndex:
    """A kept index, its columns mapped from the disk. Raises OSError, KeyError or ValueError where it is damaged."""
    facts = json.loads((home / "index.json").read_text())
    if facts["schema"] != SCHEMA_VERSION:
        raise ValueError(f"expected an index of schema {SCHEMA_VERSION}, got {facts['schema']}; it is made anew")
    columns = {name: np.load(home / f"{name}.npy", mmap_mode="r", allow_pickle=False) for name in _COLUMNS}
    files, starts = facts["files"], columns["starts"]
    fits = starts.shape == (files + 1,) and all(columns[name].shape == (files,) for name in ("sizes", "mtimes"))
    if not fits or len(columns["names"]) != starts[-1]:
        raise ValueError(f"expected {files} files in {home}, got columns of other lengths; it is made anew")
    return FolderIndex(Path(os.fsdecode(bytes.fromhex(facts["root"]))), **columns, home=home)


def _write(index: FolderIndex, home: Path) -> None:
    home.parent.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(home, ignore_errors=True)  # only a damaged one gets here
    with atomic_folder(home) as temporary:
        for name in _COLUMNS:
            np.save(temporary / f"{name}.npy", getattr(index, name), allow_pickle=False)
        facts = {"schema": SCHEMA_VERSION, "root": os.fsencode(index.root).hex(), "files": len(index)}
        (temporary / "index.json").write_text(json.dumps(facts))
    older = sorted(home.parent.iterdir(), key=lambda path: path.stat().st_mtime_ns, reverse=True)[_KEPT:]
    for path in older:
        shutil.rmtree(path, ignore_errors=True)
