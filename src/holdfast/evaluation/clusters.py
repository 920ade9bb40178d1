"""Groups without labels: k-means (Lloyd 1982) from k-means++ starts, and how far they hold under resampling."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from holdfast.randomness import generator
from holdfast.statistics import resampled

STARTS, BOOTSTRAPS, DIRECTIONS = 4, 5, 64
_STEPS, _MOVED = 100, 1e-4


@dataclass(frozen=True, eq=False)
class Clustering:
    """One partition of a set of features."""

    k: int
    """Clusters asked for; some may be empty where features coincide."""
    centres: Tensor
    """[k, dim]."""
    members: Tensor
    """[n] int64 on the CPU: the cluster of each row."""
    stability: np.ndarray
    """[BOOTSTRAPS] adjusted Rand index with the partitions that resampled rows give: 1 the same, 0 as by chance."""

    @property
    def sizes(self) -> np.ndarray:
        """[k] rows of each cluster."""
        return torch.bincount(self.members, minlength=self.k).numpy()

    def assign(self, features: Tensor) -> Tensor:
        """Nearest cluster [m] of further features [m, dim]."""
        return _nearest(features, self.centres)[0].cpu()


def cluster(features: Tensor, k: int, *, seed: int = 0) -> Clustering:
    """k-means of features [n, dim], the best of four starts; stability over five bootstraps, each clustered alike.

    Deterministic in the seed. Raises ValueError for fewer rows than clusters.
    """
    if not 1 <= k <= len(features):
        raise ValueError(f"expected 1 to {len(features)} clusters of {len(features)} rows, got {k}; lower k")
    centres = _fit(features, k, seed, starts=STARTS, purpose="clusters")
    members = _nearest(features, centres)[0].cpu()
    stability = [_agreement(members, features, k, seed, draw) for draw in range(BOOTSTRAPS)]
    return Clustering(k, centres, members, np.array(stability))


def principal(features: Tensor, others: Tensor, *, directions: int = DIRECTIONS) -> tuple[Tensor, Tensor]:
    """Both sets of features [., dim] in the first principal directions [., at most `directions`] of the first set.

    Distances between rows stay but for the directions of least variance: clustering takes a fraction of the time.
    """
    mean = features.mean(0)
    centred = (features - mean).double()
    _, vectors = torch.linalg.eigh((centred.T @ centred).cpu())
    axes = vectors[:, -directions:].flip(1).to(features)
    return (features - mean) @ axes, (others - mean) @ axes


def _agreement(members: Tensor, features: Tensor, k: int, seed: int, draw: int) -> float:
    from sklearn.metrics import adjusted_rand_score  # a second of import that other measures do not need

    rows = resampled(len(features), seed=seed, purpose=f"cluster bootstrap of {k}, {draw}")
    drawn = features[torch.from_numpy(rows).to(features.device)]
    centres = _fit(drawn, k, seed, starts=1, purpose=f"bootstrap clusters {draw}")
    return float(adjusted_rand_score(members.numpy(), _nearest(features, centres)[0].cpu().numpy()))


def _fit(features: Tensor, k: int, seed: int, *, starts: int, purpose: str) -> Tensor:
    fits = [_lloyd(features, _spread_start(features, k, generator(seed, purpose, k, s))) for s in range(starts)]
    return min(fits, key=lambda fit: fit[1])[0]


def _spread_start(features: Tensor, k: int, source: torch.Generator) -> Tensor:
    """k rows, each drawn with probability by its squared distance to those before (k-means++, Arthur 2007)."""
    chosen = [int(torch.randint(len(features), (), generator=source))]
    distance = _squared(features, features[chosen])[:, 0]
    for _ in range(1, k):
        total = distance.double().cpu().cumsum(0)
        point = torch.rand((), generator=source, dtype=torch.float64) * total[-1]
        chosen.append(min(int(torch.searchsorted(total, point, right=True)), len(features) - 1))
        distance = torch.minimum(distance, _squared(features, features[chosen[-1:]])[:, 0])
    return features[chosen]


def _lloyd(features: Tensor, centres: Tensor) -> tuple[Tensor, float]:
    """Centres [k, dim] that no longer move, and the sum of squared distances to them."""
    for _ in range(_STEPS):
        members, _ = _nearest(features, centres)
        chosen = torch.nn.functional.one_hot(members, len(centres)).to(features)
        counts = chosen.sum(0)[:, None]
        means = torch.where(counts > 0, chosen.T @ features / counts.clamp(min=1), centres)
        moved = float((means - centres).square().sum(1).max())
        centres = means
        if moved < _MOVED**2:
            break
    return centres, float(_nearest(features, centres)[1].double().sum())


def _nearest(features: Tensor, centres: Tensor) -> tuple[Tensor, Tensor]:
    """The nearest centre [n] of each row, the first of several, and the squared distance [n]."""
    nearest = _squared(features, centres).min(1)
    return nearest.indices, nearest.values


def _squared(features: Tensor, centres: Tensor) -> Tensor:
    """Squared distances [n, k]."""
    squares = features.square().sum(1, keepdim=True) + centres.square().sum(1)
    return (squares - 2 * features @ centres.T).clamp(min=0)
