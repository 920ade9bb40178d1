"""Folders that a command chooses by itself."""

from pathlib import Path


def free_folder(parent: Path, name: str) -> Path:
    """parent/name-1, or the first number that nothing has yet."""
    number = 1
    while (parent / f"{name}-{number}").exists():
        number += 1
    return parent / f"{name}-{number}"
