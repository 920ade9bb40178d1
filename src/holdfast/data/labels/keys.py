"""Which row of a table is of which image: by path or stem over all columns, and only then by place."""

from __future__ import annotations

# pyarrow makes its compute functions as it is imported, where no type checker sees them.
# pyright: reportAttributeAccessIssue=false
import os
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from holdfast.data.files import Paths, RowNames
from holdfast.data.images import Bare, Images
from holdfast.data.labels.tables import Table

PLACE_COLUMNS = ("id", "index", "row", "place")
"""Names of a column whose numbers may be images' places in the source."""
_FOREIGN = re.compile(r"^[A-Za-z]:[\\/]|\\")
_COMPARED = 1000
"""Images among which one is looked for that a key may have meant."""
_COMPARABLE = 0.5
"""A reading of a table counts where it fits at least this share of the images that the best one fits."""


@dataclass(frozen=True, eq=False)
class Reading:
    """One way to tell a table's rows from one another: a column, and what of an image it holds."""

    column: str
    what: str
    own: pa.Array
    """[n] of the images."""
    keys: pa.Array
    """[rows] of the table, null for none."""

    def rows(self) -> np.ndarray:
        """int64 [n]: the first row of each image, -1 for none."""
        known = pc.index_in(self.own, value_set=self.keys.filter(pc.is_valid(self.keys)))
        places = pa.array(np.flatnonzero(pc.is_valid(self.keys).to_numpy(zero_copy_only=False)))
        taken = places.take(known) if len(places) else known
        return taken.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)

    def __str__(self) -> str:
        return f"column {self.column!r} as {self.what}"


def check_header(images: Images | Bare, table: Table) -> None:
    """Raises ValueError for a table whose first row is one of the others: it speaks of an image."""
    if images.paths is None:
        return
    own = own_paths(images.paths)
    cells = [name.rpartition("/")[2] if "." in name else "" for name in table.columns]
    header = pa.array([cell.encode() or None for cell in cells], pa.large_binary())
    known = pc.is_in(header, value_set=pc.replace_substring_regex(own, "^.*/", ""), skip_nulls=True)
    if pc.any(known).as_py():
        name = list(table.columns)[known.to_pylist().index(True)]
        raise ValueError(
            f"expected a header above the rows of {table.file}, got a row of an image, {name!r}; write the columns' "
            "names on a line above it"
        )


def readings(images: Images | Bare, table: Table, keys: Sequence[str]) -> list[list[Reading]]:
    """The ways to read a table's columns `keys` for images: as paths, as file names, as stems, as places."""
    if images.paths is None:
        return [list(_by_place(images, table, keys))]
    tiers: list[list[Reading]] = [[], [], []]
    for name in keys:
        paths, names, *stems = _by_path(images.paths or (), table, name)
        tiers[0].append(paths)
        tiers[1].append(names)
        tiers[2] += stems
    return [*tiers, list(_by_place(images, table, keys))]


def _by_path(paths: Sequence[str], table: Table, name: str) -> Iterator[Reading]:
    own = own_paths(paths)
    keys = pc.replace_substring_regex(table.columns[name], r"^\./", "")
    yield Reading(name, "paths", own, _relative(keys, paths, table).cast(pa.large_binary()))
    keys, last = keys.cast(pa.large_binary()), pc.replace_substring_regex(own, "^.*/", "")
    yield Reading(name, "file names", last, keys)
    yield Reading(name, "paths without suffix", _stem(own), keys)
    yield Reading(name, "file names without suffix", _stem(last), keys)


def _stem(names: pa.Array) -> pa.Array:
    return pc.replace_substring_regex(names, r"\.[^./]*$", "")


def _relative(keys: pa.Array, paths: Sequence[str], table: Table) -> pa.Array:
    """Keys relative to the images' folder, also where they are relative to the table, or absolute."""
    if not isinstance(paths, Paths):
        return keys
    root = os.path.relpath(paths.folder.root, table.file.resolve().parent)
    for prefix in (f"{root}/", f"{paths.folder.root}/"):
        inside = pc.starts_with(keys, prefix)
        if pc.sum(inside).as_py():
            keys = pc.if_else(inside, pc.utf8_slice_codeunits(keys, len(prefix)), keys)
    return keys


