"""Tables that say something of images: CSV files, every cell of which is text and only an empty one missing."""

import csv
import io
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
from pyarrow import csv as arrow_csv

SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
_MARKS = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16", b"\x00": "UTF-16 without a mark, or no text"}
_SAMPLE = 50


@dataclass(frozen=True, eq=False)
class Table:
    """A table's columns, as text."""

    file: Path
    columns: dict[str, pa.Array]
    """By header: large_string [rows], null for an empty cell."""
    separator: str

    @property
    def rows(self) -> int:
        return len(next(iter(self.columns.values())))

    @property
    def notes(self) -> tuple[str, ...]:
        """What was decided as it was read."""
        named = SEPARATORS[self.separator]
        return () if self.separator == "," else (f"{self.file}: its columns are separated by {named}",)


def read_table(file: Path) -> Table:
    """A table with a header. Raises FileNotFoundError, or ValueError that names what of it cannot be read."""
    if not file.is_file():
        raise FileNotFoundError(f"expected a CSV file, got {file}, where there is none; check the path")
    text, separator = _told_separator(_text(file))
    separator = separator or _separator(text, file)
    header = _header(text, separator, file)
    types = {name: pa.large_string() for name in header}
    try:
        table = arrow_csv.read_csv(
            io.BytesIO(text.encode()),
            read_options=arrow_csv.ReadOptions(column_names=header, skip_rows=0),
            parse_options=arrow_csv.ParseOptions(delimiter=separator, newlines_in_values='"' in text),
            convert_options=arrow_csv.ConvertOptions(
                column_types=types, null_values=[""], strings_can_be_null=True, quoted_strings_can_be_null=True
            ),
        ).slice(1)
    except pa.ArrowInvalid as error:
        raise _unreadable(file, str(error).splitlines()[0], "give every row as many cells as the header") from error
    if not table.num_rows:
        raise ValueError(f"expected rows under the header of {file}, got none; check the file")
    return Table(file, {name: table.column(name).combine_chunks() for name in header}, separator)


def _unreadable(file: Path, why: str, remedy: str) -> ValueError:
    return ValueError(f"expected a CSV file with a header, got {file}, which cannot be read as one ({why}); {remedy}")


def _text(file: Path) -> str:
    data = file.read_bytes()
    encoding = next((name for mark, name in _MARKS.items() if data[:2].startswith(mark) or mark in data[1:2]), None)
    try:
        if encoding is None:
            return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        there = data[error.start : error.start + 1]
        encoding = f"byte 0x{there.hex().upper()} in line {line}, {there.decode('latin-1')!r} in Latin-1"
    raise ValueError(f"expected UTF-8 text in {file}, got another encoding ({encoding}); save it as UTF-8")


def _told_separator(text: str) -> tuple[str, str | None]:
    """A text without the line that spreadsheets put before the header, 'sep=;', and the separator that it tells."""
    told = re.match(r"sep=([,;|\t])\r?\n?", text, re.IGNORECASE)
    return (text, None) if told is None else (text[told.end() :], told[1])


def _separator(text: str, file: Path) -> str:
    """What the header is separated by; where several signs occur in it, the one that fits the rows best."""
    lines = text.splitlines()[:_SAMPLE]
    present = [sign for sign in SEPARATORS if lines and sign in lines[0]]
    if len(present) < 2:
        return present[0] if present else ","
    widths = {sign: {len(row) for row in csv.reader(lines, delimiter=sign) if row} for sign in present}
    even = sorted((-min(found), sign) for sign, found in widths.items() if len(found) == 1)
    if even and (len(even) == 1 or even[0][0] < even[1][0]):
        return even[0][1]
    signs = " and ".join(SEPARATORS[sign] for sign in present)
    raise _unreadable(file, f"{signs} in its header {lines[0]!r}", "separate the columns by commas")


def _header(text: str, separator: str, file: Path) -> list[str]:
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    header = [name.strip() for name in next((row for row in rows if row), [])]
    if not any(header):
        raise _unreadable(file, "it is empty" if not text.strip() else "no names in its header", "name its columns")
    repeated = [name for name, count in Counter(header).items() if count > 1 and name]
    if repeated:
        raise ValueError(
            f"expected each column of {file} once, got {repeated[0]!r} {header.count(repeated[0])} times; rename or "
            "remove the repeats"
        )
    return [name or f"(column {place})" for place, name in enumerate(header, 1)]
