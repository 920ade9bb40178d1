"""Lines of whole words, as wide as the terminal; as they are in a pipe."""

import os
import shlex
import shutil
import sys
import textwrap
from collections.abc import Sequence
from typing import TextIO

JOIN = "\N{NO-BREAK SPACE}"
"""Between words that belong on one line, such as a name and its number."""


def width() -> int:
    """Columns of the terminal, at most 80; 80 where there is none."""
    return min(80, shutil.get_terminal_size((80, 24)).columns)


def wrapped(text: str, indent: str = "", hang: str | None = None) -> str:
    """The text in lines of whole words, each after the indent, those after the first after hang where it is given."""
    return textwrap.fill(
        text,
        width(),
        initial_indent=indent,
        subsequent_indent=indent if hang is None else hang,
        break_long_words=False,
        break_on_hyphens=False,
    )


def columns_of(stream: TextIO | None = None) -> int | None:
    """Columns of what is printed to: a terminal's, or those that COLUMNS asks of a pipe; None for a pipe without."""
    if not (stream or sys.stdout).isatty() and not os.environ.get("COLUMNS", "").isdigit():
        return None
    return shutil.get_terminal_size((80, 24)).columns


def fitted(text: str, stream: TextIO | None = None) -> str:
    """Lines that are too long for the terminal, broken between words; as they are where `columns` is None.

    Words with a JOIN between them stay on one line, with a space there.
    """
    columns = columns_of(stream)
    if columns is not None:
        text = "\n".join(line if len(line) <= columns else _folded(line, columns) for line in text.split("\n"))
    return text.replace(JOIN, " ")


def copyable(command: str, indent: str = "", stream: TextIO | None = None) -> str:
    """A command in lines of the terminal's width that a shell reads as one; in one line where `columns` is None."""
    columns = columns_of(stream)
    if columns is None or len(indent + command) <= columns:
        return indent + command
    lines = [indent]
    for word in _together(shlex.split(command)):
        if len(lines[-1]) + len(word) + 3 > columns and lines[-1].strip():
            lines.append(f"{indent}    ")
        lines[-1] += ("" if lines[-1].isspace() or not lines[-1] else " ") + word
    return " \\\n".join(lines)


def _together(words: Sequence[str]) -> list[str]:
    """Words quoted for a shell, each flag with its value."""
    found: list[str] = []
    for word in map(shlex.quote, words):
        if found and found[-1].startswith("--") and " " not in found[-1] and not word.startswith("--"):
            found[-1] += f" {word}"
        else:
            found.append(word)
    return found


def _folded(line: str, columns: int) -> str:
    indent = line[: len(line) - len(line.lstrip())]
    return textwrap.fill(
        line.strip(),
        columns,
        initial_indent=indent,
        subsequent_indent=f"{indent}    ",
        break_long_words=False,
        break_on_hyphens=False,
    )
