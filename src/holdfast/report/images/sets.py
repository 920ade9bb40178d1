"""Sets of images on a page, and how each encoder sees them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from holdfast.atlas import Atlas
from holdfast.report.collect import Encoder, Measured
from holdfast.report.images.fields import Field

TITLES = {"test": "Test images", "scored": "Images scored for memorization"}


@dataclass(frozen=True, eq=False)
class ImageSet:
    """Images that encoders share."""

    kind: str
    """A name in atlas.NAMES."""
    atlas: Atlas
    """As the first encoder that has them left them."""
    rows: np.ndarray
    """Rows of the atlas that the page shows [m], ascending."""
    first: int = 0
    """Place of the first one in the page's sheet."""

    @property
    def ids(self) -> np.ndarray:
        """int64 [m]."""
        return self.atlas.ids[self.rows]


@dataclass(frozen=True, eq=False)
class View:
    """How an encoder sees a set of m images."""

    encoder: Encoder
    member: Measured
    number: int
    """The set's place among the page's sets."""
    positions: np.ndarray
    """float32 [m, 2]; NaN where this encoder's atlas has not got the image."""
    explained: tuple[float, float]
    nearest: np.ndarray
    """int64 [m, k] places in the set, nearest first; -1 where the page has not got the image."""
    cosines: np.ndarray
    """float32 [m, k]."""
    fields: Sequence[Field]

    def values(self, key: str) -> np.ndarray | None:
        """float64 [m] of a field; None where the encoder has no such number."""
        return next((field.values for field in self.fields if field.key == key), None)


@dataclass(frozen=True, eq=False)
class Pictures:
    """A sheet of thumbnails with its sets and views."""

    sheet: bytes
    tile: int
    across: int
    sets: Sequence[ImageSet]
    views: Sequence[View]

    @property
    def count(self) -> int:
        """Thumbnails in the sheet."""
        return sum(len(one.rows) for one in self.sets)
