"""Labels of any common kind as class numbers."""

import numpy as np
import torch
from torch import Tensor


def class_numbers(values: np.ndarray, names: tuple[str, ...] | None, source: str) -> tuple[Tensor | None, tuple | None]:
    """Labels [n] as int64 class numbers, and class names where known; (None, None) where no row has a label.

    values: integers, booleans, or objects (integers or strings, None where missing); a negative integer is missing too.
    Strings become the places of their sorted names. Raises ValueError where only some rows have a label.
    """
    if values.dtype.kind not in "iub":
        values, names = _from_objects(values, names)
    missing = values < 0
    if missing.all():
        return None, None
    if missing.any():
        raise ValueError(
            f"expected a label in every row of {source} or in none, got {int(missing.sum()):,} of {len(values):,} rows "
            "without; drop those rows, or the label column"
        )
    return torch.from_numpy(values.astype(np.int64)), names


def _from_objects(values: np.ndarray, names: tuple[str, ...] | None) -> tuple[np.ndarray, tuple[str, ...] | None]:
    present = np.array([value is not None for value in values], dtype=bool)
    numbers = np.full(len(values), -1, dtype=np.int64)
    if not all(isinstance(value, str) for value in values[present]):
        numbers[present] = values[present].astype(np.int64)
        return numbers, names
    found, places = np.unique(values[present].astype(str), return_inverse=True)
    numbers[present] = places
    return numbers, tuple(str(name) for name in found)
