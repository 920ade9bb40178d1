"""Near-duplicates among any number of images from what a survey keeps of each: a 64-bit hash and a small thumbnail."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from holdfast.data.duplicates.near import FLAT, LEAST_CORRELATION, MOST_BITS, perceptual_hash
from holdfast.lazy import deferred

if TYPE_CHECKING:
    import torch
    import torch.nn.functional as F
    from torch import Tensor
else:
    torch = deferred("torch")
    F = deferred("torch.nn.functional")

EXACT = 100_000
"""Up to so many images every pair is compared."""
_HASHED, _SIDE, _KEPT = 1024, 16, 8
_BANDS, _REACH, _AT_ONCE = 4, 48, 2**14
_PAIRS = 2**19
"""Pairs of hashes compared at once: few enough to stay in a processor's cache."""


def hash_bits(thumbnails: np.ndarray) -> np.ndarray:
    """`perceptual_hash` of thumbnails [n, 3, 32, 32] uint8 as uint64 [n], without torch."""
    side = thumbnails.shape[-1]
    grey = np.einsum("nchw,c->nhw", thumbnails.astype(np.float32), np.array([0.299, 0.587, 0.114], np.float32) / 255)
    places = np.arange(side, dtype=np.float32) + 0.5
    cosines = np.cos(np.pi / side * places * np.arange(_KEPT + 1)[:, None]).astype(np.float32)
    frequencies = (cosines @ grey @ cosines.T)[:, 1:, 1:].reshape(len(grey), -1)
    middle = np.partition(frequencies, frequencies.shape[1] // 2 - 1, axis=1)[:, frequencies.shape[1] // 2 - 1, None]
    return np.packbits(frequencies > middle, axis=1).view(np.uint64)[:, 0]


def look_alikes(images: Tensor, others: Tensor) -> np.ndarray:
    """bool [n] whether each image looks like one of others, uint8 [n, 3, h, w] and [m, 3, h, w], as `near_groups`."""
    kept = [_hashed(part) for pixels in (images, others) for part in pixels.split(_HASHED)]
    hashes, thumbnails = (np.concatenate(parts) for parts in zip(*kept, strict=True))
    groups = near_groups(hashes, thumbnails)
    return np.isin(groups[: len(images)], groups[len(images) :])


def _hashed(pixels: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Hashes uint64 [n] and thumbnails uint8 [n, 3, 16, 16] of pixels."""
    small = F.interpolate(pixels.float(), size=(_SIDE,) * 2, mode="bilinear", antialias=True, align_corners=False)
    bits = np.packbits(perceptual_hash(pixels).cpu().numpy() > 0, axis=1).view(np.uint64)[:, 0]
    return bits, small.round().clamp(0, 255).to(torch.uint8).cpu().numpy()


def near_groups(
    hashes: np.ndarray, thumbnails: np.ndarray, *, bits: int = MOST_BITS, correlation: float = LEAST_CORRELATION
) -> np.ndarray:
    """Group of each image, int64 [n]: the place of the group's first image; an image alone is its own.

    hashes uint64 [n], thumbnails uint8 [n, 3, s, s]. As `duplicate_groups`: two images are near-duplicates where their
    hashes differ in at most `bits` of 64 and their thumbnails correlate. Up to 100,000 images every pair is compared;
    beyond that pairs whose hashes agree in one of four 16-bit quarters, which all pairs do that differ in three bits
    or fewer, and among many that agree only close ones in the order of their hashes.
    """
    parent = np.arange(len(hashes))
    pairs = _all_pairs(hashes, bits) if len(hashes) <= EXACT else _banded_pairs(hashes, bits)
    for a, b in pairs:
        for start in range(0, len(a), _AT_ONCE):
            left, right = a[start : start + _AT_ONCE], b[start : start + _AT_ONCE]
            alike = _correlations(thumbnails, left, right) >= correlation
            for first, second in zip(left[alike].tolist(), right[alike].tolist(), strict=True):
                _join(parent, first, second)
    return np.array([_root(parent, place) for place in range(len(parent))], dtype=np.int64)


def _all_pairs(hashes: np.ndarray, bits: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    chunk = max(1, _PAIRS // max(1, len(hashes)))
    for start in range(0, len(hashes), chunk):
        rows = hashes[start : start + chunk]
        close = np.flatnonzero(np.bitwise_count(rows[:, None] ^ hashes[None, start:]) <= bits)
        a, b = np.divmod(close, len(hashes) - start)
        yield a[a < b] + start, b[a < b] + start


def _banded_pairs(hashes: np.ndarray, bits: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    for band in range(_BANDS):
        keys = (hashes >> np.uint64(16 * band)) & np.uint64(0xFFFF)
        order = np.lexsort((hashes, keys))
        keys = keys[order]
        for step in range(1, _REACH + 1):
            same = np.flatnonzero(keys[:-step] == keys[step:])
            if not len(same):
                break
            a, b = order[same], order[same + step]
            close = np.bitwise_count(hashes[a] ^ hashes[b]) <= bits
            yield np.minimum(a, b)[close], np.maximum(a, b)[close]


def _correlations(thumbnails: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    left, right = (unit_rows(thumbnails[places]) for places in (a, b))
    return np.einsum("nd,nd->n", left, right)


def unit_rows(thumbnails: np.ndarray) -> np.ndarray:
    """`unit_thumbnails` of thumbnails [n, 3, s, s] uint8, s at most 16, without torch."""
    small = thumbnails.astype(np.float32) / 255
    if (side := thumbnails.shape[-1]) != _SIDE:
        grown = _grown(side)
        small = grown @ small @ grown.T
    rows = small.reshape(len(small), -1)
    centred = rows - rows.mean(1, keepdims=True)
    spread = np.sqrt(np.square(centred).mean(1, keepdims=True))
    plain = spread < FLAT
    unit = np.where(plain, 0, centred / np.maximum(spread * np.sqrt(np.float32(rows.shape[1])), 1e-12))
    return np.concatenate([unit, plain], axis=1, dtype=np.float32)


def _grown(side: int) -> np.ndarray:
    """[16, side] float32: bilinear enlargement of a side to 16, the pixels' centres where they are."""
    places = np.clip((np.arange(_SIDE, dtype=np.float32) + 0.5) * side / _SIDE - 0.5, 0, side - 1)
    return np.maximum(0, 1 - np.abs(places[:, None] - np.arange(side, dtype=np.float32)))


def _root(parent: np.ndarray, place: int) -> int:
    while parent[place] != place:
        parent[place] = parent[parent[place]]
        place = int(parent[place])
    return place


def _join(parent: np.ndarray, a: int, b: int) -> None:
    first, second = sorted((_root(parent, a), _root(parent, b)))
    parent[second] = first