def _by_place(images: Images | Bare, table: Table, names: Sequence[str]) -> Iterator[Reading]:
    """Columns of whole numbers, called as usual or, for images without paths, the first column."""
    first = names[:1] if images.paths is None else []
    for name in dict.fromkeys([*(n for n in names if n.lower() in PLACE_COLUMNS), *first]):
        keys = table.columns[name]
        if pc.all(pc.match_substring_regex(keys, r"^(0|[1-9][0-9]{0,17})$")).as_py():
            numbers = keys.cast(pa.int64())
            _check_places(numbers, name, images, table)
            yield Reading(name, "places", pa.array(images.places), numbers)


def _check_places(numbers: pa.Array, name: str, images: Images | Bare, table: Table) -> None:
    """Numbers beyond the last place are no places, and those that happen to be smaller would all be wrong."""
    known = images.paths.folder if isinstance(images.paths, Paths) else images
    whole = known is not images or bool((images.places == np.arange(len(images))).all())
    low, high = pc.min(numbers).as_py(), pc.max(numbers).as_py()
    if whole and high is not None and high >= len(known):
        raise ValueError(
            f"expected in {table.file} paths of images in {images.source}, or under {name!r} their places, which are "
            f"counted from 0 to {len(known) - 1:,}, got numbers from {low:,} to {high:,}; write paths"
        )
    if low:
        raise ValueError(
            f"expected in {table.file} places under {name!r}, which are counted from 0, got numbers from {low:,} to "
            f"{high:,}, which may be counted from 1; write paths, or add the row of place 0, with an empty cell if "
            "nothing is said of it"
        )


def chosen(
    found: list[list[Reading]], values: np.ndarray, images: Images | Bare, table: Table
) -> tuple[Reading, np.ndarray]:
    """The reading to take, and the row of each image, -1 for none.

    values: [rows] what is asked for, as numbers. The exactest reading is taken that fits about as many images as any
    before places. Raises ValueError where none fits, where two of a kind fit that say different things, or where
    several images or rows go by one name and differ.
    """
    fitting = [[(reading, reading.rows()) for reading in tier] for tier in found]
    counts = [[int((rows >= 0).sum()) for _, rows in tier] for tier in fitting]
    most = max((count for tier in counts[:-1] for count in tier), default=0) or max(counts[-1], default=0)
    for tier, count in zip(fitting, counts, strict=True):
        near = [one for one, fits in zip(tier, count, strict=True) if fits and fits >= _COMPARABLE * most]
        if near:
            best, rows = max(near, key=lambda one: (one[1] >= 0).sum())
            for other in near:
                if other[0].column != best.column:
                    _check_agree((best, rows), other, values, images, table)
            _check_single(best, rows, values, table)
            return best, rows
    raise _none_fits(images, table)


def _check_agree(
    best: tuple[Reading, np.ndarray],
    other: tuple[Reading, np.ndarray],
    values: np.ndarray,
    images: Images | Bare,
    table: Table,
) -> None:
    both = (best[1] >= 0) & (other[1] >= 0)
    differ = both & (values[best[1]] != values[other[1]])
    if differ.any():
        raise ValueError(
            f"expected one reading of {table.file} that fits {images.source}, got two that differ for "
            f"{int(differ.sum()):,} images, such as {image_name(images, int(differ.argmax()))!r}: {best[0]}, or "
            f"{other[0]}; say which column names the image, {table.file}:COLUMN@{best[0].column}, or remove the other"
        )


