"""Every interval and test that the product prints, with simulations of how often it holds or errs."""

from fnmatch import fnmatch

from coverage_rows import attacks, classes, detection, means, ranks, shares
from coverage_rows.base import BEFORE_DRAWS, LEAST, MOST, UNLUCKY, Case, Row

__all__ = ["BEFORE_DRAWS", "LEAST", "MOST", "ROWS", "UNLUCKY", "Case", "Row", "row_of"]

ROWS: dict[str, Row] = {
    row.name: row for part in (shares, classes, means, ranks, detection, attacks) for row in part.ROWS
}
"""By name, in the order of docs/statistics.md."""


def row_of(audit: str, score: str) -> str | None:
    """The row of a score's interval, None where there is none; of several patterns the longest decides."""
    found = [(len(p), row.name) for row in ROWS.values() for p in row.scores if fnmatch(f"{audit}.{score}", p)]
    return max(found)[1] if found else None
