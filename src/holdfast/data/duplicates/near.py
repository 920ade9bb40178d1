"""Near-duplicates: a perceptual hash proposes pairs, the thumbnails confirm them, and pairs join into groups."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from holdfast.data.images import Images
from holdfast.lazy import deferred

if TYPE_CHECKING:
    import torch
    import torch.nn.functional as F
    from torch import Tensor
else:
    torch = deferred("torch")
    F = deferred("torch.nn.functional")

MOST_BITS = 10
"""Bits of 64 in which the hashes of near-duplicates may differ; unrelated hashes differ in 32 on average."""
LEAST_CORRELATION = 0.98
"""Least correlation of the thumbnails of near-duplicates, all three channels together."""
_SIDE, _KEPT, _THUMBNAIL = 32, 8, 16
_CHUNK = 1024
FLAT = 2 / 255
"""Standard deviation of pixels below which a thumbnail is a plain surface: its correlation would be that of noise."""


def perceptual_hash(images: Images | Tensor) -> Tensor:
    """Signs [n, 64] (int8, ±1) of the lowest frequencies of the grey image against their median (Zauner 2010, pHash).

    images: uint8, or floats in [0, 1], [n, 3, h, w]. A change of size, brightness, compression or a little noise flips
    few signs.
    """
    pixels = images.pixels if isinstance(images, Images) else images
    return torch.cat([_hash(_floats(part)) for part in pixels.split(_CHUNK)])


def duplicate_groups(
    images: Images | Tensor, *, bits: int = MOST_BITS, correlation: float = LEAST_CORRELATION
) -> Tensor:
    """Group of each image, int64 [n] on the CPU: the place of the group's first image; an image alone is its own.

    Two images are near-duplicates where their hashes differ in at most `bits` of 64 and their thumbnails (16×16, in
    colour) correlate by at least `correlation`; groups are the connected parts. Exact over all pairs, in chunks.
    """
    pixels = images.pixels if isinstance(images, Images) else images
    signs = perceptual_hash(pixels).float()
    thumbnails = torch.cat([unit_thumbnails(part) for part in pixels.split(_CHUNK)])
    parent = list(range(len(pixels)))
    for a, b in _pairs(signs, thumbnails, bits, correlation):
        _join(parent, a, b)
    return torch.tensor([_root(parent, index) for index in range(len(parent))])


def unit_thumbnails(images: Tensor) -> Tensor:
    """Rows [n, 769] of length 1 of images [n, 3, h, w]: their products are the correlations that are compared."""
    return _thumbnail(_floats(images))


def group_sizes(groups: Tensor) -> Tensor:
    """Images in the group of each image, int64 [n]."""
    _, inverse, counts = groups.unique(return_inverse=True, return_counts=True)
    return counts[inverse]


def _floats(pixels: Tensor) -> Tensor:
    return pixels.float() / 255 if pixels.dtype == torch.uint8 else pixels.float()


def _hash(images: Tensor) -> Tensor:
    grey = (images * images.new_tensor([0.299, 0.587, 0.114])[:, None, None]).sum(1, keepdim=True)
    small = F.interpolate(grey, size=(_SIDE, _SIDE), mode="bilinear", antialias=True, align_corners=False)[:, 0]
    cosines = _cosines(_SIDE, _KEPT + 1).to(small)
    frequencies = (cosines @ small @ cosines.T)[:, 1:, 1:].flatten(1)  # without the mean along either axis
    return torch.where(frequencies > frequencies.median(1, keepdim=True).values, 1, -1).to(torch.int8)


def _cosines(side: int, kept: int) -> Tensor:
    """The first rows [kept, side] of the discrete cosine transform."""
    places = torch.arange(side) + 0.5
    return torch.cos(math.pi / side * places * torch.arange(kept)[:, None])


def _thumbnail(images: Tensor) -> Tensor:
    """Centred unit rows [n, 769]: products are correlations.

    Plain surfaces have nothing to correlate: by the last entry they are alike whatever their colour, so that blank
    images are found together.
    """
    small = F.interpolate(images, size=(_THUMBNAIL,) * 2, mode="bilinear", antialias=True, align_corners=False)
    rows = small.flatten(1)
    centred = rows - rows.mean(1, keepdim=True)
    plain = centred.square().mean(1).sqrt() < FLAT
    unit = F.normalize(centred, dim=1) * ~plain[:, None]
    return torch.cat([unit, plain[:, None].to(unit)], 1)


def _pairs(signs: Tensor, thumbnails: Tensor, bits: int, correlation: float) -> Iterator[tuple[int, int]]:
    """Pairs a < b of near-duplicates. Agreeing signs minus differing ones is 64 - 2 · bits."""
    for start in range(0, len(signs), _CHUNK):
        rows = slice(start, start + _CHUNK)
        close = (signs[rows] @ signs[start:].T >= signs.shape[1] - 2 * bits).triu(1).nonzero()
        a, b = close[:, 0] + start, close[:, 1] + start
        for left, right in zip(a.split(2**16), b.split(2**16), strict=True):
            alike = (thumbnails[left] * thumbnails[right]).sum(1) >= correlation
            yield from zip(left[alike].tolist(), right[alike].tolist(), strict=True)


def _root(parent: list[int], index: int) -> int:
    while parent[index] != index:
        parent[index] = parent[parent[index]]
        index = parent[index]
    return index


def _join(parent: list[int], a: int, b: int) -> None:
    first, second = sorted((_root(parent, a), _root(parent, b)))
    parent[second] = first