def _check_single(reading: Reading, rows: np.ndarray, values: np.ndarray, table: Table) -> None:
    """One name is one image, and what is said of it is the same in every row."""
    _check_own(reading, rows, table)
    numbers = pc.index_in(reading.keys, value_set=reading.own.take(pa.array(np.flatnonzero(rows >= 0))))
    places = numbers.fill_null(-1).to_numpy(zero_copy_only=False)
    here = np.flatnonzero(places >= 0)
    order = here[np.argsort(places[here], kind="stable")]
    same, differs = places[order][1:] == places[order][:-1], values[order][1:] != values[order][:-1]
    if (same & differs).any():
        place = int((same & differs).argmax())
        raise ValueError(
            f"expected one value for each image in {table.file}, got several for "
            f"{table.columns[reading.column][int(order[place])].as_py()!r} (rows {order[place] + 1} and "
            f"{order[place + 1] + 1} under the header differ); keep one of them"
        )


def _check_own(reading: Reading, rows: np.ndarray, table: Table) -> None:
    counts = pc.value_counts(reading.own.filter(pa.array(rows >= 0)))
    several = counts.filter(pc.greater(counts.field("counts"), 1))
    if len(several):
        name = several.field("values")[0].as_py()
        shown = name.decode("utf-8", "backslashreplace") if isinstance(name, bytes) else name
        raise ValueError(
            f"expected names in {table.file} that are each of one image, got {shown!r}, which {reading} is "
            f"{several.field('counts')[0]} images; write their paths"
        )


def _none_fits(images: Images | Bare, table: Table) -> ValueError:
    usual = next(iter(table.columns))
    first = next((value for value in table.columns[usual].to_pylist() if value), "")
    own = f", which has images such as {image_name(images, 0)!r}" if len(images) and images.paths is not None else ""
    if _FOREIGN.search(first):
        why = "backslashes or a drive letter, as Windows writes paths; write / and paths relative to --data"
    elif (twin := _twin(table.columns[usual], images)) is not None:
        why = twin
    elif images.paths is None:
        why = "and the images have no paths; write their places, counted from 0, under 'id'"
    else:
        why = "none of them a path or a stem here; write paths relative to --data, or places counted from 0 under 'id'"
    return ValueError(
        f"expected in {table.file} the paths of images in {images.source}{own}, got {table.rows:,} rows, the first "
        f"{first!r}: {why}"
    )


def _twin(keys: pa.Array, images: Images | Bare) -> str | None:
    """How the first key and an image's path differ, where blanks, case, suffix or the spelling of accents is all."""
    first = next((value for value in keys.to_pylist() if value), "")
    for path in () if images.paths is None else (images.paths[place] for place in range(min(len(images), _COMPARED))):
        if unicodedata.normalize("NFC", first) == unicodedata.normalize("NFC", path):
            return f"the image's {path!a} spells its accents otherwise than {first!a}; write them alike (NFC)"
        if first.strip().casefold() == path.casefold():
            return f"it differs from the image's {path!r} by case or blanks; write it alike"
        if path and first.rpartition(".")[0] == path.rpartition(".")[0] != "":
            return f"the image's suffix is another, {path!r}; write it alike, or leave suffixes out"
        if path and first.endswith(f"/{path}"):
            return f"it ends as the image's path {path!r}; cut off what is before that"
    return None


def image_name(images: Images | Bare, position: int) -> str:
    """What people call an image: its path, or its id."""
    path = "" if images.paths is None else images.paths[position]
    return path or f"id {int(images.ids[position])}"


def own_paths(paths: Sequence[str]) -> pa.Array:
    """The images' paths; those of an index or of rows without a Python object for each."""
    if isinstance(paths, RowNames):
        return paths.column.cast(pa.large_binary())
    if not isinstance(paths, Paths):
        return pa.array(list(paths), pa.large_string()).cast(pa.large_binary())
    folder = paths.folder
    buffers = [
        None,
        pa.py_buffer(np.ascontiguousarray(folder.starts)),
        pa.py_buffer(np.ascontiguousarray(folder.names)),
    ]
    return pa.LargeBinaryArray.from_buffers(pa.large_binary(), len(folder), buffers).take(pa.array(paths.places))
