"""Muon against the singular value decomposition and against SGD."""

import pytest
import torch
from torch import nn

from holdfast.config import RunConfig
from holdfast.engine.muon import Muon, orthogonalised
from holdfast.engine.optim import make_optimizer
from holdfast.methods import SimCLRConfig


def drawn(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@pytest.mark.parametrize("shape", [(6, 6), (4, 20), (20, 4)])
def test_the_orthogonal_matrix_keeps_singular_vectors_and_brings_values_near_1(shape):
    matrix = drawn(*shape)
    u, _, v = torch.linalg.svd(matrix, full_matrices=False)
    found = orthogonalised(matrix, steps=8)
    inside = u.T @ found @ v.T
    torch.testing.assert_close(inside, torch.diag(inside.diagonal()), atol=1e-9, rtol=0)
    assert 0.6 < float(inside.diagonal().min()) <= float(inside.diagonal().max()) < 1.25


def test_one_step_of_the_iteration_is_the_polynomial_on_the_singular_values():
    matrix = drawn(3, 5)
    u, s, v = torch.linalg.svd(matrix / matrix.norm(), full_matrices=False)
    expected = u @ torch.diag(3.4445 * s - 4.775 * s**3 + 2.0315 * s**5) @ v
    torch.testing.assert_close(orthogonalised(matrix, steps=1), expected)


def test_a_zero_gradient_moves_nothing_but_by_weight_decay():
    weight = nn.Parameter(drawn(3, 4))
    before, weight.grad = weight.detach().clone(), torch.zeros(3, 4, dtype=torch.float64)
    Muon([weight], lr=0.1, weight_decay=0.5).step()
    torch.testing.assert_close(weight.detach(), before * (1 - 0.1 * 0.5))


def test_biases_and_norms_take_nesterovs_steps_of_their_own_rate():
    ours, theirs = nn.Parameter(drawn(5)), nn.Parameter(drawn(5))
    optimizers = Muon([ours], lr=0.01, rest=10.0), torch.optim.SGD([theirs], lr=0.1, momentum=0.9, nesterov=True)
    for number in range(3):
        for parameter, optimizer in zip((ours, theirs), optimizers, strict=True):
            parameter.grad = drawn(5) * (number + 1)
            optimizer.step()
    torch.testing.assert_close(ours, theirs)


def test_a_step_has_one_length_whatever_the_gradients():
    moved = []
    for scale in (1e-4, 1e4):
        weight = nn.Parameter(drawn(8, 2, 3, 3))
        before, weight.grad = weight.detach().clone(), scale * drawn(8, 2, 3, 3)
        Muon([weight], lr=0.02).step()
        moved.append(weight.detach() - before)
    torch.testing.assert_close(moved[0], moved[1])
    assert float(torch.linalg.matrix_norm(moved[0].flatten(1), 2)) == pytest.approx(0.02, rel=0.25)


def test_a_configuration_names_it():
    config = RunConfig(method=SimCLRConfig(), optimizer="muon", lr=0.03, momentum=0.8, muon_rest=5.0)
    optimizer = make_optimizer(config, nn.Linear(3, 2))
    assert isinstance(optimizer, Muon)
    assert {name: optimizer.defaults[name] for name in ("lr", "momentum", "rest")} == {
        "lr": 0.03,
        "momentum": 0.8,
        "rest": 5.0,
    }
