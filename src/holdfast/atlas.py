"""The atlas of an audit: one sheet of thumbnails and a row per image, so that a page without torch can show images.

On disk it is atlas.jpg, the sheet, and samples.parquet beside it with the columns id, path, label, class, group, x, y,
nearest_id, nearest_cosine and duplicate_group. Thumbnails stand in the rows' order, `across` in a row of the sheet.
"""

import hashlib
import io
import json
import math
import os
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from holdfast.runs import atomic_path

SCHEMA_VERSION = 1
NAMES = ("test", "scored")
"""Test images; and the images that memorization and privacy score."""
MOST_BYTES = 3_300_000
"""Most bytes of a sheet of 10,000 thumbnails: the page that holds it stays under 8 MB."""
_QUALITIES = (88, 78, 68, 55, 40, 25)


@dataclass(frozen=True, kw_only=True, eq=False)
class Atlas:
    """Thumbnails of n images and what a page knows of each."""

    sheet: bytes
    """A JPEG image of all thumbnails."""
    tile: int
    """Side of a thumbnail in pixels."""
    across: int
    """Thumbnails in a row of the sheet."""
    ids: np.ndarray
    """int64 [n]."""
    paths: tuple[str, ...] | None
    labels: np.ndarray | None
    """int64 [n]."""
    classes: tuple[str, ...] | None
    """Names by label."""
    groups: np.ndarray | None
    """[n] 'many', 'medium', 'few' or 'all'."""
    positions: np.ndarray
    """float32 [n, 2]: the features on their first two principal components."""
    explained: tuple[float, float]
    """Share of the features' variance along each."""
    nearest: np.ndarray
    """int64 [n, k] ids of the nearest images here, nearest first."""
    cosines: np.ndarray
    """float32 [n, k] of their features."""
    duplicates: np.ndarray
    """int64 [n]: id of the first image of the near-duplicate group."""
    checksum: str
    """Checksum of the images that these were drawn from, as in the findings."""

    def __len__(self) -> int:
        return len(self.ids)

    def tiles(self) -> np.ndarray:
        """The thumbnails, uint8 [n, tile, tile, 3]."""
        return cut(self.sheet, len(self), self.tile, self.across)

    def save(self, folder: Path, name: str) -> None:
        """Writes both files, or neither."""
        folder.mkdir(parents=True, exist_ok=True)
        with ExitStack() as both:
            sheet, samples = (both.enter_context(atomic_path(path)) for path in paths_of(folder, name))
            sheet.write_bytes(self.sheet)
            pq.write_table(self._table().replace_schema_metadata({b"holdfast": json.dumps(self._facts())}), samples)

    def _table(self) -> pa.Table:
        names = None if self.labels is None or self.classes is None else [self.classes[i] for i in self.labels]
        columns: dict[str, Any] = {"id": self.ids, "path": self.paths, "label": self.labels, "class": names}
        columns |= {"group": None if self.groups is None else self.groups.astype(str)}
        columns |= {"x": self.positions[:, 0], "y": self.positions[:, 1]}
        columns |= {"nearest_id": list(self.nearest), "nearest_cosine": list(self.cosines)}
        columns |= {"duplicate_group": self.duplicates}
        return pa.table({name: pa.array(values) for name, values in columns.items() if values is not None})

    def _facts(self) -> dict[str, Any]:
        return {
            "schema": SCHEMA_VERSION,
            "tile": self.tile,
            "across": self.across,
            "sheet": hashlib.sha256(self.sheet).hexdigest(),
            "classes": self.classes,
            "explained": self.explained,
            "checksum": self.checksum,
            "content": self._content(),
        }

    def _content(self) -> str:
        """A checksum over all columns, as they are written and read."""
        arrays = (self.ids, self.labels, self.positions, self.nearest, self.cosines, self.duplicates)
        kinds = (np.int64, np.int64, np.float32, np.int64, np.float32, np.int64)
        words = json.dumps([self.paths, None if self.groups is None else self.groups.astype(str).tolist()])
        found = hashlib.sha256(words.encode())
        for array, kind in zip(arrays, kinds, strict=True):
            if array is not None and array.dtype.kind != np.dtype(kind).kind:
                raise ValueError(f"values of another type, {array.dtype}")
            found.update(b"none" if array is None else np.ascontiguousarray(array, kind).tobytes())
        return found.hexdigest()

    @classmethod
    def load(cls, folder: Path, name: str) -> "Atlas | None":
        """What `save` wrote; None where there is nothing. Raises ValueError for damaged files, or two of two audits."""
        sheet_path, samples_path = paths_of(folder, name)
        if not os.path.lexists(sheet_path) and not os.path.lexists(samples_path):
            return None
        try:
            table, sheet = pq.read_table(samples_path), sheet_path.read_bytes()
            facts = json.loads((table.schema.metadata or {})[b"holdfast"])
            if facts["schema"] != SCHEMA_VERSION or facts["sheet"] != hashlib.sha256(sheet).hexdigest():
                raise ValueError("it is of another version, or its two files are not of one audit")
            found = cls(**_fields(table), **_of(facts), sheet=sheet)
            if facts.get("content") not in (None, found._content()):
                raise ValueError("other rows than were written")
            return found
        except (KeyError, TypeError, ValueError, OSError, RecursionError, pa.ArrowException) as error:
            raise ValueError(
                f"expected an atlas as an audit writes it in {samples_path}, got {error}; audit again: holdfast audit"
            ) from None


