"""Muon: momentum whose matrix is made orthogonal before the step (K. Jordan 2024; arXiv:2502.16982)."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from holdfast.distributed import like, whole

COEFFICIENTS = (3.4445, -4.775, 2.0315)
"""The odd polynomial that each step applies to the singular values: fast to near 1, where it then hovers."""


def orthogonalised(matrix: Tensor, *, steps: int = 5) -> Tensor:
    """[rows, columns] with the singular vectors of matrix and singular values near 1 (0.7 to 1.2 after 5 steps).

    Newton and Schulz's iteration on matrix over its Frobenius norm: X <- aX + (bA + cA²)X with A = XX'. In bfloat16 on
    a GPU, else in the matrix's own precision. A zero matrix stays zero.
    """
    a, b, c = COEFFICIENTS
    x = matrix.bfloat16() if matrix.is_cuda else matrix
    wide = x.shape[0] <= x.shape[1]
    x = x if wide else x.T
    x = x / x.norm().clamp_min(1e-12)
    for _ in range(steps):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    return (x if wide else x.T).to(matrix.dtype)


class Muon(Optimizer):
    """Nesterov's momentum, made orthogonal for weights and taken as it is for biases and norms.

    A weight [out, ...] is the matrix [out, columns]; its step is lr · √max(1, out / columns) of the orthogonal one.
    Tensors of fewer than two dimensions step by lr · rest, as SGD would. Weight decay is decoupled: lr · weight_decay ·
    weight.
    """

    def __init__(
        self, params: Iterable[Any], *, lr: float, momentum: float = 0.9, weight_decay: float = 0.0, rest: float = 10.0
    ):
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay, "rest": rest})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """One update of every parameter that has a gradient."""
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self._update(parameter, group)

    def _update(self, parameter: Tensor, group: dict[str, Any]) -> None:
        gradient: Tensor = parameter.grad  # type: ignore[assignment]
        state = self.state[parameter]
        if "momentum_buffer" not in state:
            state["momentum_buffer"] = torch.zeros_like(parameter)
        buffer = state["momentum_buffer"].mul_(group["momentum"]).add_(gradient)
        ahead = gradient.add(buffer, alpha=group["momentum"])
        rate, step = group["lr"], ahead
        if parameter.ndim > 1:
            matrix = whole(ahead).flatten(1)  # of shares of weights the matrix is joined, on every process
            step = orthogonalised(matrix).view(parameter.shape) * max(1.0, len(matrix) / matrix.shape[1]) ** 0.5
            step = like(step, parameter)
        else:
            rate = rate * group["rest"]
        parameter.mul_(1 - group["lr"] * group["weight_decay"]).add_(step, alpha=-rate)
