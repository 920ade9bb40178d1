"""How rare an image is without labels: the distance to its nearest training images (arXiv:2204.06507), and by it."""

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from holdfast.evaluation.pairs import percentile_interval
from holdfast.evaluation.probes import neighbours
from holdfast.evaluation.significance import NORMAL_975, ranks
from holdfast.randomness import generator

DENSITY_NEIGHBOURS = 10
DRAWS = 1000


def nearest_distance(reference: Tensor, queries: Tensor | None = None, *, k: int = DENSITY_NEIGHBOURS) -> Tensor:
    """Distance [q] in [0, 2] from unit features of queries [q, dim] to their k-th nearest of reference [n, dim].

    Large where few training images are near. queries None: of the reference itself, each without itself. k is cut to
    the rows there are.
    """
    similarities, _ = neighbours(reference, k, queries=queries)
    return (2 - 2 * similarities[:, -1].clamp(-1, 1)).clamp(min=0).sqrt()


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


def bootstrap_means(values: np.ndarray, *, seed: int, purpose: str, draws: int = DRAWS) -> np.ndarray:
    """Means [draws] of resampled values [n], drawn with replacement."""
    drawn = torch.randint(len(values), (draws, len(values)), generator=generator(seed, purpose)).numpy()
    return np.asarray(values, dtype=float)[drawn].mean(1)


def mean_with_interval(values: np.ndarray, *, seed: int, purpose: str) -> tuple[float, float, float]:
    """Mean of values [n] and its 95 % bootstrap interval."""
    mean = float(np.mean(values))
    return mean, *percentile_interval(bootstrap_means(values, seed=seed, purpose=purpose), mean)


def detection_auc(scores: np.ndarray, positive: np.ndarray) -> tuple[float, float, float]:
    """Chance that a positive [n] (bool) scores higher than another, ties one half, and its 95 % interval.

    DeLong's variance (1988). 0.5 is guessing. Raises ValueError where all or none are positive.
    """
    scores, positive = np.asarray(scores, dtype=float), np.asarray(positive, dtype=bool)
    m, n = int(positive.sum()), int((~positive).sum())
    if not m or not n:
        raise ValueError(f"expected images of both kinds, got {m} and {n}; an AUC compares two")
    together, own, others = ranks(scores), ranks(scores[positive]), ranks(scores[~positive])
    above = (together[positive] - own) / n  # share of the others that each positive exceeds
    below = 1 - (together[~positive] - others) / m
    auc = float(above.mean())
    variance = sum(float(x.var(ddof=1)) / len(x) for x in (above, below) if len(x) > 1)
    half = NORMAL_975 * math.sqrt(variance)
    return auc, max(0.0, auc - half), min(1.0, auc + half)


def unit_rows(features: Tensor) -> Tensor:
    """Features [n, dim] of length 1."""
    return F.normalize(features, dim=1)
