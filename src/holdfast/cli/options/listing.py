"""Lists of what there is, a line for each entry, and one entry in full."""

import inspect
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from holdfast.cli.options.errors import UserError, nearest
from holdfast.cli.options.lines import width, wrapped


def chosen(
    what: str, words: Sequence[str], entries: Mapping[str, Any], groups: Mapping[str, Sequence[str]] | None = None
) -> str | None:
    """The entry that the words name; None where they name none, after the list of all was printed.

    groups: names of the entries by heading, in which the list is printed; None: one list.
    Raises UserError for an unknown name and for several.
    """
    if {"-h", "--help", "--help-all"} & set(words):
        print(f"usage: holdfast {what} [NAME]\n\n{wrapped(f'Lists {what}, or shows the one that is named.')}\n")
        print(f"for example: holdfast {what} {next(iter(entries))}")
        return None
    if len(words) > 1:
        raise UserError(f"expected one name after 'holdfast {what}', got {' '.join(words)}; give one, or none for all")
    if words and words[0] not in entries:
        raise UserError(f"expected one of the {what}, got {words[0]!r}; {nearest(words[0], entries)}")
    if words:
        return words[0]
    print(listed(entries) if groups is None else _grouped(entries, groups))
    return None


def _grouped(entries: Mapping[str, Any], groups: Mapping[str, Sequence[str]]) -> str:
    """Each heading with its entries, the names of all groups in one column."""
    column = max(map(len, entries))
    parts = [
        f"{heading}:\n" + listed({name: entries[name] for name in names}, "  ", column)
        for heading, names in groups.items()
        if names
    ]
    return "\n\n".join(parts)


def listed(entries: Mapping[str, Any], indent: str = "", column: int = 0) -> str:
    """A line for each entry, wrapped after its name; on lines of its own where the names are long.

    column: the least width of the column of names.
    """
    column = max(column, *map(len, entries))
    hang = " " * (len(indent) + column + 2)
    if width() - len(hang) < 50:
        return "\n".join(f"{indent}{name}\n{wrapped(first_line(entry), '      ')}" for name, entry in entries.items())
    return "\n".join(wrapped(f"{name:{column}}  {first_line(entry)}", indent, hang) for name, entry in entries.items())


def first_line(entry: Any) -> str:
    """What a method, preset, audit or recipe is, in a sentence: a class is what its file says on the first line."""
    text = sys.modules[entry.__module__].__doc__ if inspect.isclass(entry) else entry.__doc__
    return (text or "").strip().split("\n\n")[0].replace("\n", " ")


def paragraphs(text: str | None) -> str:
    """A docstring's paragraphs in lines of whole words."""
    return "\n\n".join(wrapped(" ".join(part.split())) for part in (text or "").split("\n\n"))