def _of(facts: dict[str, Any]) -> dict[str, Any]:
    return {
        "tile": facts["tile"],
        "across": facts["across"],
        "classes": None if facts["classes"] is None else tuple(facts["classes"]),
        "explained": tuple(facts["explained"]),
        "checksum": facts["checksum"],
    }


def _fields(table: pa.Table) -> dict[str, Any]:
    have = set(table.column_names)
    column = {name: table[name].combine_chunks() for name in have}
    nearest, cosines = (
        column[name].flatten().to_numpy().reshape(len(table), -1) for name in ("nearest_id", "nearest_cosine")
    )
    return {
        "ids": column["id"].to_numpy(),
        "paths": tuple(column["path"].to_pylist()) if "path" in have else None,
        "labels": column["label"].to_numpy() if "label" in have else None,
        "groups": column["group"].to_numpy(zero_copy_only=False).astype(str) if "group" in have else None,
        "positions": np.stack([column["x"].to_numpy(), column["y"].to_numpy()], axis=1),
        "nearest": nearest,
        "cosines": cosines,
        "duplicates": column["duplicate_group"].to_numpy(),
    }


def paths_of(folder: Path, name: str) -> tuple[Path, Path]:
    """Where the sheet and the samples of an atlas lie: atlas.jpg and samples.parquet for test images."""
    prefix = "" if name == "test" else f"{name}-"
    return folder / f"{prefix}atlas.jpg", folder / f"{prefix}samples.parquet"


def paint(tiles: np.ndarray, *, most_bytes: int = MOST_BYTES) -> tuple[bytes, int]:
    """A JPEG sheet of thumbnails uint8 [n, t, t, 3] and how many stand in a row; quality falls until it fits.

    With t a multiple of 16, the side of JPEG's blocks of colour, no thumbnail bleeds into the next: WebP, which smooths
    across blocks, did, and was ten times slower at the same size.
    """
    across = max(1, math.isqrt(max(0, len(tiles) - 1)) + 1)
    some = tiles[:: max(1, len(tiles) // 600)]
    fitting = (q for q in _QUALITIES if len(_jpeg(_sheet(some, 25), q)) * len(tiles) / len(some) <= most_bytes)
    return _jpeg(_sheet(tiles, across), next(fitting, _QUALITIES[-1])), across


def _sheet(tiles: np.ndarray, across: int) -> np.ndarray:
    """[rows * t, across * t, 3], black where no thumbnail is."""
    n, side = tiles.shape[:2]
    full = np.zeros((-(-n // across) * across, side, side, 3), np.uint8)
    full[:n] = tiles
    return full.reshape(-1, across, side, side, 3).swapaxes(1, 2).reshape(-1, across * side, 3)


def _jpeg(pixels: np.ndarray, quality: int) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "jpeg", quality=quality, optimize=True, progressive=True, subsampling="4:2:0")
    return buffer.getvalue()


def cut(sheet: bytes, count: int, tile: int, across: int) -> np.ndarray:
    """The thumbnails of a sheet, uint8 [count, tile, tile, 3]. Raises ValueError for another size."""
    with Image.open(io.BytesIO(sheet)) as image:
        pixels = np.asarray(image.convert("RGB"))
    if pixels.shape[1] != across * tile or pixels.shape[0] * across < count * tile:
        raise ValueError(f"expected a sheet of {count} thumbnails, got {pixels.shape[1]}×{pixels.shape[0]} pixels")
    return pixels.reshape(-1, tile, across, tile, 3).swapaxes(1, 2).reshape(-1, tile, tile, 3)[:count]
