"""Labels of any common kind as class numbers: the values that occur are numbered."""

from __future__ import annotations

# pyarrow makes its compute functions as it is imported, where no type checker sees them.
# pyright: reportAttributeAccessIssue=false
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from holdfast.lazy import deferred

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = deferred("torch")

Classes = tuple[str, ...] | None
_LARGEST = 2**63 - 1
_LARGEST_FLOAT = 2.0**53
"""Floats beyond are no longer apart by one: two labels may have become one."""


def class_numbers(values: np.ndarray | pa.Array, names: Classes, source: str) -> tuple[Tensor | None, Classes]:
    """Labels [n] as int64 class numbers, and class names where known; (None, None) where no row has a label.

    values: integers, booleans, text, or floats that are whole; None, NaN, empty text and negative numbers are missing.
    With names the numbers are theirs. Without, the values that occur are numbered: text in sorted order and integers
    by size, each its own name; 0 to C-1 stay as they are, without names. Raises ValueError where only some rows have
    a label, and for values of other kinds.
    """
    values = pa.array(values) if isinstance(values, np.ndarray) else values
    values = missing_as_null(plain(values), source)
    if values.null_count == len(values):
        return None, None
    if values.null_count:
        raise ValueError(
            f"expected a label in every row of {source} or in none, got {values.null_count:,} of {len(values):,} rows "
            "without; drop those rows, or the label column, or read no labels with --labels none"
        )
    if pa.types.is_large_string(values.type):
        return _numbered(values)
    if pa.types.is_boolean(values.type):
        return _numbered(as_text(values))
    if names is not None:
        return torch.from_numpy(values.to_numpy(zero_copy_only=False).astype(np.int64)), names
    numbers, found = _numbered(values)
    return numbers, None if found == tuple(map(str, range(len(found)))) else found


def plain(values: pa.Array) -> pa.Array:
    """Values without a dictionary, and not as views."""
    values = values.cast(values.type.value_type) if pa.types.is_dictionary(values.type) else values
    return values.cast(pa.large_string()) if pa.types.is_string_view(values.type) else values


def as_text(values: pa.Array) -> pa.Array:
    """Text, and booleans as Python writes them, as large strings."""
    if pa.types.is_boolean(values.type):
        return pc.if_else(values, "True", "False").cast(pa.large_string())
    return values.cast(pa.large_string())


def missing_as_null(values: pa.Array, source: str) -> pa.Array:
    """Integers, booleans or large strings, null where a label is missing. Raises ValueError for other kinds."""
    kind = values.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        text = values.cast(pa.large_string())
        return pc.if_else(pc.equal(text, ""), None, text)
    if pa.types.is_floating(kind):
        values = _whole(values, source)
    if pa.types.is_integer(values.type):
        _check_size(values, source)
        return pc.if_else(pc.less(values, 0), None, values)
    if pa.types.is_boolean(kind) or pa.types.is_null(kind):
        return values
    raise ValueError(
        f"expected one label of a whole number or text for each image in {source}, got {kind}; name another column "
        "with --labels, or read none with --labels none"
    )


def _whole(values: pa.Array, source: str) -> pa.Array:
    values = pc.if_else(pc.is_nan(values), None, values)
    broken = pc.not_equal(pc.floor(values), values)
    broken = pc.fill_null(pc.or_(broken, pc.greater(pc.abs(values), _LARGEST_FLOAT)), False)
    if pc.any(broken).as_py():
        raise ValueError(
            f"expected labels of whole numbers or text in {source}, got {values.filter(broken)[0].as_py()!r}; name "
            "another column with --labels, or read none with --labels none"
        )
    return values.cast(pa.int64())


def _check_size(values: pa.Array, source: str) -> None:
    largest = pc.max(values).as_py()
    if largest is not None and largest > _LARGEST:
        raise ValueError(
            f"expected labels up to {_LARGEST} in {source}, got {largest}; store such labels as text, or read none "
            "with --labels none"
        )


def _numbered(values: pa.Array) -> tuple[Tensor, tuple[str, ...]]:
    """The places of values among the sorted ones that occur, and these."""
    known = values.unique().sort()
    numbers = pc.index_in(values, value_set=known).to_numpy(zero_copy_only=False).astype(np.int64)
    return torch.from_numpy(numbers), tuple(str(value) for value in known.to_pylist())


def joined(parts: Sequence[tuple[pa.Array, Classes]], sources: Sequence[str]) -> tuple[pa.Array, Classes]:
    """Values of several files as one, their numbers by one list of names.

    parts: values and names of each. Raises ValueError, naming two files, where one has numbers and another text, or
    only one has names.
    """
    kinds = [_kind(values, names) for values, names in parts]
    present = [place for place, (values, _) in enumerate(parts) if values.null_count < len(values)] or [0]
    other = next((place for place in present if kinds[place] != kinds[present[0]]), None)
    if other is not None:
        raise ValueError(
            f"expected labels of one kind in all shards, got {kinds[present[0]]} in {sources[present[0]]} and "
            f"{kinds[other]} in {sources[other]}; write them alike"
        )
    union = tuple(dict.fromkeys(name for place in present for name in parts[place][1] or ()))
    columns = [_renumbered(plain(parts[place][0]), parts[place][1], union) for place in range(len(parts))]
    wide = next((column.type for place, column in enumerate(columns) if place in present), pa.null())
    if any(pa.types.is_floating(column.type) for column in columns):
        wide = pa.float64()
    elif pa.types.is_integer(wide) and len({column.type for column in columns}) > 1:
        wide = pa.int64()
    elif pa.types.is_string(wide):
        wide = pa.large_string()
    return pa.concat_arrays([column.cast(wide) for column in columns]), union or None


def _kind(values: pa.Array, names: Classes) -> str:
    kind = plain(values).type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return "text"
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        return "numbers" if names is None else "numbers with names"
    return str(kind)


def _renumbered(values: pa.Array, names: Classes, union: tuple[str, ...]) -> pa.Array:
    """Numbers by one file's names as numbers by all of them."""
    if names is None or names == union[: len(names)] or not pa.types.is_integer(values.type):
        return values
    there = pa.array([union.index(name) for name in names], pa.int64())
    known = pc.if_else(pc.and_(pc.greater_equal(values, 0), pc.less(values, len(names))), values, None)
    unknown = pc.if_else(pc.is_valid(known), None, values.cast(pa.int64()))
    return pc.coalesce(there.take(known), unknown)
