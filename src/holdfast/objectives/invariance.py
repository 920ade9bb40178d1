"""InvCLR's penalty on how far features move with the parameters of a transformation (arXiv:2010.09515, section 3)."""

from typing import Literal

import torch
from torch import Tensor

Clip = Literal["batch", "sample", "none"]


def invariance_gradient(features: Tensor, parameters: Tensor, *, signs: Tensor) -> Tensor:
    """g [n, p]: the derivative of sum(signs * features) by parameters, itself differentiable in the weights.

    features: [n, d], computed from parameters [n, p]; signs: ±1 [n, d]. Zero where features do not depend on them.
    Batch norm in training mode couples samples: this is the derivative of the sum over all of them, as the authors
    take it.
    """
    if features.shape != signs.shape or features.ndim != 2 or parameters.shape[:1] != features.shape[:1]:
        raise ValueError(
            f"expected features and signs [n, d] and parameters [n, p], got {list(features.shape)}, "
            f"{list(signs.shape)} and {list(parameters.shape)}; pair them row by row"
        )
    if not features.requires_grad:
        return torch.zeros_like(parameters)
    projected = (signs * features).sum()
    (gradient,) = torch.autograd.grad(
        projected, parameters, create_graph=True, allow_unused=True, materialize_grads=True
    )
    return gradient


def squared_changes(gradient: Tensor, parameters: Tensor, alternatives: Tensor) -> Tensor:
    """[n]: the mean over draws of (gradient · (alternative - parameters))², from [n, p], [n, p] and [k, n, p]."""
    if alternatives.shape[1:] != parameters.shape:
        raise ValueError(
            f"expected alternatives [k, {', '.join(map(str, parameters.shape))}], got {list(alternatives.shape)}; "
            "draw k alternatives for each sample"
        )
    with torch.autocast(parameters.device.type, enabled=False):
        return ((alternatives - parameters).detach() * gradient).sum(-1).square().mean(0)


def expected_changes(gradient: Tensor, parameters: Tensor, *, low: Tensor, high: Tensor) -> Tensor:
    """[n]: what squared_changes is the mean of for alternatives uniform and independent in [low, high], each [p].

    Sum over p of gradient² (high - low)² / 12, plus (gradient · (middle - parameters))². No draws, and less spread.
    """
    offset = ((low + high) / 2 - parameters).detach()
    spread = (gradient.square() * ((high - low).square() / 12)).sum(1)
    return spread + (gradient * offset).sum(1).square()


def clipped_mean(values: Tensor, *, limit: float | None, clip: Clip = "batch") -> Tensor:
    """The mean of values [n], at most limit. 'batch' (the authors) clips the mean: above the limit no sample has a
    gradient.

    'sample' clips each value before the mean; 'none', or no limit, clips nothing.
    """
    if clip not in ("batch", "sample", "none"):
        raise ValueError(f"expected clip 'batch', 'sample' or 'none', got {clip!r}; the authors clip the batch's mean")
    if clip == "none" or limit is None:
        return values.mean()
    return values.clamp(max=limit).mean() if clip == "sample" else values.mean().clamp(max=limit)


def invariance_penalty(
    features: Tensor, parameters: Tensor, alternatives: Tensor, *, signs: Tensor, limit: float | None
) -> Tensor:
    """min(limit, mean over draws and samples of [g · (alternative - parameters)]²), g = d sum(signs * features) / d
    parameters.

    features: [n, d] as given (the method normalises rows first), computed from parameters [n, p], which require a
    gradient; alternatives: [k, n, p] other draws of them, taken as constants; signs: ±1 [n, d]. Estimates, to first
    order, twice the trace of the features' covariance under the transformation. A scalar from 0 to limit, lower is
    steadier; zero gradient above the limit. Differentiating it takes a second backward. Raises ValueError for shapes
    that do not fit.
    """
    gradient = invariance_gradient(features, parameters, signs=signs)
    return clipped_mean(squared_changes(gradient, parameters, alternatives), limit=limit)


def expected_invariance_penalty(
    features: Tensor, parameters: Tensor, *, low: Tensor, high: Tensor, signs: Tensor, limit: float | None
) -> Tensor:
    """invariance_penalty with the expectation over alternatives uniform in [low, high] ([p] each) in closed form."""
    gradient = invariance_gradient(features, parameters, signs=signs)
    return clipped_mean(expected_changes(gradient, parameters, low=low, high=high), limit=limit)


def pair_distances(features: Tensor, others: Tensor) -> Tensor:
    """[n]: squared distance between rows of features and others [n, d], two encodings of one image; in [0, 4] for unit
    rows.

    Its mean is what invariance_penalty linearises, in the same scale; half of it estimates the trace of the covariance
    without bias. First derivatives only.
    """
    if features.shape != others.shape:
        raise ValueError(
            f"expected two encodings of one shape, got {list(features.shape)} and {list(others.shape)}; pair them"
        )
    return (features - others).square().sum(1)
