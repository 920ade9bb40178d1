"""The probe's fit: the minimum that scikit-learn finds, in few passes over the features."""

import pytest
import torch
from sklearn.linear_model import LogisticRegression

from holdfast.evaluation.probes.lbfgs import fit_probe
from holdfast.evaluation.probes.newton import Problem, covariance_of, minimise


def uneven(n=400, dim=20, classes=4, dtype=torch.float64):
    """Features of mean 0 whose directions differ a thousandfold in variance, and labels that overlap."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(n, dim, generator=generator, dtype=dtype) * torch.logspace(0, -1.5, dim, dtype=dtype)
    labels = (x[:, :classes] + 0.3 * torch.randn(n, classes, generator=generator, dtype=dtype)).argmax(1)
    return x - x.mean(0), labels


def fitted(x, labels, strength, classes=4):
    start = x.new_zeros(classes, x.shape[1] + 1)
    return minimise(Problem(x, labels, strength), start, covariance_of(x))


def test_the_gradient_is_that_of_the_value():
    x, labels = uneven()
    point = torch.randn(4, 21, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    _, gradient = Problem(x, labels, 0.1)(point)
    for entry in ((0, 0), (3, 7), (2, 20)):
        moved = [point.clone() for _ in range(2)]
        moved[0][entry] += 1e-5
        moved[1][entry] -= 1e-5
        slope = (Problem(x, labels, 0.1)(moved[0])[0] - Problem(x, labels, 0.1)(moved[1])[0]) / 2e-5
        assert slope == pytest.approx(float(gradient[entry]), abs=1e-8)


@pytest.mark.parametrize("strength", [1.0, 1e-2, 1e-4])
def test_the_minimum_is_that_of_scikit_learn(strength):
    x, labels = uneven()
    found = fitted(x, labels, strength)
    reference = LogisticRegression(C=1 / (strength * len(x)), tol=1e-10, max_iter=10_000).fit(x.numpy(), labels.numpy())
    theirs = torch.cat([torch.from_numpy(reference.coef_), torch.from_numpy(reference.intercept_)[:, None]], 1)
    problem = Problem(x, labels, strength)
    assert problem(found)[0] <= problem(theirs)[0] + 1e-8
    assert float(problem(found)[1].abs().max()) <= 1e-5


@pytest.fixture
def passes(monkeypatch):
    """How often a problem was asked for its value and gradient, in a list of one."""
    asked, call = [0], Problem.__call__

    def counted(self, parameters):
        asked[0] += 1
        return call(self, parameters)

    monkeypatch.setattr(Problem, "__call__", counted)
    return asked


def test_directions_of_uneven_variance_take_few_passes(passes):
    fitted(*uneven(dtype=torch.float32), 1e-3)
    assert passes[0] <= 30  # a scaled identity in place of the covariance takes several times as many


@pytest.mark.parametrize("strength", [1.0, 0.1, 0.01])
@pytest.mark.parametrize("seed", range(3))
def test_near_the_minimum_rounding_does_not_halve_the_steps(passes, strength, seed):
    """Where values differ by rounding alone, a fit went on by hundreds of tiny steps."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(140, 5, generator=generator)
    labels = (x @ torch.randn(5, 6, generator=generator)).argmax(1)
    x = x - x.mean(0)
    found = fitted(x, labels, strength, classes=6)
    assert passes[0] <= 60
    assert float(Problem(x, labels, strength)(found)[1].abs().max()) <= 1e-5


@pytest.mark.parametrize("rows", [1, 3, 30])
def test_fewer_rows_than_directions_have_a_minimum_too(rows):
    x, labels = uneven(n=rows, dim=64, dtype=torch.float32)
    found = fitted(x, labels, 1e-6)
    assert bool(found.isfinite().all())
    assert rows == 1 or float((Problem(x, labels, 1e-6)(found))[0]) < 0.1


def test_features_that_are_all_alike_are_told_nothing_apart():
    found = fitted(torch.zeros(10, 5), torch.arange(10) % 4, 1e-3)
    assert float(found[:, :-1].abs().max()) == 0


def test_features_whose_spread_overflows_are_refused_and_not_searched_for_ever():
    x = 1e38 * torch.randn(60, 4, generator=torch.Generator().manual_seed(0))
    with pytest.raises(ValueError, match="expected features whose spread float32 holds"):
        fit_probe(x, torch.arange(60) % 3, classes=3, seed=0)
