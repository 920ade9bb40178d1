"""How far features follow a confounder (site, camera, date) rather than the class: CRoMa's margins (arXiv:2607.25497).

Of an image, SO are images of the same class from another group, OS images of another class from the same group. Higher
is more robust throughout.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

_ROWS = 1024
"""Images whose distances to all others are in memory at a time."""


@dataclass(frozen=True)
class Typed:
    """Distances to the nearest images of each kind, and what the k nearest neighbours are."""

    margins: Tensor
    """[n] (d_OS - d_SO) / (d_OS + d_SO) of the means over the m nearest of each kind, in [-1, 1]; NaN where there are
    fewer than m of a kind, 0 where both distances are 0, as collapsed features have them."""
    same_class_other_group: Tensor
    """[n] SO among the k nearest."""
    other_class_same_group: Tensor
    """[n] OS among the k nearest."""


def typed_neighbours(features: Tensor, labels: Tensor, groups: Tensor, *, nearest: int = 5, k: int = 20) -> Typed:
    """Margins and typed neighbours of features [n, dim] by cosine distance; labels and groups [n] int64.

    An image is never its own neighbour. k is cut to n - 1.
    """
    unit = F.normalize(features.float(), dim=1)
    labels, groups = labels.to(unit.device), groups.to(unit.device)
    parts = [
        _typed(unit, labels, groups, rows, nearest, min(k, len(unit) - 1))
        for rows in torch.arange(len(unit), device=unit.device).split(_ROWS)
    ]
    margins, so, os_ = (torch.cat(column).cpu() for column in zip(*parts, strict=True))
    return Typed(margins, so, os_)


def _typed(
    unit: Tensor, labels: Tensor, groups: Tensor, rows: Tensor, nearest: int, k: int
) -> tuple[Tensor, Tensor, Tensor]:
    distances = (1 - unit[rows] @ unit.T).clamp(min=0)
    distances[torch.arange(len(rows)), rows] = torch.inf
    same_class, same_group = labels[rows, None] == labels, groups[rows, None] == groups
    so, os_ = same_class & ~same_group, ~same_class & same_group
    apart = [_mean_of_nearest(distances, kind, nearest) for kind in (so, os_)]
    total = apart[0] + apart[1]
    margins = torch.where(total == 0, 0.0, (apart[1] - apart[0]) / total)
    neighbours = distances.topk(k, largest=False).indices
    return margins, so.gather(1, neighbours).sum(1), os_.gather(1, neighbours).sum(1)


def _mean_of_nearest(distances: Tensor, kind: Tensor, nearest: int) -> Tensor:
    """[rows] mean distance to the nearest images of a kind; NaN where there are fewer."""
    if distances.shape[1] < nearest:
        return torch.full((len(distances),), torch.nan, device=distances.device)
    found = distances.masked_fill(~kind, torch.inf).topk(nearest, largest=False).values
    return found.mean(1).masked_fill(found.isinf().any(1), torch.nan)


def robustness_index(typed: Typed) -> tuple[float, float]:
    """(share of SO among typed neighbours, share of images that have any); NaN where no image has one."""
    so, total = typed.same_class_other_group.sum(), (typed.same_class_other_group + typed.other_class_same_group).sum()
    any_of = (typed.same_class_other_group + typed.other_class_same_group) > 0
    return (float(so / total) if total else float("nan")), float(any_of.double().mean())


def worst_tenth(margins: np.ndarray) -> float:
    """Mean of the lowest tenth, at least one."""
    return float(np.sort(margins)[: max(1, len(margins) // 10)].mean())


def shuffled_within_classes(groups: Tensor, labels: Tensor, generator: torch.Generator) -> Tensor:
    """The groups handed out anew among the images of each class: what margins are without any confounding."""
    found = groups.clone()
    for label in labels.unique():
        mine = (labels == label).nonzero()[:, 0]
        found[mine] = groups[mine[torch.randperm(len(mine), generator=generator)]]
    return found
