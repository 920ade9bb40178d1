"""Folders of pictures, told from their files' names: no run, and no place for what we write."""

import mimetypes
import os
from itertools import chain, islice
from pathlib import Path

_LOOKED_AT = 1000


def is_collection(folder: Path) -> bool:
    """Whether most files in a folder, of the first so many, are pictures by their names."""
    names = islice(chain.from_iterable(files for _, _, files in os.walk(folder)), _LOOKED_AT)
    pictures = [(mimetypes.guess_type(name)[0] or "").startswith("image/") for name in names]
    return sum(pictures) > len(pictures) / 2


def refuse_collection(folder: Path, wanted: str, remedy: str) -> None:
    """Raises ValueError where a folder that is to be written into is one of pictures."""
    if is_collection(folder):
        raise ValueError(f"expected {wanted}, got {folder}, a folder of pictures; {remedy}")
