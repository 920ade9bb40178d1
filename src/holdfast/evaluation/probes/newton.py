"""Multinomial logistic regression by L-BFGS (Liu and Nocedal 1989) that starts each step from the features' covariance.

The Hessian of the cross-entropy is at most half the covariance of the features (Böhning 1992); a fixed multiple of it,
factorised once, in place of L-BFGS's scaled identity makes several times fewer passes over the features, since an
encoder's directions differ much in variance.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

_ITERATIONS, _HISTORY = 100, 10
_TOLERANCE = 1e-5
"""Largest entry of the gradient at which a fit ends."""
_ENOUGH = 1e-4
"""Share of the decrease that a step's slope promises that is enough (Armijo)."""
_ROUNDING = 1e-6
"""How much of the value may be rounding: near the minimum the slope judges a step where the value no longer can."""
_HALVINGS = 20
Step = tuple[Tensor, Tensor]
"""A step and the change of the gradient that it made, each [classes, dim + 1]."""


@dataclass(frozen=True, eq=False)
class Problem:
    """Mean cross-entropy of x [n, dim], whose columns have mean 0, for labels [n], plus strength/2 |weight|²."""

    x: Tensor
    labels: Tensor
    strength: float

    def __call__(self, parameters: Tensor) -> tuple[float, Tensor]:
        """Value and gradient at [classes, dim + 1]: the weight, and the bias in the last column."""
        weight, bias = parameters[:, :-1], parameters[:, -1]
        logs = F.linear(self.x, weight, bias).log_softmax(1)
        picked = self.labels[:, None]
        value = float(-logs.gather(1, picked).double().mean() + self.strength / 2 * weight.double().square().sum())
        excess = logs.exp_().scatter_add_(1, picked, -torch.ones_like(logs[:, :1])) / len(self.x)
        gradient = torch.empty_like(parameters)
        torch.addmm(weight, excess.mT, self.x, beta=self.strength, out=gradient[:, :-1])
        gradient[:, -1] = excess.sum(0)
        return value, gradient


def covariance_of(x: Tensor) -> Tensor:
    """[dim, dim] of x [n, dim] with mean 0: computed once for every strength. Raises ValueError where it overflows."""
    found = x.mT @ x / len(x)
    if not found.isfinite().all():
        raise ValueError("expected features whose spread float32 holds, got larger ones; divide them by a constant")
    return found


def minimise(problem: Problem, start: Tensor, covariance: Tensor) -> Tensor:
    """The parameters [classes, dim + 1] where no entry of the gradient is over 1e-5, or after 100 steps."""
    precondition = _inverse(covariance, len(start), problem.strength)
    steps: list[Step] = []
    point = start
    value, gradient = problem(point)
    for _ in range(_ITERATIONS):
        if float(gradient.abs().max()) <= _TOLERANCE:
            break
        direction = _direction(gradient, steps, precondition)
        slope = float((gradient.double() * direction).sum())
        found = _searched(problem, point, value, direction, slope) if slope < 0 else None
        if found is None:  # as low as the arithmetic tells apart
            break
        moved, value, changed = found
        step = (moved - point, changed - gradient)
        steps = [*steps, step][-_HISTORY:] if float((step[0] * step[1]).sum()) > 0 else steps
        point, gradient = moved, changed
    return point


def _inverse(covariance: Tensor, classes: int, strength: float) -> Callable[[Tensor], Tensor]:
    """Divides by the Hessian at even predictions: (1 - 1/classes)/classes times the covariance, and the strength."""
    share = (1 - 1 / classes) / classes if classes > 1 else 1.0
    hessian, damping = share * covariance, strength + 1e-6 * share * float(covariance.diagonal().mean())
    eye = torch.eye(len(hessian), dtype=hessian.dtype, device=hessian.device)
    factor, failed = torch.linalg.cholesky_ex(hessian + damping * eye)
    while int(failed):
        damping = max(10 * damping, 1e-12)
        factor, failed = torch.linalg.cholesky_ex(hessian + damping * eye)

    def divided(gradient: Tensor) -> Tensor:
        weight = torch.cholesky_solve(gradient[:, :-1].mT, factor).mT
        return torch.cat([weight, gradient[:, -1:] / share], 1)

    return divided


def _direction(gradient: Tensor, steps: list[Step], precondition: Callable[[Tensor], Tensor]) -> Tensor:
    """L-BFGS's two loops, each as a triangular system over the steps (Byrd, Nocedal and Schnabel 1994)."""
    if not steps:
        return -precondition(gradient)
    moves, changes = (torch.stack(side).flatten(1) for side in zip(*steps, strict=True))
    products = moves @ changes.mT
    upper, own = products.triu(), products.diagonal()
    first = torch.linalg.solve_triangular(upper, (moves @ gradient.flatten())[:, None], upper=True)[:, 0]
    last = steps[-1][1]
    result = precondition(gradient - (first @ changes).view_as(gradient))
    result *= own[-1] / (last * precondition(last)).sum()
    rest = own * first - changes @ result.flatten()
    second = torch.linalg.solve_triangular(upper.mT, rest[:, None], upper=False)[:, 0]
    return -(result + (second @ moves).view_as(result))


def _searched(
    problem: Problem, point: Tensor, value: float, direction: Tensor, slope: float
) -> tuple[Tensor, float, Tensor] | None:
    """(point, value, gradient) after the longest of the step and its halves that lowers the value enough, or, within
    rounding, ends on a slope no steeper than it began (approximate Wolfe condition, Hager and Zhang 2005); None where
    none does."""
    length = 1.0
    for _ in range(_HALVINGS):
        moved = point + length * direction
        lower, gradient = problem(moved)
        if lower <= value + _ENOUGH * length * slope:
            return moved, lower, gradient
        if lower <= value + _ROUNDING * abs(value) and float((gradient * direction).sum()) <= (2 * _ENOUGH - 1) * slope:
            return moved, lower, gradient
        length /= 2
    return None
