"""Labels and subgroups of images: from folder names, a CSV file or a column of the source, and only where asked for."""

from __future__ import annotations

# pyarrow makes its compute functions as it is imported, where no type checker sees them.
# pyright: reportAttributeAccessIssue=false
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, TypeVar, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from holdfast.data.files import FolderIndex, Paths
from holdfast.data.images import Bare, Images, Subgroups
from holdfast.data.labels.keys import check_header, chosen, image_name, readings
from holdfast.data.labels.numbers import as_text, plain
from holdfast.data.labels.tables import Table, read_table
from holdfast.data.labels.words import hints, split_words

if TYPE_CHECKING:
    from torch import Tensor

PATH_COLUMNS = ("path", "file", "filename", "file_name", "filepath", "image", "name", "id")
"""Usual names of the column of a CSV file that says which image a row is of."""
TABLES = (".csv", ".tsv")
"""Suffixes of tables."""
LABEL_COLUMNS = ("label", "labels", "class", "category", "target")
NO_GROUP = "(none)"
"""Group of the images that a column says nothing of."""

Subject: TypeAlias = "Images | Bare"
OfImages = TypeVar("OfImages", "Images", Bare)
ReadColumn = Callable[[str], tuple[pa.Array, tuple[str, ...] | None]]
"""A column of the source by its name: all its values, and what its numbers are called where the source says so. Raises
ValueError where the source has no such column."""


@dataclass(frozen=True)
class Described:
    """A value for each of some images."""

    numbers: np.ndarray
    """int64 [n], -1 where there is none."""
    names: tuple[str, ...]
    """By number."""
    called: str = ""
    """The column they are from."""
    notes: tuple[str, ...] = ()
    """What was decided as they were read."""


def described(images: OfImages, *, labels: str | None, subgroups: Sequence[str], read: ReadColumn) -> OfImages:
    """Images, or Bare ones, with the labels and subgroups that are asked for, and notes of what was decided about them.

    labels: None leaves them as the source has them, 'none' takes them away, 'folder' is the first folder of each path,
    'FILE.csv', 'FILE.csv:COLUMN' or 'FILE.csv:COLUMN@KEY' a table, and anything else a column of the source.
    subgroups: the same words, but none of the first two. Raises ValueError (expected, got, remedy).
    """
    if labels == "none":
        images = replace(images, labels=None, classes=None)
    elif labels is not None:
        found = _describe(images, labels, read, LABEL_COLUMNS)
        images = replace(images, labels=images.column(_complete(found, labels, images)), classes=found.names).noted(
            found.notes
        )
    images = images.noted([*hints(images.classes or (), f"labels of {images.source}"), *_splits_read(images)])
    columns: dict[str, Subgroups] = {}
    for spec in subgroups:
        found = _describe(images, spec, read, ())
        if found.called in columns:
            raise ValueError(
                f"expected groups of different names, got {found.called!r} twice in {', '.join(subgroups)}; rename one"
            )
        columns[found.called] = _grouped(found, images)
        images = images.noted(found.notes)
    return replace(images, subgroups=dict(images.subgroups) | columns) if columns else images


def _split_table(spec: str) -> tuple[str | None, str | None]:
    """('FILE.csv', COLUMN or None) of a spec that names a table, else (None, None)."""
    file, colon, column = spec.rpartition(":")
    if colon and file.lower().endswith(TABLES):
        return file, column
    return (spec, None) if spec.lower().endswith(TABLES) else (None, None)


def _describe(images: Subject, spec: str, read: ReadColumn, usual: Sequence[str]) -> Described:
    file, column = _split_table(spec)
    if file is not None:
        return _from_table(images, Path(file), column, usual)
    if spec == "folder":
        return _from_folders(images)
    values, names = read(spec)
    if usual and pa.types.is_integer(values.type):  # of labels, a negative number says that there is none
        values = pc.if_else(pc.less(values, 0), None, values)
    return _taken(replace(_encoded(values, names), called=spec), images.places)


def _complete(found: Described, spec: str, images: Subject) -> np.ndarray:
    missing = np.flatnonzero(found.numbers < 0)
    if len(missing):
        first = int(missing[0])
        raise ValueError(
            f"expected a label of every image in {spec}, got none for {len(missing):,} of {len(images):,}, "
            f"such as {image_name(images, first)!r}; add them, or move those images elsewhere"
        )
    return found.numbers


def _grouped(found: Described, images: Subject) -> Subgroups:
    missing = found.numbers < 0
    if not missing.any():
        return Subgroups(cast("Tensor", images.column(found.numbers)), found.names)
    numbers = np.where(missing, len(found.names), found.numbers)
    return Subgroups(cast("Tensor", images.column(numbers)), (*found.names, NO_GROUP))


def _encoded(values: pa.Array, names: tuple[str, ...] | None = None) -> Described:
    """Numbers by the sorted order of the values (numbers by size, text as bytes), or by the names' own.

    Empty text is no value, and with names neither are negative numbers.
    """
    if names is not None and pa.types.is_integer(values.type):
        return Described(np.maximum(values.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64), -1), names)
    values = plain(values)
    if pa.types.is_boolean(values.type) or pa.types.is_string(values.type) or pa.types.is_large_string(values.type):
        text = as_text(values)
        return _encoded_text(pc.if_else(pc.equal(text, ""), None, text), by_size=False)
    unique = values.unique().drop_null().sort()
    numbers = pc.index_in(values, value_set=unique).fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    return Described(numbers, tuple(str(name) for name in unique.to_pylist()))


