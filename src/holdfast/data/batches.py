"""Batches of images: keyed order, the same images whatever the ranks, resident or streamed."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from torch import Tensor

from holdfast import randomness
from holdfast.data.images import Images

_LEAST = 2  # images a rank needs for a contrast, and for batch statistics


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


def steps_per_epoch(images: int, batch_size: int, world: int = 1) -> int:
    """Batches in an epoch of `images`: the incomplete last one counts unless some rank would get fewer than 2 images.

    batch_size is over all `world` ranks together. Raises ValueError where it is no multiple of world, where a rank
    would get fewer than 2 images of a batch, or where there are too few images for one batch.
    """
    if batch_size % world or batch_size < _LEAST * world:
        raise ValueError(
            f"expected a batch size that {world} device(s) share equally, at least {_LEAST} images each, "
            f"got {batch_size}; "
            f"use --batch-size {max(batch_size // world, _LEAST) * world}"
        )
    whole, rest = divmod(images, batch_size)
    steps = whole + (rest >= _LEAST * world)
    if steps == 0:
        raise ValueError(
            f"expected at least {_LEAST * world} training images ({_LEAST} for each of {world} device(s)), "
            f"got {images}; raise --limit, lower --holdout, or use fewer devices"
        )
    return steps


def epoch_batches(
    images: Images, *, seed: int, epoch: int, batch_size: int, rank: int = 0, world: int = 1, first_step: int = 0
) -> Iterator[Batch]:
    """This rank's part of each batch of an epoch, from batch first_step on, on the device of the images.

    Every epoch has an order drawn by (seed, epoch); batch k is its k-th piece of batch_size images, and rank r holds
    the r-th contiguous part of that piece, so the ranks together see what one process would. Parts of the incomplete
    last batch differ by one image at most.

    Raises ValueError as steps_per_epoch does, and for a rank or step out of range.
    """
    steps = steps_per_epoch(len(images), batch_size, world)
    if not (0 <= rank < world and 0 <= first_step <= steps):
        raise ValueError(
            f"expected a rank below {world} and a first step of 0 to {steps}, got rank {rank} and step {first_step}; "
            "resume with the batch size and images that the run began with"
        )
    order = randomness.permutation(randomness.key(seed, "order", epoch), len(images)).to(images.pixels.device)
    shares = [
        _share(order[step * batch_size : (step + 1) * batch_size], rank, world) for step in range(first_step, steps)
    ]
    return (
        Batch(
            images=pixels,
            ids=images.ids[positions.to(images.ids.device)],
            epoch=epoch,
            subgroups={name: group.numbers[positions.cpu()] for name, group in images.subgroups.items()},
        )
        for positions, pixels in zip(shares, images.batches(shares), strict=True)
    )


def _share(positions: Tensor, rank: int, world: int) -> Tensor:
    return positions[rank * len(positions) // world : (rank + 1) * len(positions) // world]
