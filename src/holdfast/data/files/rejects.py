"""Files of a source that are set aside: which, and why."""

import csv
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from holdfast.runs import atomic_path
from holdfast.system import one_line, plain_cell


class Rejected(NamedTuple):
    """A file that cannot be used."""

    path: str
    """Relative to the source; bytes that are no UTF-8 as \\xE9."""
    reason: str
    """In a few words."""


NOT_READ = "not read"
"""How the reason begins where a file was there and could not be read, which may pass."""
READ_IN_PART = "read in part"
"""How the reason begins where a file is damaged and the rest of it is used."""
_ROW = re.compile(r"row (\d+) of ")


def row_name(place: int, source: str, inside: str = "") -> str:
    """What a picture in a table or archive is called by its place. inside: which of several files, and where in it."""
    return f"row {place} of {source}{inside and ': '}{inside} (counted from 0)"


def unread_rows(rejected: Iterable[Rejected]) -> dict[int, Rejected]:
    """Those of some rejected files that are called by their place and could not be read, by that place."""
    found = ((_ROW.match(one.path), one) for one in rejected if one.reason.startswith(NOT_READ))
    return {int(match[1]): one for match, one in found if match}


def write_rejects(rejected: Sequence[Rejected], path: Path) -> None:
    """Writes rejected.csv: a header, then path and reason of each file; also where there are none.

    A cell that a spreadsheet would take for a formula begins with an apostrophe; control characters are escaped.
    """
    with atomic_path(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(Rejected._fields)
        writer.writerows([plain_cell(cell) for cell in row] for row in rejected)


def summary(rejected: Sequence[Rejected]) -> str:
    """The first of them and how many more: for a message."""
    first = one_line(f"{rejected[0].path}: {rejected[0].reason}")
    return first if len(rejected) == 1 else f"{first}; and {len(rejected) - 1:,} others"
