"""Tables as data: the page and the terminal show the same cells."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest

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


_INDENT, _GAP = 2, 2
_JOINED = "\N{NO-BREAK SPACE}"
"""Between what belongs on one line, such as the ends of an interval."""


def as_text(table: Table, width: int | None = None) -> str:
    """A table for a terminal or a pipe: aligned columns, two spaces between them, plain minus signs.

    width: columns of the terminal. Wider tables wrap their cells between words, and where that is not enough the
    columns of numbers stand in several tables under one another. None: lines as long as they get.
    """
    heads = [column.text for column in table.columns]
    body = [[_row_head(row[0]), *map(_cell_text, row[1:])] for row in table.rows]
    texts, numeric = [heads, *body], [column.numeric for column in table.columns]
    parts = _parts(texts, numeric, width)
    blocks = []
    for place, columns in enumerate(parts, 1):
        caption = table.caption + (f" ({place} of {len(parts)})" if len(parts) > 1 else "")
        shown = [[row[i] for i in columns] for row in texts]
        blocks += [caption, *_lines(shown, [numeric[i] for i in columns], width)]
    return "\n".join(blocks).replace("−", "-").replace(_JOINED, " ")


def _cell_text(cell: Cell) -> str:
    note = re.sub(r"\[[^\]]*\]", lambda found: found[0].replace(" ", _JOINED), cell.note)
    return " ".join(filter(None, (re.sub(r"\[[^\]]*\]", lambda f: f[0].replace(" ", _JOINED), cell.text), note)))


def _parts(texts: Sequence[Sequence[str]], numeric: Sequence[bool], width: int | None) -> list[list[int]]:
    """The columns of each table: all, or as many of the numbers beside the row heads as fit."""
    every = list(range(len(numeric)))
    if width is None or numeric.count(True) < 2:
        return [every]
    least = [max(_longest_word(row[i]) for row in texts) for i in every]
    room = width - _INDENT + _GAP
    if sum(least) + _GAP * len(every) <= room or not all(numeric[numeric.index(True) :]):
        return [every]
    heads = every[: numeric.index(True)]
    free = room - sum(least[i] + _GAP for i in heads)
    parts: list[list[int]] = [[]]
    for i in every[len(heads) :]:
        if parts[-1] and sum(least[j] + _GAP for j in (*parts[-1], i)) > free:
            parts.append([])
        parts[-1].append(i)
    return [[*heads, *part] for part in parts]


def _lines(texts: Sequence[Sequence[str]], numeric: Sequence[bool], width: int | None) -> list[str]:
    """The rows in aligned columns; a cell that is too wide goes on below itself."""
    widths = [max(len(row[i]) for row in texts) for i in range(len(numeric))]
    if width is not None:
        least = [max(_longest_word(row[i]) for row in texts) for i in range(len(numeric))]
        while _INDENT + sum(widths) + _GAP * (len(widths) - 1) > width and widths != least:
            widest = max((i for i in range(len(widths)) if widths[i] > least[i]), key=lambda i: widths[i])
            widths[widest] -= 1
    lines = []
    for row in texts:
        wrapped = [_wrapped(text, w) for text, w in zip(row, widths, strict=True)]
        for cells in zip_longest(*wrapped, fillvalue=""):
            columns = zip(cells, widths, numeric, strict=True)
            lines.append(" " * _INDENT + "  ".join(t.rjust(w) if n else t.ljust(w) for t, w, n in columns).rstrip())
    return lines


def _longest_word(text: str) -> int:
    return max(map(len, text.split(" ")), default=0)


def _wrapped(text: str, width: int) -> list[str]:
    """Lines of whole words; spaces that join stay."""
    lines = [""]
    for word in text.split(" "):
        if lines[-1] and len(lines[-1]) + 1 + len(word) > width:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}" if lines[-1] else word
    return lines
