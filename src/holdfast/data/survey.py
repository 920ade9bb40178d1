"""One look at every image of a source: size, mode, format, hash and thumbnail, some hundred bytes each; no labels."""

from __future__ import annotations

import hashlib
import io
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from PIL import Image

from holdfast.data.duplicates import hash_bits
from holdfast.data.files import (
    LoadRequest,
    Ranges,
    Reach,
    UnscaledError,
    array_pixels,
    fit,
    given_ranges,
    in_threads,
    look,
    ranges_of,
    reason,
)
from holdfast.data.images import Bare
from holdfast.data.sources import Items, source_of
from holdfast.lazy import deferred
from holdfast.progress import OnProgress

if TYPE_CHECKING:
    import torch
else:
    torch = deferred("torch")

SIDE = 16
"""Side of the thumbnails that near-duplicates are confirmed on, in pixels; half of it beyond MANY images."""
MANY = 200_000
NAMED = 1000
"""Images set aside that are named; all are counted."""
_HASHED, _FLAT = 32, 2.0


@dataclass(frozen=True, kw_only=True, eq=False)
class Survey:
    """What was seen of the images that can be used, in the order of their ids; n of them."""

    source: str
    total: int
    """Images, or files that may be pictures, in the source."""
    looked_at: int
    """How many of these were opened: all, or a draw."""
    ids: np.ndarray
    """int64 [n], places in the source."""
    width: np.ndarray
    """int32 [n] pixels, as stored."""
    height: np.ndarray
    """int32 [n] pixels, as stored."""
    size: np.ndarray
    """int64 [n] bytes of the encoded image, or of its pixels where the source holds arrays."""
    kind: np.ndarray
    """int16 [n] place in kinds."""
    kinds: tuple[tuple[str, str], ...]
    """(format, mode), as Pillow names them."""
    content: np.ndarray
    """uint64 [n] hash of those bytes: equal for copies."""
    hashes: np.ndarray
    """uint64 [n] perceptual hash."""
    thumbnails: np.ndarray
    """uint8 [n, 3, s, s] of the whole image, squashed."""
    flat: np.ndarray
    """bool [n] whether the image is a plain surface."""
    grey: np.ndarray
    """bool [n] whether its thumbnail has no colour."""
    reasons: dict[str, int]
    """Why images were set aside, and how many."""
    rejected: tuple[tuple[str, str], ...]
    """(path, reason) of the first of them."""
    reaches: tuple[tuple[Reach, int], ...]
    """What the values of deep pictures reach, all of a kind together, and how many there are."""
    ranges: Ranges
    """By kind, what of them is to become black and white: as asked for, else what follows from what they reach."""
    untaken: dict[str, int]
    """What files have beside the picture that is taken, and how many have it."""
    left_out: tuple[str, ...]
    """What else the source holds, a line for each kind."""
    names: Callable[[int], str]
    """The path, or 'id N', of an image by id."""

    paths: Callable[[np.ndarray], Any] | None = None
    """Paths of images by id, where the source is a folder."""
    holds: tuple[str, ...] = ()
    """What the source's files hold in all, a line each."""

    def __len__(self) -> int:
        return len(self.ids)

    def bare(self) -> Bare:
        """Images without pixels: what labels and groups are read for."""
        paths = None if self.paths is None else self.paths(self.ids)
        return Bare(self.ids, source=self.source, paths=paths)


class _Notes:
    """Columns that threads fill, a row an image."""

    def __init__(self, rows: int, ranges: Ranges):
        self.ranges = ranges
        side = SIDE if rows <= MANY else SIDE // 2
        self.width, self.height = np.zeros(rows, np.int32), np.zeros(rows, np.int32)
        self.size, self.kind = np.zeros(rows, np.int64), np.full(rows, -1, np.int16)
        self.content, self.hashes = np.zeros(rows, np.uint64), np.zeros(rows, np.uint64)
        self.thumbnails = np.zeros((rows, 3, side, side), np.uint8)
        self.flat, self.grey = np.zeros(rows, bool), np.zeros(rows, bool)
        self.lock = threading.Lock()
        self.kinds: dict[tuple[str, str], int] = {}
        self.reasons: Counter[str] = Counter()
        self.rejected: dict[int, tuple[str, str]] = {}
        self.reaches: list[Reach] = []
        self.untaken: Counter[str] = Counter()


def survey(
    source: str,
    *,
    limit: int | None = None,
    seed: int = 0,
    progress: OnProgress | None = None,
    download: bool = False,
    pixel_range: tuple[float, float] | None = None,
) -> Survey:
    """Opens every image of a source, or a draw of `limit` decided by seed, a few at a time.

    source, pixel_range: as load_images takes them. progress is told (done, all) images. download: let torchvision fetch
    a set that is not there. What cannot be used is counted with its reason.
    Raises FileNotFoundError, or ValueError where the source is none or holds no image that can be used.
    """
    request = LoadRequest(limit=limit, seed=seed, download=download)
    items = source_of(source).survey(request)
    places = request.numbers(items.total, source)
    notes, done = _Notes(len(places), given_ranges(pixel_range)), [0]

    def look(start: int, piece: list[tuple[int, Any]]) -> None:
        _look(notes, start, piece, items.name)
        with notes.lock:
            done[0] += len(piece)
            if progress is not None:
                progress(done[0], len(places))

    in_threads(look, items.pieces(places))
    good = notes.kind >= 0
    if not good.any():
        first = next(iter(notes.rejected.values()))
        raise ValueError(
            f"expected an image that can be read in {source}, got none among {len(places):,} ({first[0]}: {first[1]}); "
            "check the path and the files"
        )
    return _kept(source, items, places, notes, good)


