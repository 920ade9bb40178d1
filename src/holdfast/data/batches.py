"""Batches of images: keyed order, the same images whatever the ranks, resident or streamed."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import torch
from torch import Tensor

from holdfast.data.files import Rejected
from holdfast.data.images import Images
from holdfast.data.order import LEAST, epoch_order


@dataclass(frozen=True)
class Batch:
    """Some images of an epoch."""

    images: Tensor
    """[n, 3, h, w] float32 in [0, 1], on the compute device."""
    ids: Tensor
    """[n] int64, each sample's place in the data set: draws are keyed by it."""
    epoch: int
    """Counts from 0."""
    subgroups: Mapping[str, Tensor] = field(default_factory=dict)
    """By the name of a column, each image's group, int64 [n] on the CPU."""
    skipped: tuple[tuple[int, Rejected], ...] = ()
    """Images that belong to the batch and can no longer be read: (id, why). The batch is smaller by these."""


def steps_per_epoch(images: int, batch_size: int, world: int = 1) -> int:
    """Batches in an epoch of `images`: the incomplete last one counts unless some rank would get fewer than 2 images.

    batch_size is over all `world` ranks together. Raises ValueError where it is no multiple of world, where a rank
    would get fewer than 2 images of a batch, or where there are too few images for one batch.
    """
    if batch_size % world or batch_size < LEAST * world:
        raise ValueError(
            f"expected a batch size that {world} device(s) share equally, at least {LEAST} images each, "
            f"got {batch_size}; "
            f"use --batch-size {max(batch_size // world, LEAST) * world}"
        )
    whole, rest = divmod(images, batch_size)
    steps = whole + (rest >= LEAST * world)
    if steps == 0:
        raise ValueError(
            f"expected at least {LEAST * world} training images ({LEAST} for each of {world} device(s)), "
            f"got {images}; raise --limit, lower --holdout, or use fewer devices"
        )
    return steps


def epoch_batches(
    images: Images,
    *,
    seed: int,
    epoch: int,
    batch_size: int,
    rank: int = 0,
    world: int = 1,
    first_step: int = 0,
    without: Mapping[int, Collection[int]] = MappingProxyType({}),
    buffer: int = 0,
) -> Iterator[Batch]:
    """This rank's part of each batch of an epoch, from batch first_step on, on the device of the images.

    Every epoch has an order drawn by (seed, epoch), of images that are read by blocks with a buffer of so many (see
    `epoch_order`); batch k is its k-th piece of batch_size images, and rank r holds
    the r-th contiguous part of that piece, so the ranks together see what one process would. Parts of the incomplete
    last batch differ by one image at most. without: by batch, ids of images to leave out of it, which are not read.
    What cannot be read is left out of its batch too, and named there; no other image moves.

    Raises ValueError as steps_per_epoch does, and for a rank or step out of range.
    """
    steps = steps_per_epoch(len(images), batch_size, world)
    if not (0 <= rank < world and 0 <= first_step <= steps):
        raise ValueError(
            f"expected a rank below {world} and a first step of 0 to {steps}, got rank {rank} and step {first_step}; "
            "resume with the batch size and images that the run began with"
        )
    blocks = images.blocks if buffer else None
    drawn = epoch_order(len(images), seed=seed, epoch=epoch, batch_size=batch_size, blocks=blocks, buffer=buffer)
    order = torch.from_numpy(drawn).to(images.pixels.device)
    shares = [
        _left(images, _share(order[step * batch_size : (step + 1) * batch_size], rank, world), without.get(step))
        for step in range(first_step, steps)
    ]
    return (_batch(images, *found, epoch) for found in zip(shares, images.readable(shares), strict=True))


def whole_batch(images: Images) -> Batch:
    """All images as one batch of epoch 0, but for those that can no longer be read; for few."""
    positions = torch.arange(len(images))
    return _batch(images, positions, next(images.readable([positions])), 0)


def _left(images: Images, positions: Tensor, without: Collection[int] | None) -> Tensor:
    if not without:
        return positions
    ids = images.ids[positions.to(images.ids.device)]
    return positions[torch.isin(ids.cpu(), torch.tensor(sorted(without)), invert=True).to(positions.device)]


def _batch(images: Images, positions: Tensor, found: tuple[Tensor, list[tuple[int, Rejected]]], epoch: int) -> Batch:
    """The images at some positions, but for those that could not be read."""
    pixels, rejected = found
    ids = images.ids[positions.to(images.ids.device)]
    skipped = tuple((int(ids[place]), why) for place, why in rejected)
    if skipped:
        kept = torch.ones(len(positions), dtype=torch.bool)
        kept[[place for place, _ in rejected]] = False
        positions, pixels = positions[kept.to(positions.device)], pixels[kept.to(pixels.device)]
        ids = ids[kept.to(ids.device)]
    groups = {name: group.numbers[positions.cpu()] for name, group in images.subgroups.items()}
    return Batch(images=pixels, ids=ids, epoch=epoch, subgroups=groups, skipped=skipped)


def _share(positions: Tensor, rank: int, world: int) -> Tensor:
    return positions[rank * len(positions) // world : (rank + 1) * len(positions) // world]
