"""The order of an epoch: one draw over all images, or by blocks and a buffer, for sources whose neighbours are read
together and which do not fit into memory.

By blocks: blocks of neighbours (row groups, 4 MiB of a tar file) in a drawn order are laid end to end and dealt to
lanes; in a lane, so many images at a time as the buffer has room for are mixed by a uniform draw; a batch is an equal
part of each lane. It is a permutation that (seed, epoch) decide, so batch k is known without those before it, and the
number of processes does not matter: each has whole lanes to itself where lanes are a multiple of them.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from holdfast import randomness

LEAST = 2
"""Images that a process needs of a batch: for a contrast, and for batch statistics."""
_MOST_LANES = 64


@dataclass(frozen=True)
class Mixing:
    """How near an order by blocks is to a uniform permutation."""

    meetings: float
    """How often two images of a block meet in a batch, over how often they would in a uniform permutation: 1 there."""
    blocks: float
    """Blocks that a batch draws on, mean over batches."""
    uniform_blocks: float
    """What that would be in a uniform permutation."""

    def __str__(self) -> str:
        return (
            f"two images of a block meet in a batch {self.meetings:.3g} times as often as in a uniform shuffle, and a "
            f"batch draws on {_some(self.blocks)} blocks where that would draw on {_some(self.uniform_blocks)}"
        )


def epoch_order(
    images: int, *, seed: int, epoch: int, batch_size: int, blocks: np.ndarray | None = None, buffer: int = 0
) -> np.ndarray:
    """int64 [images], a permutation of 0..images-1: the order of an epoch.

    blocks: int [images], the block that each image lies in; buffer: images that are mixed at a time, over all
    processes. Without blocks, or where the buffer holds all, the permutation is uniform.
    """
    if blocks is None or not 0 < buffer < images:
        return randomness.permutation(randomness.key(seed, "order", epoch), images).numpy()
    lanes = lanes_for(batch_size, buffer, int(np.bincount(_numbered(blocks)).max()))
    sequence = _blocks_in_order(_numbered(blocks), randomness.key(seed, "blocks", epoch))
    slots = _lanes_of_slots(images, batch_size, lanes)
    lengths = np.bincount(slots, minlength=lanes)
    lane = np.repeat(np.arange(lanes), lengths)
    offset = np.arange(images) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    windows = -(-lengths // max(1, buffer // lanes))  # of equal sizes, so that the last is mixed as the others
    window = offset * windows[lane] // lengths[lane]
    draw = randomness.fold(randomness.key(seed, "order", epoch), torch.from_numpy(sequence)).numpy()
    order = np.empty(images, np.int64)
    order[np.argsort(slots, kind="stable")] = sequence[np.lexsort((draw, window, lane))]
    return order


def _some(blocks: float) -> str:
    return f"{blocks:.1f}" if blocks < 10 else f"{blocks:,.0f}"


def mixing(order: np.ndarray, blocks: np.ndarray, batch_size: int) -> Mixing:
    """What an order [n] makes of images that lie in some blocks [n], counted over all of its batches."""
    images, block = len(order), _numbered(blocks)[order]
    sizes, batch = np.bincount(block), np.arange(images) // batch_size
    _, found = np.unique(batch * len(sizes) + block, return_counts=True)
    batches = np.bincount(batch)
    by_chance = float((batches * (batches - 1.0)).sum() / (images * (images - 1.0))) if images > 1 else 1.0
    pairs = float((sizes * (sizes - 1.0)).sum())
    met = float((found * (found - 1.0)).sum()) / pairs if pairs else by_chance
    few, count = np.unique(sizes, return_counts=True)
    drawn = sum(
        number * _drawn_on(size, images, min(batch_size, images)) for size, number in zip(few, count, strict=True)
    )
    return Mixing(met / by_chance if by_chance else 1.0, len(found) / len(batches), float(drawn))


def lanes_for(batch_size: int, buffer: int, largest: int) -> int:
    """How many lanes: a power of two that parts the batch, with two blocks in the buffer of each and two images of a
    batch at least."""
    lanes = 1
    while batch_size % (2 * lanes) == 0 and 2 * lanes <= min(_MOST_LANES, batch_size // LEAST, buffer // (2 * largest)):
        lanes *= 2
    return lanes


def _numbered(blocks: np.ndarray) -> np.ndarray:
    return np.unique(blocks, return_inverse=True)[1]


def _blocks_in_order(blocks: np.ndarray, key: Tensor) -> np.ndarray:
    """Images [n], block by block in a drawn order."""
    place = np.empty(int(blocks.max()) + 1, np.int64)
    place[randomness.permutation(key, len(place)).numpy()] = np.arange(len(place))
    return np.argsort(place[blocks], kind="stable")


def _lanes_of_slots(images: int, batch_size: int, lanes: int) -> np.ndarray:
    """The lane [n] that each place of an epoch is filled from: an equal, contiguous part of each batch from each."""
    batch, slot = np.divmod(np.arange(images), batch_size)
    size = np.minimum(batch_size, images - batch * batch_size)
    return slot * lanes // size


def _drawn_on(size: int, images: int, batch: int) -> float:
    """The chance that a uniform draw of a batch has an image of a block of some size."""
    if size + batch > images:
        return 1.0
    terms = (images - size + 1, images - size - batch + 1, images + 1, images - batch + 1)
    all_of, rest, whole, left = map(math.lgamma, terms)
    return 1.0 - math.exp(all_of - rest - whole + left)