def _kept(source: str, items: Items, places: np.ndarray, notes: _Notes, good: np.ndarray) -> Survey:
    reaches = _joined(notes.reaches)
    found = ranges_of(reach for reach, _ in reaches)
    columns = ("width", "height", "size", "kind", "content", "hashes", "thumbnails", "flat", "grey")
    return Survey(
        source=source,
        total=items.total,
        looked_at=len(places),
        ids=places[good],
        **{name: getattr(notes, name) if good.all() else getattr(notes, name)[good] for name in columns},
        kinds=tuple(sorted(notes.kinds, key=notes.kinds.__getitem__)),
        reasons=dict(notes.reasons.most_common()),
        rejected=tuple(notes.rejected[place] for place in sorted(notes.rejected)),
        reaches=reaches,
        ranges={kind: reach for kind, reach in {**found, **notes.ranges}.items() if kind in found},
        untaken=dict(notes.untaken.most_common()),
        left_out=items.left_out,
        names=items.name,
        paths=items.paths,
        holds=items.holds,
    )


def _joined(reaches: list[Reach]) -> tuple[tuple[Reach, int], ...]:
    kinds = {kind: [reach for reach in reaches if reach.kind == kind] for kind in sorted({r.kind for r in reaches})}
    return tuple(
        (Reach(kind, min(r.low for r in found), max(r.high for r in found)), len(found))
        for kind, found in kinds.items()
    )


def _look(notes: _Notes, start: int, piece: list[tuple[int, Any]], name: Callable[[int], str]) -> None:
    thumbnails, rows = [], []
    for row, (place, item) in enumerate(piece, start):
        try:
            thumbnails.append(_note(notes, row, item))
            rows.append(row)
        except Exception as error:  # damaged files raise almost anything in Pillow's plugins
            notes.kind[row] = -1
            with notes.lock:
                notes.reasons[reason(error)] += 1
                if len(notes.rejected) < NAMED:
                    notes.rejected[place] = (name(place), reason(error))
    if rows:
        large = np.stack(thumbnails)
        step = _HASHED // notes.thumbnails.shape[-1]
        small = large.reshape(len(large), 3, _HASHED // step, step, _HASHED // step, step).mean((3, 5))
        notes.hashes[rows] = hash_bits(large)
        notes.thumbnails[rows] = small.round().astype(np.uint8)
        notes.flat[rows] = large.reshape(len(large), 3, -1).std(2).max(1) < _FLAT
        notes.grey[rows] = (large.max(1).astype(np.int16) - large.min(1)).max((1, 2)) <= _FLAT


def _note(notes: _Notes, row: int, item: Any) -> np.ndarray:
    """Fills a row and returns the thumbnail [3, 32, 32]."""
    if isinstance(item, np.ndarray):
        return _note_pixels(notes, row, item)
    if isinstance(item, Exception):
        raise item
    if isinstance(item, Path):
        with item.open("rb") as file:
            return _note_file(notes, row, file)
    if not item:
        raise ValueError("empty file")
    return _note_file(notes, row, io.BytesIO(item))


def _note_file(notes: _Notes, row: int, file: BinaryIO) -> np.ndarray:
    digest = hashlib.file_digest(file, "blake2b").digest()  # type: ignore[arg-type]
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    seen = look(file, _HASHED, notes.ranges)
    _write(notes, row, seen.kind, seen.sides, size, digest)
    with notes.lock:
        notes.reaches += [] if seen.reach is None else [seen.reach]
        notes.untaken.update(seen.untaken)
    return seen.thumbnail


def _note_pixels(notes: _Notes, row: int, pixels: np.ndarray) -> np.ndarray:
    kind = ("pixels", "RGB")
    try:
        data = array_pixels(pixels, {})
    except UnscaledError as error:
        kind = (f"{8 * pixels.dtype.itemsize}-bit {error.reach.kind}", "RGB")
        data = array_pixels(pixels, {**ranges_of([error.reach]), **notes.ranges})
        with notes.lock:
            notes.reaches.append(error.reach)
    digest = hashlib.blake2b(np.ascontiguousarray(pixels.transpose(1, 2, 0)).tobytes()).digest()
    _write(notes, row, kind, (data.shape[1], data.shape[0]), pixels.nbytes, digest)
    return fit(Image.fromarray(data), _HASHED, "squash")


def _write(notes: _Notes, row: int, kind: tuple[str, str], sides: tuple[int, int], size: int, digest: bytes) -> None:
    notes.width[row], notes.height[row] = sides
    notes.size[row] = size
    notes.content[row] = int.from_bytes(digest[:8], "little")
    with notes.lock:
        notes.kind[row] = notes.kinds.setdefault(kind, len(notes.kinds))
