"""Memorization as arithmetic on features: SSLMem (arXiv:2401.12233), LayerMem and UnitMem (arXiv:2409.19069)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from holdfast.evaluation.signals import alignment

_TINY = 1e-12


def memorization(f: Tensor, g: Tensor) -> dict[str, Tensor]:
    """How much better f aligns the views of each sample than g, which never saw it: 'difference' and 'ratio', [n] each.

    f, g: features [n, k, dim] of the same k views by the two encoders. With L the `alignment` of a sample, difference
    is L_g - L_f in [-2, 2], reference minus trained: positive where f memorised the sample (2401.12233, its definition
    with unit features). ratio is (L_g - L_f) / (L_g + L_f) in [-1, 1], 0 where both are 0. Raises ValueError where the
    samples or views differ.
    """
    if f.shape[:2] != g.shape[:2] or f.ndim != 3:
        raise ValueError(
            f"expected features [n, k, dim] of the same views by both encoders, got {list(f.shape)} and "
            f"{list(g.shape)}; give both encoders the same views"
        )
    return memorization_of_losses(alignment(f), alignment(g))


def memorization_of_losses(loss_f: Tensor, loss_g: Tensor) -> dict[str, Tensor]:
    """'difference' and 'ratio' from alignment losses of any equal shape, each at least 0."""
    difference, total = loss_g - loss_f, loss_g + loss_f
    return {"difference": difference, "ratio": difference / torch.where(total > 0, total, 1.0)}


def view_distances(views: Tensor) -> Tensor:
    """Distances [n, k, k] between all L2-normalised views [n, k, dim] of each sample; exactly 0 between equal ones."""
    unit = F.normalize(views, dim=-1, eps=_TINY)
    return torch.cdist(unit, unit, compute_mode="donot_use_mm_for_euclid_dist")  # products lose digits near 0


def mean_of_pairs(distances: Tensor) -> Tensor:
    """Mean [...] over the pairs a < b of symmetric distances [..., k, k] with zeros on the diagonal."""
    k = distances.shape[-1]
    return distances.sum((-2, -1)) / (k * (k - 1))


def without_each_view(distances: Tensor) -> Tensor:
    """mean_of_pairs with one view left out in turn, [..., k]: what a jackknife needs; k is at least 3."""
    k = distances.shape[-1]
    return (distances.sum((-2, -1))[..., None] - 2 * distances.sum(-1)) / ((k - 1) * (k - 2))


def mean_cosine(views: Tensor) -> Tensor:
    """Mean cosine over all pairs of views [n, k, dim] of a sample, [n]: EncoderMI's threshold score (2108.11023).

    Higher is more like a member. All pairs at once: the squared norm of the sum of k unit vectors is k plus twice the
    sum of their cosines.
    """
    k = views.shape[1]
    total = F.normalize(views, dim=-1, eps=_TINY).sum(1)
    return ((total.square().sum(-1) - k) / (k * (k - 1))).clamp(-1, 1)


def unit_memorization(activations: Tensor, *, rest: Literal["mean", "median"] = "mean", signed: bool = False) -> Tensor:
    """How much each unit prefers one sample over the others, [u] in [0, 1] (2409.19069, section 5).

    activations: [n, k, u], non-negative, of k views of n samples; maps [n, k, u, ...] are averaged over what follows.
    With mu a sample's mean over views, (max - rest) / (max + rest), rest the mean of mu over the other samples. A unit
    that is silent everywhere is 0. rest 'median' is the authors' code, not the paper's equation. Raises ValueError for
    negative means, which leave [0, 1], unless signed.
    """
    means = activations.flatten(3).mean(-1).mean(1) if activations.ndim > 3 else activations.mean(1)
    peak, at = means.max(0)
    if rest == "mean":
        return unit_memorization_of(UnitSums(means.sum(0), peak, at, len(means), means.amin()), signed=signed)
    _check_units(len(means), means.amin(), signed)
    return _contrast(peak, _others(means, at).quantile(0.5, dim=0))


def _others(means: Tensor, at: Tensor) -> Tensor:
    """Means [n - 1, u] without each unit's largest."""
    keep = torch.ones_like(means, dtype=torch.bool).scatter_(0, at[None], False)
    return means.T[keep.T].view(means.shape[1], -1).T


@dataclass(frozen=True)
class UnitSums:
    """What the mean form needs of the samples' mean activations; parts of a data set add up."""

    total: Tensor
    """[u] sum over samples."""
    peak: Tensor
    """[u] largest."""
    at: Tensor
    """[u] int64, the sample of the largest."""
    count: int
    """Samples."""
    least: Tensor
    """[] smallest of all."""

    @classmethod
    def of(cls, means: Tensor, ids: Tensor) -> "UnitSums":
        """The sums of mean activations [n, u] of the samples ids [n]; they are kept in float64."""
        peak, at = means.max(0)
        return cls(means.double().sum(0), peak, ids[at], len(means), means.amin())

    def __add__(self, other: "UnitSums") -> "UnitSums":
        later = other.peak > self.peak
        return UnitSums(
            self.total + other.total,
            torch.where(later, other.peak, self.peak),
            torch.where(later, other.at, self.at),
            self.count + other.count,
            torch.minimum(self.least, other.least),
        )


def unit_memorization_of(sums: UnitSums, *, signed: bool = False) -> Tensor:
    """unit_memorization [u], mean form, from sums over the samples."""
    _check_units(sums.count, sums.least, signed)
    return _contrast(sums.peak, (sums.total - sums.peak) / (sums.count - 1))


def _check_units(count: int, least: Tensor, signed: bool) -> None:
    if count < 2:
        raise ValueError(f"expected at least two samples to compare a unit's activations on, got {count}; give more")
    if not signed and least < 0:
        raise ValueError(
            f"expected non-negative activations, got {float(least):.3g}; tap the network after a ReLU: signed units "
            "have no selectivity in [0, 1]"
        )


def _contrast(peak: Tensor, rest: Tensor) -> Tensor:
    total = peak + rest
    return torch.where(total == 0, 0.0, (peak - rest) / torch.where(total == 0, 1.0, total))


def _pairwise(distance: Callable[[Tensor, Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """The mean [n] of a distance between rows over all pairs of views [n, k, dim]."""

    def loss(views: Tensor) -> Tensor:
        a, b = torch.triu_indices(views.shape[1], views.shape[1], 1, device=views.device)
        return distance(views[:, a], views[:, b]).mean(1)

    return loss


def _of_units(distance: Callable[[Tensor, Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    return lambda views: _pairwise(distance)(F.normalize(views, dim=-1, eps=_TINY))


def _cosine(a: Tensor, b: Tensor) -> Tensor:
    return (a * b).sum(-1).clamp(-1, 1)


LOSSES: Mapping[str, Callable[[Tensor], Tensor]] = {
    "l2_unit": alignment,
    "l2_raw": _pairwise(lambda a, b: (a - b).norm(dim=-1)),
    "sq_l2_unit": _of_units(lambda a, b: (a - b).square().sum(-1)),
    "cosine": _of_units(lambda a, b: 1 - _cosine(a, b)),
    "angular": _of_units(lambda a, b: torch.arccos(_cosine(a, b)) / torch.pi),
}
"""Alignment losses [n] of views [n, k, dim] by name. 'l2_unit' is ours; the others compare with work that uses them."""
