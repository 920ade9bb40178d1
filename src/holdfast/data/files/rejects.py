"""Files of a source that are set aside: which, and why."""

import csv
from collections.abc import Sequence
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
