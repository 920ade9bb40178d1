"""Indexes of folders kept on disk: checked for change, mapped into memory, and so shared by every process."""

import hashlib
import json
import os
import shutil
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np

from holdfast.data.files.folder_index import COLUMNS, SCHEMA_VERSION, FolderIndex, index_folder, load_index
from holdfast.runs import atomic_folder

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
    with suppress(OSError, ValueError, KeyError, TypeError, EOFError, RecursionError):
        return replace(load_index(home), left_out=index.left_out)
    try:
        _write(index, home)
        return replace(load_index(home), left_out=index.left_out)
    except OSError:
        return index


def _write(index: FolderIndex, home: Path) -> None:
    home.parent.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(home, ignore_errors=True)  # only a damaged one gets here
    with atomic_folder(home) as temporary:
        for name in COLUMNS:
            np.save(temporary / f"{name}.npy", getattr(index, name), allow_pickle=False)
        facts = {"schema": SCHEMA_VERSION, "root": os.fsencode(index.root).hex(), "files": len(index)}
        (temporary / "index.json").write_text(json.dumps(facts))
    older = sorted(home.parent.iterdir(), key=lambda path: path.stat().st_mtime_ns, reverse=True)[_KEPT:]
    for path in older:
        shutil.rmtree(path, ignore_errors=True)
