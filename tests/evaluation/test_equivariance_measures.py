"""Linear maps of features and parameters read from pairs, where the answer is known."""

import numpy as np
import pytest
import torch

from holdfast.evaluation import equivariance
from holdfast.evaluation.equivariance import decoded, directions, linear_map, ridge
from holdfast.statistics import explained_values


def draw(n: int, d: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def shuffling() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def test_a_rotation_of_the_features_is_foretold_wholly_and_its_matrix_found():
    h, turn = draw(300, 6), torch.linalg.qr(draw(6, 6, 1)).Q
    weights, offset = ridge(h, h @ turn + 2)
    torch.testing.assert_close(weights, turn, rtol=0, atol=1e-4)
    torch.testing.assert_close(offset, torch.full((6,), 2.0, dtype=torch.float64), rtol=0, atol=1e-4)
    found = linear_map((h[:200], h[:200] @ turn), (h[200:], h[200:] @ turn), generator=shuffling())
    assert found is not None and found.gain is not None
    assert float(found.shares.mean()) == pytest.approx(1, abs=1e-6) and found.gain == pytest.approx(1, abs=1e-6)
    assert found.permuted < 0.1 and 0.3 < found.moved < 2


def test_without_a_penalty_a_rotation_is_found_to_rounding_and_noise_scores_as_the_formula_says(monkeypatch):
    """d / (n − 1) where it was fitted, −(d + 1) / (n − d − 2) held out: what regression of noise on noise gives."""
    monkeypatch.setattr(equivariance, "RIDGES", (0.0,))
    h, turn = draw(300, 6), torch.linalg.qr(draw(6, 6, 1)).Q
    torch.testing.assert_close(ridge(h, h @ turn)[0], turn, rtol=0, atol=1e-6)
    n, d, other = 200, 60, draw(200, 60, 7)
    fitted, asked = (draw(n, d, 5), other), (draw(4000, d, 6), draw(4000, d, 8))
    weights, offset = ridge(*fitted)

    def explained(pair: tuple[torch.Tensor, torch.Tensor]) -> float:
        residual = (pair[1] - pair[0] @ weights - offset).square().sum()
        return 1 - float(residual / (pair[1] - other.mean(0)).square().sum())

    assert explained(fitted) == pytest.approx(d / (n - 1), abs=0.01)
    assert explained(asked) == pytest.approx(-(d + 1) / (n - d - 2), abs=0.02)


def test_invariant_features_score_1_have_no_gain_and_have_not_moved_and_collapsed_ones_have_no_score():
    h = draw(300, 4)
    found = linear_map((h[:200], h[:200]), (h[200:], h[200:]), generator=shuffling())
    assert found is not None and found.gain is None and found.moved == 0
    assert float(found.shares.mean()) == pytest.approx(1, abs=1e-6)
    flat = torch.ones(300, 4, dtype=torch.float64)
    assert linear_map((flat[:200], flat[:200]), (flat[200:], flat[200:]), generator=shuffling()) is None
    assert decoded((flat[:200], flat[:200]), (flat[200:], flat[200:]), (draw(200, 1)[:, 0], draw(100, 1)[:, 0])) is None


def test_features_of_nothing_in_common_score_about_0_and_have_moved_as_far_as_another_image():
    h, other = draw(1200, 40), draw(1200, 40, 1)
    found = linear_map((h[:800], other[:800]), (h[800:], other[800:]), generator=shuffling())
    assert found is not None
    assert -0.1 < float(found.shares.mean()) < 0.05 and -0.1 < found.permuted < 0.05
    assert found.moved == pytest.approx(1, abs=0.1)


def test_directions_are_a_tenth_of_the_images_at_most_and_none_that_do_not_vary():
    assert directions(draw(100, 30)).shape == (30, 10)
    thin = torch.cat([draw(100, 2), torch.zeros(100, 5, dtype=torch.float64)], dim=1)
    assert directions(thin).shape == (7, 2)


def test_a_parameter_along_one_direction_is_read_and_one_that_left_no_trace_is_not():
    h, theta, along = draw(600, 5), draw(600, 1, 2)[:, 0], torch.eye(5, dtype=torch.float64)[0]
    moved = h + 2 * theta[:, None] * along
    halves = lambda x: (x[:400], x[400:])  # noqa: E731
    (a, b), (c, d), known = halves(h), halves(moved), halves(theta)
    read = decoded((a, c), (b, d), known)
    assert read is not None and read[0].value == pytest.approx(1, abs=1e-4)
    assert 0.5 < read[1].value < 0.95, "the moved image alone tells less than the pair"
    blind = decoded((a, a), (b, b), known)
    assert blind is not None and blind[0].value <= 0.05


def test_values_by_image_have_r2_as_their_mean_and_spread_as_it_does_over_other_images():
    random = np.random.default_rng(0)

    def drawn(images: int) -> tuple[np.ndarray, np.ndarray]:
        scale = np.exp(random.normal(0, 0.5, images))
        errors = scale * random.chisquare(4, images)
        return errors, errors + scale * random.chisquare(4, images)

    errors, away = drawn(400)
    values = explained_values(errors, away)
    assert values.mean() == pytest.approx(1 - errors.sum() / away.sum())
    others = [1 - e.sum() / a.sum() for e, a in (drawn(400) for _ in range(500))]
    assert values.std() / 20 == pytest.approx(np.std(others), rel=0.1)


def test_distances_are_from_the_mean_of_the_half_that_was_fitted_on_wherever_the_other_lies():
    source = torch.Generator().manual_seed(4)
    x, y, a, b = (torch.randn(60, 3, generator=source, dtype=torch.float64) for _ in range(4))
    found = linear_map((x, y), (a + 5, b + 5), generator=torch.Generator().manual_seed(0))
    assert found is not None
    torch.testing.assert_close(found.away, (b + 5 - y.mean(0)).square().sum(1))
    torch.testing.assert_close(found.shares, 1 - found.errors / found.away.mean())
