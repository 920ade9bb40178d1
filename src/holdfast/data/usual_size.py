"""Which side in pixels suits pictures of several sizes: read from the heads of their files, nothing is decoded."""

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from holdfast.data.files import LoadRequest
from holdfast.data.sources import source_of

TRAINED_SIZES = (32, 64, 96, 128, 160, 192, 224)
"""Sides that views are usually trained at, in pixels."""
LOOKED_AT = 500
"""Pictures, at most and evenly spread over the source, whose heads are read."""


@dataclass(frozen=True)
class SizeChoice:
    """A side for all pictures of a source, and what it was chosen by."""

    size: int
    median: int
    """Median of the shorter sides, in pixels."""
    smallest: int
    largest: int
    """Shorter sides of the pictures that were looked at, in pixels."""

    def __str__(self) -> str:
        return (
            f"image size: {self.size} pixels, the largest usual size that half of the pictures reach (shorter sides "
            f"{self.smallest} to {self.largest}, median {self.median}); another with --image-size"
        )


def advised_size(median: float) -> int:
    """The largest usual side that half of the pictures reach, by the median of their shorter sides."""
    return max((size for size in TRAINED_SIZES if size <= median), default=int(median))


def size_for(source: str | Path) -> SizeChoice | None:
    """The side for pictures that are not all square and of one size; None where they are, or where nothing can be read.

    Raises FileNotFoundError or ValueError as load_images does where there is no such source.
    """
    items = source_of(source).survey(LoadRequest())
    places = np.unique(np.linspace(0, items.total - 1, min(items.total, LOOKED_AT)).astype(int))
    found = [_sides(item) for _, piece in items.pieces(places) for _, item in piece]
    sides = {pair for pair in found if pair is not None}
    if not sides or (len(sides) == 1 and all(width == height for width, height in sides)):
        return None
    shorter = np.array([min(pair) for pair in found if pair is not None])
    median = int(np.median(shorter))
    return SizeChoice(advised_size(median), median, int(shorter.min()), int(shorter.max()))


def _sides(item: Any) -> tuple[int, int] | None:
    """(width, height) of a picture in a file or in bytes; None for pixels and for what cannot be read."""
    if not isinstance(item, Path | bytes):
        return None
    try:
        with Image.open(io.BytesIO(item) if isinstance(item, bytes) else item) as picture:
            return picture.size
    except Exception:  # whatever a broken file makes Pillow raise: loading sets it aside with its reason
        return None
