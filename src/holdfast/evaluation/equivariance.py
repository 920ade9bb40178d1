"""Equivariance: how well a linear map of features foretells what a transformation does to them (arXiv:1411.5908)."""

from dataclasses import dataclass

import torch
from torch import Tensor

RIDGES = (1e-6, 1e-4, 1e-2, 1.0)
"""Penalties over the largest variance, among which leaving one out chooses."""
IMAGES_A_DIRECTION = 10
"""Images of the fit half for each direction that is kept: with fewer a map of noise scores well where it was fitted."""
_SMALLEST_SHARE = 1e-10
"""Share of the largest variance below which a direction is none."""


@dataclass(frozen=True)
class Map:
    """What a map fitted on one half says of another; None where the transformation, or the features, move nothing."""

    shares: Tensor
    """[m] float64: 1 - each image's squared residual over the mean squared distance from the mean of the fit half."""
    gain: float | None
    """1 - residual of the map over residual of leaving the features as they are."""
    moved: float
    """Mean squared move over twice the variance: 0 invariant, about 1 an unrelated image."""
    permuted: float
    """The mean of the shares of a map fitted on shuffled pairs."""
    errors: Tensor
    """[m] float64: each image's squared residual."""
    away: Tensor
    """[m] float64: its squared distance from the mean of the fit half."""
    still: Tensor
    """[m] float64: its squared move."""


@dataclass(frozen=True)
class Read:
    """What a head reads of a parameter."""

    value: float
    """R², on images that it was not fitted on."""
    errors: Tensor
    """[m] float64: each image's squared error."""
    away: Tensor
    """[m] float64: its parameter's squared distance from the mean of those fitted on."""


def directions(features: Tensor, *, most: int | None = None) -> Tensor:
    """[dim, k] float64: principal directions of features [n, dim], k at most n / 10, without those that vary not."""
    rows = features.double() - features.double().mean(0)
    _, sizes, turned = torch.linalg.svd(rows, full_matrices=False)
    known = int((sizes.square() > _SMALLEST_SHARE * sizes[0].square().clamp(min=1e-300)).sum()) if sizes[0] > 0 else 0
    return turned[: min(known, most or len(features) // IMAGES_A_DIRECTION)].T


def ridge(inputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """(weights [d, t], offset [t]) of inputs [n, d] to targets [n, t], float64; the penalty is chosen by leaving one
    out."""
    centre, level = inputs.mean(0), targets.mean(0)
    u, sizes, v = torch.linalg.svd(inputs - centre, full_matrices=False)
    rotated = u.T @ (targets - level)
    best, weights = torch.inf, torch.zeros(inputs.shape[1], targets.shape[1], dtype=inputs.dtype)
    for share in RIDGES:
        shrunk = sizes.square() / (sizes.square() + share * sizes[0].square().clamp(min=1e-300))
        left = (targets - level - u @ (shrunk[:, None] * rotated)) / (
            1 - (u.square() @ shrunk + 1 / len(inputs)).clamp(max=1 - 1e-9)
        )[:, None]
        if float(left.square().mean()) < best:
            best = float(left.square().mean())
            weights = v.T @ ((shrunk / sizes.clamp(min=1e-150))[:, None] * rotated)
    return weights, level - centre @ weights


def linear_map(fit: tuple[Tensor, Tensor], asked: tuple[Tensor, Tensor], *, generator: torch.Generator) -> Map | None:
    """A ridge map of clean to moved features, fitted on pairs (clean, moved) [n, dim], asked about others [m, dim].

    Within the principal directions of the clean fit half. None where the features do not vary, or moved ones do not.
    """
    kept = directions(fit[0])
    (x, y), (a, b) = ([one.double() @ kept for one in pair] for pair in (fit, asked))
    away = (b - y.mean(0)).square().sum(1)
    spread = away.mean()
    if not kept.shape[1] or float(spread) <= 0:
        return None
    residual = _residuals(x, y, a, b)
    moves = (b - a).square().sum(1)
    still = moves.mean()
    order = torch.randperm(len(x), generator=generator)
    variance = (a - a.mean(0)).square().sum(1).mean()
    return Map(
        shares=1 - residual / spread,
        gain=None if float(still) <= 1e-12 * float(spread) else 1 - float(residual.mean() / still),
        moved=float(still / (2 * variance)) if float(variance) > 0 else 0.0,
        permuted=1 - float(_residuals(x, y[order], a, b).mean() / spread),
        errors=residual,
        away=away,
        still=moves,
    )


def _residuals(x: Tensor, y: Tensor, a: Tensor, b: Tensor) -> Tensor:
    weights, offset = ridge(x, y)
    return (b - a @ weights - offset).square().sum(1)


def decoded(
    fit: tuple[Tensor, Tensor], asked: tuple[Tensor, Tensor], known: tuple[Tensor, Tensor]
) -> tuple[Read, Read] | None:
    """What is read of a transformation's parameter, known [n] and [m], by ridge on both, and on moved features alone.

    fit, asked: pairs (clean, moved) of features [n, dim] and [m, dim]. None where features do not vary.
    """
    kept = directions(torch.cat(fit))
    if not kept.shape[1]:
        return None
    scale = (fit[0].double() @ kept).std(0).clamp(min=1e-12)
    (x, y), (a, b) = ([one.double() @ kept / scale for one in pair] for pair in (fit, asked))
    both = _explained(torch.cat([x, y], 1), torch.cat([a, b], 1), known)
    return both, _explained(y, b, known)


def _explained(inputs: Tensor, asked: Tensor, known: tuple[Tensor, Tensor]) -> Read:
    train, test = (one.double()[:, None] for one in known)
    weights, offset = ridge(inputs, train)
    errors, away = (test - asked @ weights - offset).square()[:, 0], (test - train.mean()).square()[:, 0]
    return Read(1 - float(errors.mean() / away.mean()), errors, away)
