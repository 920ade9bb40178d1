"""Labels and subgroups of images: from folder names, a CSV file or a column of the source, and only where asked for."""

# pyarrow makes its compute functions as it is imported, where no type checker sees them.
# pyright: reportAttributeAccessIssue=false

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import torch
from torch import Tensor

from holdfast.data.files import FolderIndex, Paths
from holdfast.data.images import Images, Subgroups

PATH_COLUMNS = ("path", "file", "filename", "file_name", "filepath", "image", "name", "id")
"""Names of the column of a CSV file that says which image a row is of; 'id' is an image's place in the source."""
LABEL_COLUMNS = ("label", "labels", "class", "category", "target")
NO_GROUP = "(none)"
"""Group of the images that a column says nothing of."""

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


def described(images: Images, *, labels: str | None, subgroups: Sequence[str], read: ReadColumn) -> Images:
    """Images with the labels and groups that are asked for.

    labels: None leaves them as the source has them, 'none' takes them away, 'folder' is the first folder of each path,
    'FILE.csv' or 'FILE.csv:COLUMN' a table, and anything else a column of the source. subgroups: the same words, but
    none of the first two. Raises ValueError (expected, got, remedy).
    """
    if labels == "none":
        images = replace(images, labels=None, classes=None)
    elif labels is not None:
        found = _describe(images, labels, read, LABEL_COLUMNS)
        images = replace(images, labels=_complete(found, labels, images), classes=found.names)
    if not subgroups:
        return images
    found = {_name(spec): _describe(images, spec, read, ()) for spec in subgroups}
    named = {name: _grouped(column) for name, column in found.items()}
    return replace(images, subgroups=dict(images.subgroups) | named)


def _name(spec: str) -> str:
    """What a group is called: its column."""
    file, column = _split_csv(spec)
    return spec if file is None else column or Path(file).stem


def _split_csv(spec: str) -> tuple[str | None, str | None]:
    """('FILE.csv', COLUMN or None) of a spec that names a CSV file, else (None, None)."""
    file, colon, column = spec.rpartition(":")
    if colon and file.lower().endswith(".csv"):
        return file, column
    return (spec, None) if spec.lower().endswith(".csv") else (None, None)


def _describe(images: Images, spec: str, read: ReadColumn, usual: Sequence[str]) -> Described:
    file, column = _split_csv(spec)
    if file is not None:
        return _from_csv(images, Path(file), column, usual)
    if spec == "folder":
        return _from_folders(images)
    return _taken(_encoded(*read(spec)), images.ids.cpu().numpy())


def _complete(found: Described, spec: str, images: Images) -> Tensor:
    missing = np.flatnonzero(found.numbers < 0)
    if len(missing):
        first = int(missing[0])
        which = images.paths[first] if images.paths is not None else f"id {int(images.ids[first])}"
        raise ValueError(
            f"expected a label of every image in {spec}, got none for {len(missing):,} of {len(images):,}, "
            f"such as {which!r}; add them, or move those images elsewhere"
        )
    return torch.from_numpy(found.numbers)


def _grouped(found: Described) -> Subgroups:
    missing = found.numbers < 0
    if not missing.any():
        return Subgroups(torch.from_numpy(found.numbers), found.names)
    return Subgroups(torch.from_numpy(np.where(missing, len(found.names), found.numbers)), (*found.names, NO_GROUP))


def _encoded(values: pa.Array, names: tuple[str, ...] | None = None) -> Described:
    """Numbers by the sorted order of the values (numbers by size, text as bytes), or by the names' own.

    Empty text is no value, and with names neither are negative numbers.
    """
    if names is not None and pa.types.is_integer(values.type):
        return Described(np.maximum(values.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64), -1), names)
    if pa.types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    unique = values.unique().drop_null().sort()
    names = tuple(str(name) for name in unique.to_pylist())
    numbers = pc.index_in(values, value_set=unique).fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    if names and names[0] == "":
        return Described(np.maximum(numbers - 1, -1), names[1:])
    return Described(numbers, names)


def _taken(column: Described, rows: np.ndarray) -> Described:
    """The values in some rows; -1 stands for no row."""
    return Described(np.where(rows < 0, -1, column.numbers[rows]), column.names)


