"""Linear regression of known factors on features, in closed form (Spirograph's evaluation, arXiv:2010.09515)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

PAPER_L2 = 1e-8
"""The paper's constant on Spirograph, of features as they are."""
STANDARDISED_L2 = 1e-6
"""Ours, of standardised features, whose scale is known."""
COLLAPSED = 0.95
"""From this share of the constant predictor's error on, a probe has found nothing: collapse."""


@dataclass(frozen=True)
class Regression:
    """A linear map from features [n, dim] to targets [n, t]."""

    weight: Tensor
    """[t, dim] float64, of shifted and scaled features."""
    bias: Tensor
    """[t] float64."""
    shift: Tensor
    """[dim], subtracted from features; zeros for raw ones."""
    scale: Tensor
    """[dim], divided by after the shift; ones for raw features."""

    def predict(self, features: Tensor) -> Tensor:
        """[n, t] float64."""
        return (features.double() - self.shift) / self.scale @ self.weight.T + self.bias

    def errors(self, features: Tensor, targets: Tensor) -> Tensor:
        """Mean squared error [t] by target."""
        return (self.predict(features) - targets.double()).square().mean(0)


def fit_ridge(features: Tensor, targets: Tensor, *, l2: float, standardise: bool = False) -> Regression:
    """Minimises the squared error averaged over samples and targets plus l2 times the sum of squared weights, bias
    free.

    features [n, dim], targets [n, t]; in float64 and closed form: l2 n t on the diagonal of the centred Gram matrix.
    standardise: mean 0 and population deviation 1 first; constant features then stay out. Raises ValueError for shapes
    that do not fit.
    """
    if features.ndim != 2 or targets.ndim != 2 or len(features) != len(targets):
        raise ValueError(
            f"expected features [n, dim] and targets [n, t], got {list(features.shape)} and {list(targets.shape)}; "
            "give one row of targets per image"
        )
    x, y = features.double(), targets.double().to(features.device)
    shift, scale = torch.zeros_like(x[0]), torch.ones_like(x[0])
    if standardise:
        deviation, shift = torch.std_mean(x, 0, correction=0)
        scale = torch.where(deviation > 1e-6 * deviation.max(), deviation, torch.inf)
    x = (x - shift) / scale
    centre, middle = x.mean(0), y.mean(0)
    gram = (x - centre).T @ (x - centre)
    gram.diagonal().add_(l2 * y.numel())
    weight = _solve(gram, (x - centre).T @ (y - middle)).T
    return Regression(weight, middle - weight @ centre, shift, scale)


def _solve(gram: Tensor, right: Tensor) -> Tensor:
    """gram⁻¹ right, for a symmetric matrix that may be singular in float64 (collapsed features): least squares then."""
    factor, failed = torch.linalg.cholesky_ex(gram)
    if not failed:
        return torch.cholesky_solve(right, factor)
    return torch.linalg.pinv(gram, hermitian=True) @ right


def regression_table(
    train: tuple[Tensor, Tensor], test: tuple[Tensor, Tensor], names: Sequence[str], *, l2: float = PAPER_L2
) -> list[dict[str, Any]]:
    """One row per target and one 'mean' of them: test errors on raw features (the paper's protocol), on standardised
    ones (ours), and of the constant predictor (the training mean); 'collapsed' where both probes near the constant's.

    train, test: (features [n, dim], targets [n, t]); names [t].
    """
    raw = fit_ridge(*train, l2=l2).errors(*test)
    standardised = fit_ridge(*train, l2=STANDARDISED_L2, standardise=True).errors(*test)
    constant = (test[1].double() - train[1].double().mean(0)).square().mean(0).to(raw.device)
    columns = [torch.cat([errors, errors.mean()[None]]).tolist() for errors in (raw, standardised, constant)]
    return [
        {
            "target": name,
            "mse": mse,
            "mse_standardised": ours,
            "mse_constant": plain,
            "collapsed": min(mse, ours) > COLLAPSED * plain,
        }
        for name, mse, ours, plain in zip([*names, "mean"], *columns, strict=True)
    ]
