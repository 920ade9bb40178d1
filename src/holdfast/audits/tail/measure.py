"""What the tail audit measures: density and clusters of training images, and each test image's place among them."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from holdfast.data import class_groups
from holdfast.evaluation import alignment
from holdfast.evaluation.clusters import Clustering, cluster, principal
from holdfast.evaluation.density import density_groups, nearest_distance, neighbour_consistency, unit_rows
from holdfast.randomness import fold, key

if TYPE_CHECKING:
    from holdfast.audits.subject import Subject

REFERENCE = 10_000
"""Training images, at most, that density and clusters are measured on: a draw by the seed."""
CLUSTERS = (5, 10, 20, 50)
MAIN = 10
"""The number of clusters whose groups are scored; the next smaller one where there are too few images."""
GROUPS = 10
_LEAST = 10  # reference images for each cluster, and twice the test images for each group by density


@dataclass(frozen=True, kw_only=True, eq=False)
class Tail:
    """Test images among the training images. Arrays are on the CPU; n test images, m reference images."""

    reference_ids: Tensor
    """[m] int64, ascending."""
    own_distance: np.ndarray
    """[m] distance of each reference image to its k-th nearest other one."""
    distance: np.ndarray
    """[n] distance of each test image to its k-th nearest reference image."""
    viewed: np.ndarray
    """[v] positions of the test images whose views are compared."""
    alignment: np.ndarray
    """[v] distance between two views."""
    relative: np.ndarray
    """[v] distance between two views over that to the nearest other images, of one half of the reference images."""
    sparseness: np.ndarray
    """[v] distance to the nearest images of the other half: what `relative` is held against, with noise of its own."""
    consistency: np.ndarray
    """[v] share of neighbours that two views have in common."""
    clusterings: Sequence[Clustering]
    """Clusterings of the reference images, by number of clusters; empty where there are too few images."""
    assigned: Sequence[np.ndarray]
    """[n] cluster of each test image, for each clustering."""

    @cached_property
    def groups(self) -> np.ndarray:
        """[n] 1 for the sparsest of at most ten equal groups of test images."""
        return density_groups(self.distance, group_count(len(self.distance)))

    @property
    def main(self) -> int | None:
        """Which clustering is scored."""
        fitting = [place for place, found in enumerate(self.clusterings) if found.k <= MAIN]
        return fitting[-1] if fitting else None

    def in_viewed(self, values: np.ndarray) -> np.ndarray:
        """[n] values [v] of viewed images, NaN for the others."""
        column = np.full(len(self.distance), np.nan)
        column[self.viewed] = values
        return column


def group_count(images: int) -> int:
    """Ten groups by density, fewer where they would hold under five images."""
    return max(2, min(GROUPS, 2 * images // _LEAST))


def measure_tail(subject: "Subject", *, clustered: bool = True) -> Tail:
    """Density, clusters (where asked for), alignment and consistency of a subject's test images."""
    ids = _reference_ids(subject)
    reference, test = unit_rows(_reference_features(subject, ids)), unit_rows(subject.test_features)
    views, places = subject.viewed, subject.viewed.positions.to(test.device)
    seen = len(places) > 0
    halves = [nearest_distance(reference[half::2], test[places]).cpu().numpy() for half in (0, 1) if seen]
    apart = alignment(views.features).numpy()
    shared = neighbour_consistency(views.features.to(reference.device), reference).cpu().numpy() if seen else apart
    clusterings, assigned = _clusterings(reference, test, subject.options.seed) if clustered else ([], [])
    return Tail(
        reference_ids=ids,
        own_distance=nearest_distance(reference).cpu().numpy(),
        distance=nearest_distance(reference, test).cpu().numpy(),
        viewed=views.positions.cpu().numpy(),
        alignment=apart,
        relative=apart / np.maximum(halves[0], 1e-12) if seen else apart,
        sparseness=halves[1] if seen else apart,
        consistency=shared,
        clusterings=clusterings,
        assigned=assigned,
    )


def sizes_of_groups(clustering: Clustering) -> dict[str, list[int]]:
    """Clusters that are not empty as many, medium and few, by thirds of their sizes."""
    present = np.flatnonzero(clustering.sizes)
    named = class_groups([int(clustering.sizes[index]) for index in present])
    return {name: [int(present[place]) for place in members] for name, members in named.items()}


def _reference_ids(subject: "Subject") -> Tensor:
    ids = (subject.probe_ids if subject.train_ids is None else subject.train_ids).cpu()
    order = fold(key(subject.options.seed, "tail reference"), ids).argsort()
    return ids[order[:REFERENCE]].sort().values


def _reference_features(subject: "Subject", ids: Tensor) -> Tensor:
    """The reference images' features: the pool's where other audits need these too; else of the drawn images alone."""
    positions = subject.pool.positions(ids)
    if subject.pool.labels is None and len(ids) < len(subject.pool):
        return subject.features(subject.pool.subset(positions), "training images")
    return subject.pool_features[positions.to(subject.pool_features.device)]


def _clusterings(reference: Tensor, test: Tensor, seed: int) -> tuple[list[Clustering], list[np.ndarray]]:
    small, placed = principal(reference, test)
    found = [cluster(small, k, seed=seed) for k in CLUSTERS if k * _LEAST <= len(reference)]
    return found, [clustering.assign(placed).numpy() for clustering in found]


def few_class_members(subject: "Subject", labels: Tensor | None) -> np.ndarray | None:
    """Whether each image is of a class with few training images; None where that is not known."""
    few = subject.groups.get("few")
    if labels is None or not few:
        return None
    members = torch.isin(labels.cpu(), torch.tensor(few)).numpy()
    return members if members.any() and not members.all() else None
