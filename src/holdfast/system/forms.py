"""Forms of JSON documents: by name, which values fit. No torch here."""

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from holdfast.system.intact import DamagedError, read_json

Fits = Callable[[object], bool]
Form = Mapping[str, Fits]
"""By name of a value: whether one fits. What `optional` made may be missing."""


def text(value: object) -> bool:
    """Text."""
    return isinstance(value, str)


def whole(value: object) -> bool:
    """A whole number from 0 that fits into 63 bits."""
    return type(value) is int and 0 <= value < 2**63


def number(value: object) -> bool:
    """A finite number."""
    return type(value) in (int, float) and math.isfinite(value)  # type: ignore[arg-type]


def mapping(value: object) -> bool:
    """An object."""
    return isinstance(value, dict)


def many(fits: Fits, count: int | None = None) -> Fits:
    """A list of values that fit, of so many where count says."""
    return lambda value: isinstance(value, list) and all(map(fits, value)) and count in (None, len(value))


def of(fits: Fits) -> Fits:
    """An object whose values fit."""
    return lambda value: isinstance(value, dict) and all(map(fits, value.values()))


def absent(fits: Fits) -> Fits:
    """A value that fits, null, or none at all."""
    return lambda value: value is None or fits(value)


def read_form(path: Path, form: Form, what: str, remedy: str) -> dict[str, Any]:
    """The object that a JSON file holds, of a form. Raises DamagedError, with the path and the first misfit."""
    document = read_json(path, what, remedy)
    for name, fits in form.items():
        if not fits(document.get(name)):
            got = f"{document[name]!r:.40}" if name in document else "none"
            raise DamagedError(f"expected {what} in {path}, got another {name} ({got}); {remedy}")
    return document
