"""How rare an image is without labels: the distance to its nearest training images (arXiv:2204.06507), and by it."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from holdfast.evaluation.probes import neighbours

DENSITY_NEIGHBOURS = 10


def nearest_distance(reference: Tensor, queries: Tensor | None = None, *, k: int = DENSITY_NEIGHBOURS) -> Tensor:
    """Distance [q] in [0, 2] from unit features of queries [q, dim] to their k-th nearest of reference [n, dim].

    Large where few training images are near. queries None: of the reference itself, each without itself. k is cut to
    the rows there are. 0 where a dead network gives zeros for all.
    """
    similarities, found = neighbours(reference, k, queries=queries)
    asked = reference if queries is None else queries
    squares = asked.any(1).to(similarities) + reference.any(1).to(similarities)[found[:, -1]]
    return (squares - 2 * similarities[:, -1].clamp(-1, 1)).clamp(min=0).sqrt()


def neighbour_consistency(views: Tensor, reference: Tensor, *, k: int = DENSITY_NEIGHBOURS) -> Tensor:
    """Share [n] of the k nearest reference images [m, dim] of one view that are also among the other view's.

    views [n, v, dim]; the mean over all pairs of views. 1: the views are told nothing apart; guessing gives k / m.
    """
    n, count, _ = views.shape
    if count < 2:
        raise ValueError(f"expected at least two views per sample, got {count}; views are [samples, views, dim]")
    _, nearest = neighbours(reference, k, queries=views.flatten(0, 1))
    nearest = nearest.unflatten(0, (n, count))
    shared = [_shared(nearest[:, a], nearest[:, b]) for a in range(count) for b in range(a + 1, count)]
    return torch.stack(shared).mean(0)


def _shared(a: Tensor, b: Tensor) -> Tensor:
    """Share [n] of the entries of a [n, k] that b [n, k] has too; rows hold no entry twice."""
    return (a[:, :, None] == b[:, None, :]).any(2).float().mean(1)


def density_groups(distances: np.ndarray, groups: int) -> np.ndarray:
    """Group 1..groups of each distance [n], of (nearly) equal sizes: 1 is the sparsest, ties by place."""
    order = np.argsort(-np.asarray(distances, dtype=float), kind="stable")
    found = np.empty(len(order), dtype=np.int64)
    found[order] = np.arange(len(order)) * groups // len(order) + 1
    return found


def unit_rows(features: Tensor) -> Tensor:
    """Features [n, dim] of length 1."""
    return F.normalize(features, dim=1)
