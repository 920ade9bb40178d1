"""A gallery: images of a view that are worth a look, in an order."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

MOST = 1000
"""Images of a gallery."""
STRIP = 12
"""Images of a gallery that only shows one end."""


@dataclass(frozen=True, eq=False)
class Gallery:
    """Images of a view in an order, with what to say of them."""

    key: str
    """A name that every encoder's gallery of this kind has; galleries of one key take each other's place."""
    title: str
    text: str
    view: int
    """Place among the page's views."""
    rows: np.ndarray
    """int64 [k], places in the view's set."""
    sort: str = ""
    """The field that they are in the order of, and that is written under each; nothing: as given."""
    descending: bool = False
    caption: str = ""
    """Another field to write under each."""
    strip: bool = False
    """A short row without controls."""
    after: str = ""
    """The key of the gallery that it stands behind; nothing: it has a place of its own."""
    extras: Sequence[Mapping[str, Any]] = field(default_factory=tuple)
    """By row: further pictures, as data URIs with their captions."""
