import pytest
import torch
from torch import Tensor, nn

from holdfast.objectives import expected_invariance_penalty, invariance_penalty, pair_distances
from holdfast.objectives.invariance import clipped_mean, invariance_gradient, squared_changes
from holdfast.randomness import generator

LOW, HIGH = torch.tensor([-1.0, 0.0, 2.0]).double(), torch.tensor([1.0, 3.0, 2.0]).double()
N, D = 6, 4


def draw(*shape: int) -> Tensor:
    return LOW + (HIGH - LOW) * torch.rand(*shape, 3, generator=generator(0, "alpha"), dtype=torch.float64)


def signs() -> Tensor:
    return 1 - 2 * torch.randint(0, 2, (N, D), generator=generator(0, "signs")).double()


def smooth(alpha: Tensor) -> Tensor:
    network = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, D)).double()
    for index, parameter in enumerate(network.parameters()):
        nn.init.normal_(parameter, generator=generator(index, "weights"))
    return network(alpha)


def test_the_penalty_equals_a_loop_over_samples_and_draws():
    alpha, alternatives = draw(N).requires_grad_(), draw(7, N)
    features = smooth(alpha)
    total = 0.0
    for i in range(N):
        projected = (signs()[i] * features[i]).sum()
        (gradient,) = torch.autograd.grad(projected, alpha, retain_graph=True)
        for alternative in alternatives[:, i]:
            total += float(((alternative - alpha[i].detach()) * gradient[i]).sum()) ** 2
    penalty = invariance_penalty(features, alpha, alternatives, signs=signs(), limit=1e9)
    assert float(penalty.detach()) == pytest.approx(total / (7 * N), rel=1e-12)


def test_the_closed_form_is_the_mean_of_very_many_draws():
    alpha = draw(N).requires_grad_()
    features, alternatives = smooth(alpha), draw(200_000, N)
    arguments = {"signs": signs(), "limit": 1e9}
    drawn = invariance_penalty(features, alpha, alternatives, **arguments)
    exact = expected_invariance_penalty(features, alpha, low=LOW, high=HIGH, **arguments)
    torch.testing.assert_close(drawn, exact, rtol=5e-3, atol=0)


def test_signs_average_to_the_squared_change_of_linear_features():
    """For h = A alpha the mean over signs of the penalty is |A (alternative - alpha)|², the pair form's distance."""
    matrix = torch.randn(D, 3, generator=generator(0, "map"), dtype=torch.float64)
    alpha, alternative = draw(1).requires_grad_(), draw(1, 1)
    features = alpha @ matrix.T
    all_signs = torch.cartesian_prod(*[torch.tensor([-1.0, 1.0]).double()] * D)
    values = [invariance_penalty(features, alpha, alternative, signs=s[None], limit=None) for s in all_signs]
    distance = pair_distances(features, alternative[0] @ matrix.T).mean()
    torch.testing.assert_close(torch.stack(values).mean(), distance)


def test_features_that_do_not_depend_on_the_parameters_cost_nothing():
    alpha, weights = draw(N).requires_grad_(), torch.ones(N, D, dtype=torch.float64, requires_grad=True)
    assert float(invariance_penalty(weights * 1, alpha, draw(2, N), signs=signs(), limit=1.0).detach()) == 0
    constant = torch.ones(N, D, dtype=torch.float64)
    assert float(invariance_penalty(constant, alpha, draw(2, N), signs=signs(), limit=1.0)) == 0


def test_second_derivatives_are_right():
    matrix = torch.randn(D, 3, generator=generator(0, "map"), dtype=torch.float64).requires_grad_()
    alternatives = draw(3, N)

    def penalty(matrix: Tensor) -> Tensor:
        alpha = draw(N).requires_grad_()
        return invariance_penalty((alpha @ matrix.T).tanh(), alpha, alternatives, signs=signs(), limit=1e9)

    assert torch.autograd.gradcheck(penalty, matrix)


def test_above_the_limit_no_sample_has_a_gradient_and_clipping_by_sample_keeps_the_others():
    values = torch.tensor([0.5, 1.0, 9.0], dtype=torch.float64, requires_grad=True)
    clipped = {clip: clipped_mean(values, limit=2.0, clip=clip) for clip in ("batch", "sample", "none")}
    assert {clip: float(value.detach()) for clip, value in clipped.items()} == {
        "batch": 2.0,
        "sample": pytest.approx(3.5 / 3),
        "none": pytest.approx(3.5),
    }
    gradients = {clip: torch.autograd.grad(value, values)[0].tolist() for clip, value in clipped.items()}
    third = pytest.approx(1 / 3)
    assert gradients == {"batch": [0, 0, 0], "sample": [third, third, 0], "none": [third] * 3}


def test_one_sample_is_enough():
    alpha = draw(1).requires_grad_()
    penalty = invariance_penalty(smooth(alpha), alpha, draw(2, 1), signs=signs()[:1], limit=1e9)
    assert float(penalty.detach()) > 0


def test_distances_of_unit_rows_lie_between_0_and_4():
    a = nn.functional.normalize(torch.randn(50, D, generator=generator(0, "rows")), dim=1)
    assert torch.equal(pair_distances(a, a), torch.zeros(50))
    torch.testing.assert_close(pair_distances(a, -a), torch.full((50,), 4.0))


def test_shapes_that_do_not_fit_are_refused():
    alpha = draw(N).requires_grad_()
    with pytest.raises(ValueError, match="pair them row by row"):
        invariance_gradient(smooth(alpha), alpha, signs=signs()[:, :1])
    with pytest.raises(ValueError, match="expected alternatives"):
        squared_changes(alpha, alpha, draw(2, N + 1))
    with pytest.raises(ValueError, match="one shape"):
        pair_distances(torch.zeros(2, 3), torch.zeros(3, 3))
    with pytest.raises(ValueError, match="expected clip"):
        clipped_mean(torch.zeros(2), limit=1.0, clip="all")  # type: ignore[arg-type]