def _from_folders(images: Images) -> Described:
    """The first folder of each path. Classes are all first folders, whether their images are loaded or not."""
    if not isinstance(images.paths, Paths):
        raise ValueError(f"expected a folder of pictures to take labels of folders from, got {images.source}")
    folder = images.paths.folder
    ends, names = [], []
    while (start := ends[-1] if ends else 0) < len(folder):
        name, slash, _ = folder.name(start).partition(b"/")
        ends.append(_end(folder, start, name + slash) if slash else start + 1)
        names.append(name.decode("utf-8", "backslashreplace") if slash else None)
    known = sorted(name for name in names if name is not None)
    numbers = np.array([-1 if name is None else known.index(name) for name in names], np.int64)
    return Described(numbers[np.searchsorted(ends, images.paths.places, side="right")], tuple(known))


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


def _from_csv(images: Images, file: Path, column: str | None, usual: Sequence[str]) -> Described:
    table = _read_csv(file)
    key = next((name for name in PATH_COLUMNS if name in table.column_names), table.column_names[0])
    column = column or _only_column(table, key, usual, file)
    if column not in table.column_names:
        raise ValueError(
            f"expected a column {column!r} in {file}, got {', '.join(table.column_names)}; as in --groups {file}:NAME"
        )
    values = _encoded(table.column(column).combine_chunks())
    rows = _rows(images, table.column(key).combine_chunks(), file)
    if (rows < 0).all():
        raise ValueError(
            f"expected paths of images in the column {key!r} of {file}, got none of {images.source}'s "
            f"({table.num_rows:,} rows, the first {str(table.column(key)[0])!r}); write paths relative to --data, "
            "or ids under 'id'"
        )
    return _taken(values, rows)


def _read_csv(file: Path) -> pa.Table:
    if not file.is_file():
        raise FileNotFoundError(f"expected a CSV file, got {file}, where there is none; check the path")
    try:
        options = pa.csv.ConvertOptions(strings_can_be_null=True)
        table = pa.csv.read_csv(file, convert_options=options)
    except (pa.ArrowInvalid, UnicodeDecodeError) as error:
        raise ValueError(
            f"expected a CSV file with a header, got {file}, which cannot be read as one "
            f"({str(error).splitlines()[0]}); write UTF-8, commas between the columns"
        ) from error
    if not table.num_rows:
        raise ValueError(f"expected rows under the header of {file}, got none; check the file")
    return table


def _only_column(table: pa.Table, key: str, usual: Sequence[str], file: Path) -> str:
    others = [name for name in table.column_names if name != key]
    choice = [name for name in usual if name in others] or others
    if len(choice) == 1 or (choice and choice[0] in usual):
        return choice[0]
    raise ValueError(
        f"expected one column beside {key!r} in {file}, got {', '.join(others) or 'none'}; name one: {file}:COLUMN"
    )


def _rows(images: Images, keys: pa.Array, file: Path) -> np.ndarray:
    """The row of each image in a table, by its path or, where the keys are numbers, its id: int64 [n], -1 for none."""
    if pa.types.is_integer(keys.type):
        own = pa.array(images.ids.cpu().numpy())
        return _found(own, keys.cast(pa.int64()))
    if images.paths is None:
        raise ValueError(f"expected ids in {file} for images without paths, got text; write ids under 'id'")
    own = own_paths(images.paths)
    keys = pc.replace_substring_regex(keys.cast(pa.large_string()), r"^\./", "")
    rows = _found(own, keys.cast(pa.large_binary()))
    if (rows < 0).all() and isinstance(images.paths, Paths):
        # Paths may be relative to the table instead, or absolute.
        root = os.path.relpath(images.paths.folder.root, file.resolve().parent)
        for prefix in (f"{root}/", f"{images.paths.folder.root}/"):
            inside = pc.starts_with(keys, prefix)
            rest = pc.if_else(inside, pc.utf8_slice_codeunits(keys, len(prefix)), None)
            rows = np.maximum(rows, _found(own, rest.cast(pa.large_binary())))
    return rows


def _found(own: pa.Array, keys: pa.Array) -> np.ndarray:
    return pc.index_in(own, value_set=keys).fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)


def own_paths(paths: Sequence[str]) -> pa.Array:
    """The images' paths; those of an index without a Python object for each."""
    if not isinstance(paths, Paths):
        return pa.array(list(paths), pa.large_string()).cast(pa.large_binary())
    folder = paths.folder
    buffers = [
        None,
        pa.py_buffer(np.ascontiguousarray(folder.starts)),
        pa.py_buffer(np.ascontiguousarray(folder.names)),
    ]
    return pa.LargeBinaryArray.from_buffers(pa.large_binary(), len(folder), buffers).take(pa.array(paths.places))
