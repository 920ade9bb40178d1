import pytest
import torch

from holdfast.evaluation import fit_ridge, regression_table
from holdfast.evaluation.probes.regression import COLLAPSED
from holdfast.randomness import generator

N, DIM = 60, 5


def features(seed: int = 0, n: int = N) -> torch.Tensor:
    scale = torch.tensor([1.0, 10.0, 0.1, 3.0, 1.0])
    return scale * torch.randn(n, DIM, generator=generator(seed, "features")) + 2.0


def targets(x: torch.Tensor) -> torch.Tensor:
    weight = torch.tensor([[1.0, 0.2, -3.0, 0.5, 0.0], [0.0, 0.1, 1.0, 0.0, 2.0]])
    return x @ weight.T + torch.tensor([0.3, -1.0])


@pytest.mark.parametrize("standardise", [False, True])
def test_without_regularisation_a_linear_relation_is_found_exactly(standardise):
    x = features()
    fit = fit_ridge(x, targets(x), l2=0.0, standardise=standardise)
    fresh = features(seed=1)
    torch.testing.assert_close(fit.predict(fresh), targets(fresh).double(), rtol=1e-5, atol=1e-5)


def test_the_solution_minimises_the_stated_objective():
    x, y = features().double(), targets(features()).double() + torch.randn(N, 2, generator=generator(0, "noise"))
    fit = fit_ridge(x, y, l2=0.05)
    weight, bias = fit.weight.clone().requires_grad_(), fit.bias.clone().requires_grad_()
    objective = (x @ weight.T + bias - y).square().mean() + 0.05 * weight.square().sum()
    for gradient in torch.autograd.grad(objective, (weight, bias)):
        torch.testing.assert_close(gradient, torch.zeros_like(gradient), rtol=0, atol=1e-9)


def test_standardised_features_make_scale_and_shift_of_no_account():
    x = features()
    y = targets(x) + torch.randn(N, 2, generator=generator(0, "noise"))
    moved = 100 * x - 7
    first = fit_ridge(x, y, l2=0.1, standardise=True).predict(x)
    torch.testing.assert_close(
        fit_ridge(moved, y, l2=0.1, standardise=True).predict(moved), first, rtol=1e-4, atol=1e-4
    )


def test_constant_features_predict_the_mean_and_are_called_collapsed():
    x = torch.ones(N, DIM)
    y = targets(features())
    rows = regression_table((x, y), (x, y), ("a", "b"))
    assert [row["target"] for row in rows] == ["a", "b", "mean"]
    for row in rows:
        assert row["mse"] == pytest.approx(row["mse_constant"])
        assert row["mse_standardised"] == pytest.approx(row["mse_constant"])
        assert row["collapsed"]
        assert row["mse"] > COLLAPSED * row["mse_constant"]


def test_tiny_features_look_collapsed_to_the_papers_probe_alone():
    x = 1e-6 * features()
    y = targets(features())
    mean = regression_table((x, y), (x, y), ("a", "b"), l2=1e-4)[-1]
    assert mean["mse"] > 0.9 * mean["mse_constant"]
    assert mean["mse_standardised"] < 0.01 * mean["mse_constant"]
    assert not mean["collapsed"]


def test_features_and_targets_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="one row of targets per image"):
        fit_ridge(features(), targets(features())[:-1], l2=0.0)
