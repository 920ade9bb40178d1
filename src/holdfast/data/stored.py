"""What stored pictures say of themselves before they are decoded: sides, bytes, format."""

import io
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from torch import Tensor

from holdfast.data.files import LoadRequest, Rejected
from holdfast.data.sources import source_of

FACTS = ("log width", "log height", "log bytes a pixel", "is a JPEG", "mean of JPEG's first table")


def stored_facts(source: str, ids: Tensor, unread: Iterable[Rejected] = ()) -> np.ndarray:
    """float64 [n, 5], FACTS of a source's images with these ids [n]; NaN for what a picture does not have or tell.

    Headers are read, nothing is decoded. unread: as load_images takes it. Raises as load_images for what is no source.
    """
    order = ids.argsort().numpy()
    items = source_of(source, unread).survey(LoadRequest())
    rows = [_facts(item) for _, piece in items.pieces(ids.numpy()[order]) for _, item in piece]
    found = np.empty((len(ids), len(FACTS)))
    found[order] = rows
    return found


def _facts(item: Any) -> tuple[float, ...]:
    if isinstance(item, np.ndarray):
        return math.log(item.shape[-1]), math.log(item.shape[-2]), math.nan, math.nan, math.nan
    try:
        size = item.stat().st_size if isinstance(item, Path) else len(item)
        with Image.open(item if isinstance(item, Path) else io.BytesIO(item)) as picture:
            width, height = picture.size
            tables = getattr(picture, "quantization", None) or {}
            table = float(np.mean(next(iter(tables.values())))) if tables else math.nan
            is_jpeg = float(picture.format == "JPEG")
            return math.log(width), math.log(height), math.log(max(1, size) / (width * height)), is_jpeg, table
    except Exception:  # Pillow's plugins raise almost anything; the picture was decoded once, so a header is a detail
        return (math.nan,) * len(FACTS)
