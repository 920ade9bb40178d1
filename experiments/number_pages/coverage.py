"""The table of docs/statistics.md: every interval and test, with what was measured before and now."""

from coverage_rows import ROWS, Row
from number_pages.engine import Block, results

_HEAD = "| what | where | regime | before | now | not printed |\n|---|---|---|---|---|---|"


def _before(row: Row, found: dict[str, float]) -> str:
    if not found:
        return row.said_before
    case, share = next(iter(found.items()))
    return f"{'errs in' if row.errors else 'holds in'} {100 * share:.0f} % ({case})"


def _now(row: Row, found: dict[str, float], draws: int) -> str:
    low, high = (f"{100 * end:.1f}" for end in (min(found.values()), max(found.values())))
    words = "errs in" if row.errors else "holds in"
    ends = low if low == high else f"{low} to {high}"
    return f"{words} {ends} % ({len(found)} cases of {draws:,} draws)"


def table() -> str:
    """A row for each of ROWS, from results/coverage.json."""
    lines = [_HEAD]
    for name, row in ROWS.items():
        found = results("coverage")["rows"][name]
        now = _now(row, found["cases"], found["draws"])
        lines.append(
            f"| {row.what} | {row.where} | {row.regime} | {_before(row, found['before'])} | {now} | {row.absent} |"
        )
    return "\n".join(lines)


def blocks() -> list[Block]:
    """The table between its marks."""
    return [Block("docs/statistics.md", "coverage", table())]