def _taken(column: Described, rows: np.ndarray) -> Described:
    """The values in some rows; -1 stands for no row."""
    return replace(column, numbers=np.where(rows < 0, -1, column.numbers[rows]))


def _from_folders(images: Subject) -> Described:
    """The first folder of each path. Classes are all first folders, whether their images are loaded or not."""
    if not isinstance(images.paths, Paths):
        raise ValueError(
            f"expected a folder of pictures to take labels of folders from, got {images.source}; leave --labels out "
            "for its own, or name its column"
        )
    ends, names = _first_folders(images.paths.folder)
    known = sorted(name for name in names if name is not None)
    if len(_splits_among(known)) == len(known) > 1:
        raise ValueError(
            f"expected folders of classes in {images.source}, got {', '.join(known)}, which are named as splits; give "
            f"one of them, as in --data {images.source}/{known[-1]}, or name the classes in a table"
        )
    numbers = np.array([-1 if name is None else known.index(name) for name in names], np.int64)
    return Described(numbers[np.searchsorted(ends, images.paths.places, side="right")], tuple(known), "folder")


def _splits_among(names: Sequence[str]) -> list[str]:
    """Those names of folders that are a word for a split alone: train, test2017."""
    plain = [(name, name.rstrip("0123456789_- ")) for name in names]
    return [name for name, word in plain if word and "".join(split_words(name)) == word]


def _splits_read(images: Subject) -> list[str]:
    """A note where several first folders are named as splits, and all of them are read."""
    if not isinstance(images.paths, Paths):
        return []
    found = _splits_among(sorted(name for name in _first_folders(images.paths.folder)[1] if name is not None))
    if len({name.rstrip("0123456789_- ").lower() for name in found}) < 2:
        return []
    return [
        f"{images.source}: its folders {', '.join(found)} are named as splits, and all of them are read; give one of "
        "them as --data to keep test images out"
    ]


def _first_folders(folder: FolderIndex) -> tuple[list[int], list[str | None]]:
    """The place after the last picture of each first folder, or picture beside these, and its name, None for none."""
    ends: list[int] = []
    names: list[str | None] = []
    while (start := ends[-1] if ends else 0) < len(folder):
        name, slash, _ = folder.name(start).partition(b"/")
        ends.append(_end(folder, start, name + slash) if slash else start + 1)
        names.append(name.decode("utf-8", "backslashreplace") if slash else None)
    return ends, names


def _end(folder: FolderIndex, start: int, prefix: bytes) -> int:
    """The first place after those whose names begin with prefix: names are sorted."""
    low, high = start, len(folder)
    while low < high:
        middle = (low + high) // 2
        if folder.name(middle).startswith(prefix):
            low = middle + 1
        else:
            high = middle
    return low


def _from_table(images: Subject, file: Path, column: str | None, usual: Sequence[str]) -> Described:
    table = read_table(file)
    check_header(images, table)
    column, key = _split_key(column, table)
    column = column or _only_column(table, key, usual)
    option = "--labels" if usual else "--groups"
    for name in (column, key):
        if name is not None and name not in table.columns:
            raise ValueError(
                f"expected a column {name!r} in {file}, got {', '.join(table.columns)}; as in {option} {file}:NAME"
            )
    values = _encoded_text(table.columns[column])
    keys = [name for name in table.columns if name != column] if key is None else [key]
    reading, rows = chosen(readings(images, table, keys), values.numbers, images, table)
    exact = reading.what == "paths" and reading.column in PATH_COLUMNS
    notes = [] if exact else [f"{file}: images are told apart by its {reading}"]
    return replace(_taken(values, rows), called=column, notes=(*table.notes, *notes))


def _split_key(column: str | None, table: Table) -> tuple[str | None, str | None]:
    """(COLUMN, KEY) of 'COLUMN@KEY', where KEY names the column that says which image a row is of."""
    if column is None or column in table.columns or "@" not in column:
        return column, None
    column, _, key = column.rpartition("@")
    return column or None, key


def _only_column(table: Table, key: str | None, usual: Sequence[str]) -> str:
    names = list(table.columns)
    key = key or next((name for name in PATH_COLUMNS if name in names), names[0])
    others = [name for name in names if name != key]
    choice = [name for name in usual if name in others] or others
    if len(choice) == 1 or (choice and choice[0] in usual and _say_the_same(table, choice)):
        return choice[0]
    raise ValueError(
        f"expected one column beside {key!r} in {table.file}, got {', '.join(choice) or 'none'}; name one: "
        f"{table.file}:COLUMN"
    )


def _say_the_same(table: Table, columns: Sequence[str]) -> bool:
    """Whether columns tell the same rows apart: numbers of classes beside their names."""
    first, *others = (_encoded_text(table.columns[name]).numbers for name in columns)
    counts = [(np.unique(np.stack([first, other]), axis=1).shape[1], len(np.unique(other))) for other in others]
    return all(count == (len(np.unique(first)),) * 2 for count in counts)


def _encoded_text(values: pa.Array, *, by_size: bool = True) -> Described:
    """Numbers by the sorted order of the values: by size where all are whole numbers as one writes them, else as text.
    '007' and '7' are two values."""
    unique = values.unique().drop_null()
    if by_size and len(unique) and pc.all(pc.match_substring_regex(unique, r"^(0|-?[1-9][0-9]{0,17})$")).as_py():
        unique = unique.take(pc.sort_indices(unique.cast(pa.int64())))
    else:
        unique = unique.sort()
    numbers = pc.index_in(values, value_set=unique).fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    return Described(numbers, tuple(unique.to_pylist()))
