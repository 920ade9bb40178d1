import pytest
import torch

from holdfast.attacks.lp import ascent, check_budget, check_pixels, length, project, random_start, within
from holdfast.randomness import fold, key

every_norm = pytest.mark.parametrize("norm", ["linf", "l2"])
KEYS = fold(key(0, "start"), torch.arange(40))


def draws(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@every_norm
@pytest.mark.parametrize("eps", [0.0, 0.03, 0.5])
def test_a_point_brought_within_lies_in_the_ball_and_in_the_pixel_range(norm, eps):
    images = draws(40, 3, 4, 4)
    images[0], images[1] = 0, 1
    moved = within(images, images + 4 * draws(40, 3, 4, 4, seed=1) - 2, eps=eps, norm=norm)
    assert moved.min() >= 0
    assert moved.max() <= 1
    assert length(moved - images, norm).max() <= eps + 1e-12


@every_norm
def test_a_point_within_stays_where_it_is(norm):
    images = 0.25 + draws(40, 3, 4, 4) / 2
    near = images + 0.01 * draws(40, 3, 4, 4, seed=1)
    torch.testing.assert_close(within(images, near, eps=0.2, norm=norm), near)


@every_norm
def test_a_projection_is_the_nearest_point_of_the_ball(norm):
    delta = draws(40, 12) - 0.5
    projected = project(delta, eps=0.3, norm=norm)
    assert (length(projected, norm) <= 0.3 + 1e-12).all()
    others = project(projected[:, None] + 0.05 * (draws(40, 50, 12, seed=1) - 0.5), eps=10, norm=norm)
    inside = torch.stack([length(other, norm) for other in others]) <= 0.3
    distances = (others - delta[:, None]).norm(dim=-1)
    assert inside.any()
    assert (distances[inside] >= (projected - delta).norm(dim=-1)[:, None].expand_as(distances)[inside] - 1e-12).all()


@every_norm
def test_a_step_has_its_length_and_no_step_of_that_length_climbs_more(norm):
    gradient = draws(40, 12) - 0.5
    best = ascent(gradient, step=0.1, norm=norm)
    torch.testing.assert_close(length(best, norm), torch.full((40,), 0.1, dtype=torch.float64))
    other = draws(40, 12, seed=1) - 0.5
    other = 0.1 * other / length(other, norm)[:, None]
    assert ((gradient * best).sum(1) >= (gradient * other).sum(1)).all()


@every_norm
def test_a_gradient_without_a_direction_moves_nothing(norm):
    gradient = torch.tensor([[0.0, 0.0], [torch.nan, torch.nan], [torch.inf, 0.0]])
    assert not ascent(gradient, step=0.1, norm=norm).any()


@every_norm
def test_random_starts_lie_in_the_ball_and_depend_on_their_key_alone(norm):
    images = draws(40, 3, 4, 4)
    start = random_start(images, eps=0.3, norm=norm, keys=KEYS)
    assert start.aminmax().min >= 0
    assert start.aminmax().max <= 1
    assert length(start - images, norm).max() <= 0.3 + 1e-12
    assert len({tuple(row) for row in (start - images).flatten(1).tolist()}) == 40
    torch.testing.assert_close(
        random_start(images[7:9], eps=0.3, norm=norm, keys=KEYS[7:9]), start[7:9], rtol=0, atol=0
    )


def test_random_starts_fill_the_ball():
    grey, keys = torch.full((4000, 2), 0.5, dtype=torch.float64), fold(key(1, "start"), torch.arange(4000))
    box = random_start(grey, eps=0.2, norm="linf", keys=keys) - grey
    assert box.abs().mean() == pytest.approx(0.1, rel=0.05)
    disk = length(random_start(grey, eps=0.2, norm="l2", keys=keys) - grey, "l2")
    assert (disk < 0.2 / 2**0.5).double().mean() == pytest.approx(0.5, abs=0.03)


@pytest.mark.parametrize(
    ("images", "remedy"),
    [
        (torch.tensor([[0.0, 200.0]]), "divide by 255"),
        (torch.tensor([[-2.1, 2.6]]), "move normalisation into the encoder"),
        (torch.zeros(1, 2, dtype=torch.uint8), "divide bytes by 255"),
        (torch.tensor([[torch.nan]]), r"expected pixels in \[0, 1\]"),
    ],
)
def test_images_that_are_no_pixels_are_refused_with_the_remedy(images, remedy):
    with pytest.raises(ValueError, match=remedy):
        check_pixels(images)


@pytest.mark.parametrize(
    ("eps", "norm", "words"), [(8, "linf", "8/255"), (-0.1, "l2", "eps"), (0.1, "l1", "linf or l2")]
)
def test_a_budget_that_is_none_is_refused(eps, norm, words):
    with pytest.raises(ValueError, match=words):
        check_budget(eps, norm)
