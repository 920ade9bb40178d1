"""Projections onto a plane inside the box, against a float64 solver."""

import numpy as np
import pytest
import torch
from scipy.optimize import linprog, minimize

from holdfast.attacks.planes import onto_plane

DIM = 12


def problem(seed: int) -> tuple[torch.Tensor, torch.Tensor, float]:
    generator = torch.Generator().manual_seed(seed)
    point = torch.rand(DIM, generator=generator, dtype=torch.float64)
    normal = torch.randn(DIM, generator=generator, dtype=torch.float64)
    normal[0], point[1], point[2] = 0.0, 0.0, 1.0
    inside = torch.rand(DIM, generator=generator, dtype=torch.float64)
    return point, normal, float(normal @ inside)


def solved(point: torch.Tensor, normal: torch.Tensor, offset: float, norm: str) -> float:
    """The least norm of a displacement, by scipy."""
    x, w = point.numpy(), normal.numpy()
    if norm == "linf":  # least t with -t <= d <= t, w d = offset - w x, 0 <= x + d <= 1
        cost = np.r_[np.zeros(DIM), 1.0]
        eye, ones = np.eye(DIM), np.ones((DIM, 1))
        upper = np.block([[eye, -ones], [-eye, -ones]])
        found = linprog(
            cost, A_ub=upper, b_ub=np.zeros(2 * DIM), A_eq=np.r_[w, 0.0][None], b_eq=[offset - w @ x],
            bounds=[*((-a, 1 - a) for a in x), (0, None)],
        )  # fmt: skip
        return float(found.fun)
    found = minimize(
        lambda d: d @ d, np.zeros(DIM), jac=lambda d: 2 * d, bounds=[(-a, 1 - a) for a in x], tol=1e-14,
        constraints=[{"type": "eq", "fun": lambda d: w @ (x + d) - offset, "jac": lambda d: w}], method="SLSQP",
    )  # fmt: skip
    return float(np.sqrt(found.fun))


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_a_projection_has_the_least_norm_a_solver_finds(norm):
    cases = [problem(seed) for seed in range(25)]
    points, normals = (torch.stack([case[i] for case in cases]) for i in (0, 1))
    offsets = torch.tensor([case[2] for case in cases], dtype=torch.float64)
    moves = onto_plane(points, normals, (normals * points).sum(1) - offsets, norm=norm)
    moved = points + moves
    torch.testing.assert_close((normals * moved).sum(1), offsets, rtol=0, atol=1e-9)
    assert moved.min() >= -1e-12
    assert moved.max() <= 1 + 1e-12
    sizes = moves.abs().amax(1) if norm == "linf" else moves.norm(dim=1)
    best = torch.tensor([solved(*case, norm) for case in cases], dtype=torch.float64)
    torch.testing.assert_close(sizes, best, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("norm", "close"), [("linf", 2e-6), ("l2", 2e-5)])
def test_float32_is_near_float64(norm, close):
    points, normals = (torch.rand(20, 300, generator=torch.Generator().manual_seed(s)) for s in (0, 1))
    normals = normals - 0.5
    offsets = (normals * torch.rand(20, 300, generator=torch.Generator().manual_seed(2))).sum(1)
    gaps = (normals.double() * points.double()).sum(1) - offsets.double()
    exact = onto_plane(points.double(), normals.double(), gaps, norm=norm)
    assert (onto_plane(points, normals, gaps.float(), norm=norm).double() - exact).abs().max() < close


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_where_no_point_of_the_box_lies_on_the_plane_the_nearest_corner_is_taken(norm):
    points, normals = torch.full((1, 4), 0.5), torch.tensor([[1.0, -2.0, 0.0, 0.5]])
    gaps = (normals * points).sum(1) - 9.0
    moved = points + onto_plane(points, normals, gaps, norm=norm)
    assert moved.tolist() == [[1.0, 0.0, 0.5, 1.0]]
