import pytest
import torch

from holdfast.attacks import Goal, Square, cross_entropy, run
from holdfast.attacks.lp import length
from holdfast.attacks.square import _pattern, _side

every_norm = pytest.mark.parametrize(("norm", "eps"), [("linf", 0.1), ("l2", 0.8)])
WEIGHT = torch.randn(3 * 12 * 12, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
IMAGES = torch.rand(6, 3, 12, 12, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def plane(images):
    return images.flatten(1) @ WEIGHT[:, None]


GOAL = Goal(model=plane, references=torch.zeros(6), harm=lambda out, _: out[:, 0], margin=lambda out, _: out[:, 0])


def square(queries: int, norm: str, eps: float, **options):
    return run(Square(queries=queries), GOAL, IMAGES, eps=eps, norm=norm, keep_images=True, **options)


@every_norm
def test_more_queries_do_more_harm_and_approach_the_best_there_is(norm, eps):
    found = [square(queries, norm, eps).margin for queries in (1, 30, 800)]
    assert (found[1] > found[0]).all()
    assert (found[2] > found[1]).all()
    clean = plane(IMAGES)[:, 0]
    if norm == "linf":
        bounds = torch.where(WEIGHT > 0, (IMAGES + eps).clamp(max=1).flatten(1), (IMAGES - eps).clamp(min=0).flatten(1))
        best = bounds @ WEIGHT - clean
    else:
        best = eps * WEIGHT.norm()
    gain = (found[2] - clean) / best
    assert (gain > {"linf": 0.7, "l2": 0.35}[norm]).all()
    assert (gain <= 1).all()


@every_norm
def test_the_squares_follow_seed_and_id_alone(norm, eps):
    first = square(40, norm, eps, seed=1)
    assert torch.equal(first.images, square(40, norm, eps, seed=1, batch_size=2).images)
    assert not torch.equal(first.images, square(40, norm, eps, seed=2).images)


@every_norm
def test_the_start_spends_the_budget_it_may(norm, eps):
    grey = torch.full_like(IMAGES, 0.5)
    start = run(Square(queries=1), GOAL, grey, eps=eps, norm=norm, keep_images=True).images
    torch.testing.assert_close(length(start - grey, norm), torch.full((6,), eps, dtype=torch.float64))


def test_every_linf_query_changes_the_image():
    points = []

    def watched(images):
        points.append(images.clone())
        return plane(images)

    goal = Goal(model=watched, references=torch.zeros(6), harm=lambda out, _: -out[:, 0] * 0, margin=cross_entropy)
    search = Square(queries=60).search(_problem(goal))
    next(search)
    for _ in range(59):
        search.send(torch.ones(6, dtype=torch.bool))
    changed = [(point != points[0]).flatten(1).any(1).all() for point in points[1:]]
    assert all(changed)


def _problem(goal):
    from holdfast.attacks import Problem

    return Problem(goal=goal, images=torch.full_like(IMAGES, 0.5), keys=torch.arange(6), eps=0.1, norm="linf")


@pytest.mark.parametrize("side", [1, 3, 5, 8])
def test_a_pattern_has_unit_norm_and_two_signs(side):
    pattern = _pattern(side)
    assert pattern.shape == (side, side)
    assert pattern.norm() == pytest.approx(1)
    assert (pattern < 0).any()
    assert side == 1 or (pattern > 0).any()


def test_squares_shrink_as_in_the_paper():
    cifar = torch.zeros(1, 3, 32, 32)
    assert [_side(0.05 / 2**halvings, cifar, linf=True) for halvings in (0, 2, 9)] == [7, 4, 1]
    assert [_side(0.1 / 2**halvings, cifar, linf=False) for halvings in (0, 2, 9)] == [11, 5, 3]
