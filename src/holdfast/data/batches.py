"""Batches of resident images: keyed order, the same images whatever the ranks."""

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Batch:
    """Some images of an epoch."""

    images: Tensor
    """[n, 3, h, w] float32 in [0, 1], on the compute device."""
    ids: Tensor
    """[n] int64, each sample's place in the data set: draws are keyed by it."""
    epoch: int
    """Counts from 0."""
