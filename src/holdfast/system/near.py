"""Names that come near one that is not there: what a line about a wrong name ends with."""

import difflib
import os
from collections.abc import Iterable
from itertools import islice
from pathlib import Path

_ALIKE = 0.6
_MOST = 2_000
"""Names of a folder that are looked at."""


def near_words(name: str, known: Iterable[str], *, most: int = 3) -> str:
    """'did you mean A, B or C?' for those of the known names that come near one, nearest first; '' where none does."""
    by_lower = {one.lower(): one for one in known}
    found = difflib.get_close_matches(name.lower(), by_lower, n=most, cutoff=_ALIKE)
    names = [by_lower[one] for one in found]
    return f"did you mean {' or '.join(filter(None, (', '.join(names[:-1]), names[-1])))}?" if names else ""


def near_path(path: Path | str) -> str:
    """'did you mean PATH?' for a path that is not there, if its first part that is missing has one near it under which
    the rest is; else ''."""
    path = Path(path)
    missing = [path, *path.parents]
    missing = missing[: next((at for at, one in enumerate(missing) if one.is_dir()), len(missing))]
    if not missing:
        return ""
    first = missing[-1]
    try:
        with os.scandir(first.parent) as entries:
            names = [entry.name for entry in islice(entries, _MOST) if not entry.name.startswith(".")]
    except OSError:
        return ""
    rest = path.relative_to(first)
    there = [name for name in names if (first.parent / name / rest).exists()]
    close = difflib.get_close_matches(first.name.lower(), [name.lower() for name in there], n=1, cutoff=_ALIKE)
    found = [name for name in there if close and name.lower() == close[0]]
    return f"did you mean {first.parent / found[0] / rest}?" if found else ""
