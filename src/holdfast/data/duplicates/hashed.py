"""Near-duplicates among any number of images from what a survey keeps of each: a 64-bit hash and a small thumbnail."""

from collections.abc import Iterator

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from holdfast.data.duplicates.near import LEAST_CORRELATION, MOST_BITS, perceptual_hash, unit_thumbnails

EXACT = 100_000
"""Up to so many images every pair is compared."""
_HASHED, _SIDE = 1024, 16
_BANDS, _REACH, _AT_ONCE = 4, 48, 2**14
_PAIRS = 2**19
"""Pairs of hashes compared at once: few enough to stay in a processor's cache."""


def hash_bits(thumbnails: np.ndarray) -> np.ndarray:
    """The perceptual hash of thumbnails [n, 3, s, s] uint8 as uint64 [n]."""
    signs = perceptual_hash(torch.from_numpy(thumbnails)).numpy() > 0
    return np.packbits(signs, axis=1).view(np.uint64)[:, 0]


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
    left, right = (unit_thumbnails(torch.from_numpy(thumbnails[places])) for places in (a, b))
    return (left * right).sum(1).numpy()


def _root(parent: np.ndarray, place: int) -> int:
    while parent[place] != place:
        parent[place] = parent[parent[place]]
        place = int(parent[place])
    return place


def _join(parent: np.ndarray, a: int, b: int) -> None:
    first, second = sorted((_root(parent, a), _root(parent, b)))
    parent[second] = first
