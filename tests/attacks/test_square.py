import pytest
import torch

from holdfast.attacks import Goal, Problem, Square, margin, run
from holdfast.attacks.lp import length
from holdfast.attacks.square import _pattern

every_norm = pytest.mark.parametrize(("norm", "eps"), [("linf", 0.1), ("l2", 0.8)])
WEIGHT = torch.randn(3 * 12 * 12, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
IMAGES = torch.rand(6, 3, 12, 12, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def plane(images):
    return images.flatten(1) @ WEIGHT[:, None]


GOAL = Goal(model=plane, references=torch.zeros(6), harm=lambda out, _: out[:, 0], margin=lambda out, _: out[:, 0])


def square(queries: int, norm: str, eps: float, **options):
    return run(
        Square(queries=queries, share=0.05 if norm == "linf" else 0.1, rescale=True),
        GOAL,
        IMAGES,
        eps=eps,
        norm=norm,
        keep_images=True,
        **options,
    )


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
    assert (gain > {"linf": 0.6, "l2": 0.3}[norm]).all()
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


def test_a_linf_query_moves_a_window_by_the_whole_budget():
    images, attack = torch.full_like(IMAGES, 0.5), Square(queries=60)
    problem = Problem(
        goal=GOAL, images=images, keys=torch.arange(6), shared=torch.tensor(3), variant=torch.zeros(6).long(), eps=0.1,
        norm="linf",
    )  # fmt: skip
    state = attack.start(problem)
    _, state = attack.step(problem, state)
    first = state["margin"].clone()
    for _ in range(20):
        before, margins = state["images"].clone(), state["margin"].clone()
        trial, state = attack.step(problem, state)
        torch.testing.assert_close((trial.images - images).abs(), torch.full_like(images, 0.1))
        changed = (trial.images != before).flatten(1).any(1)
        assert torch.equal(changed, state["margin"] > margins)
    assert (state["margin"] > first).any()


@pytest.mark.parametrize("side", [1, 3, 5, 8])
def test_a_pattern_has_unit_norm_and_two_signs(side):
    pattern = _pattern(side)
    assert pattern.shape == (side, side)
    assert pattern.norm() == pytest.approx(1)
    assert (pattern < 0).any()
    assert side == 1 or (pattern > 0).any()


def test_squares_shrink_as_in_the_reference():
    cifar, attack = (32, 32), Square()
    after = (10, 11, 51, 201, 501, 1001, 2001, 4001)
    linf, l2 = (attack._sides(cifar, linf=linf) for linf in (True, False))
    assert [linf[proposal + 1] for proposal in after] == [29, 20, 14, 10, 7, 5, 4, 3]
    assert [l2[proposal + 1] for proposal in after] == [29, 21, 15, 11, 7, 5, 5, 3]
    assert (len(linf), linf[0]) == (5000, linf[1]), "the start has the first proposal's"
    assert Square(queries=101, rescale=True)._sides(cifar, linf=True)[-1] == 1


@every_norm
def test_queries_asked_ahead_find_what_queries_one_by_one_find(norm, eps):
    labels = torch.arange(6) % 2
    turned = torch.randn(3 * 12 * 12, 2, generator=torch.Generator().manual_seed(4), dtype=torch.float64)
    counts = []

    def model(images):
        counts.append(len(images))
        return torch.tanh(images.flatten(1) @ turned / 9)

    enough = {"linf": 0.9, "l2": 0.52}[norm]
    goal = Goal(
        model=model,
        references=labels,
        harm=margin,
        margin=margin,
        success=lambda outputs, labels: margin(outputs, labels) > enough,
    )
    found, spent = [], []
    for size in (6, 96):
        counts.clear()
        found.append(run(Square(queries=500), goal, IMAGES, eps=eps, norm=norm, batch_size=size, keep_images=True))
        spent.append((sum(counts), len(counts)))
    alone, ahead = found
    assert 0 < alone.broken.sum() < 6
    assert torch.equal(alone.broken, ahead.broken)
    assert torch.equal(alone.iteration, ahead.iteration)
    torch.testing.assert_close(alone.images, ahead.images, rtol=0, atol=1e-12)
    assert spent[1][0] < 1.11 * spent[0][0]
    assert spent[1][1] < 0.9 * spent[0][1]
