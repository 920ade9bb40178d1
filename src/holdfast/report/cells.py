"""Tables as data: the page and the terminal show the same cells."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from holdfast.report.collect import Encoder, flat
from holdfast.report.wording import interval, number, setting
from holdfast.statistics import Estimate


@dataclass(frozen=True)
class Cell:
    """One cell: what is read, what is smaller beneath it, and what it sorts by."""

    text: str
    note: str = ""
    sort: float | str = ""
    hint: str = ""
    mark: str = ""
    """'watch' or 'differs', or nothing."""
    place: int | None = None
    """An encoder's colour beside the text."""


@dataclass(frozen=True)
class Column:
    """A column's heading."""

    text: str
    note: str = ""
    numeric: bool = True
    place: int | None = None


@dataclass(frozen=True)
class Table:
    """Columns, rows of cells (the first heads its row) and what a reader must know beside them."""

    name: str
    caption: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    notes: Sequence[str] = ()
    sortable: bool = False


def encoder_columns(encoders: Sequence[Encoder], audit: str | None = None) -> list[Column]:
    """One column per encoder; temperature and number of runs stand beneath the name: no result goes without them."""
    return [Column(e.name, encoder_note(e, audit), place=e.place) for e in encoders]


def encoder_note(encoder: Encoder, audit: str | None = None) -> str:
    """Temperature and runs of an encoder in a few words: all its runs, or those that an audit has measured."""
    temperature = flat(encoder.run).get("temperature")
    runs = len(encoder.members)
    measured = runs if audit is None else len(encoder.with_finding(audit))
    varied = encoder.varies if runs > 1 else "run"
    counted = f"{runs} {varied}" if measured == runs else f"{measured} of {runs} {varied}"
    return ", ".join([*([f"t = {setting(temperature)}"] if temperature is not None else []), counted])


def estimate_cell(value: Estimate | None, unit: str) -> Cell:
    """A number with its spread, its interval beneath it."""
    if value is None:
        return Cell("–", "not measured")
    spread = "" if value.spread is None else f" ± {number(value.spread, unit, like=value.value)}"
    note = "" if value.interval is None else interval(*value.interval, unit, like=value.value)
    return Cell(number(value.value, unit) + spread, note, value.value)


def run_cell(encoder: Encoder, value: Estimate | None, unit: str) -> Cell:
    """As estimate_cell; beneath it how many of an encoder's runs it is of, where these are not all."""
    cell, runs = estimate_cell(value, unit), len(encoder.members)
    if value is None or value.runs == runs:
        return cell
    return replace(cell, note=", ".join(filter(None, (cell.note, f"{value.runs} of {runs} {encoder.varies}"))))


def _row_head(cell: Cell) -> str:
    return f"{cell.text} ({cell.note.removesuffix(' is better')})" if cell.note else cell.text


def as_text(table: Table) -> str:
    """A table for a terminal or a pipe: aligned columns, two spaces between them, plain minus signs."""
    heads = [column.text for column in table.columns]
    body = [
        [_row_head(row[0]), *(" ".join(filter(None, (cell.text, cell.note))) for cell in row[1:])] for row in table.rows
    ]
    widths = [max(len(row[i]) for row in [heads, *body]) for i in range(len(heads))]
    lines = []
    for row in [heads, *body]:
        columns = zip(row, widths, table.columns, strict=True)
        lines.append("  ".join(t.rjust(w) if c.numeric else t.ljust(w) for t, w, c in columns).rstrip())
    return "\n".join([table.caption, *(f"  {line}" for line in lines)]).replace("−", "-")
