import pytest

from holdfast.audits import Options
from holdfast.audits.robustness import robustness_passes
from holdfast.budgets import BUDGETS, auto_attack_eps, budget_of, budgeted, parse_eps
from holdfast.options import MeasurementOptions


def test_budgets_are_read_as_fractions_and_come_back_ascending():
    assert parse_eps(["8/255", "0.01", 2 / 255], "linf") == [("2/255", 2 / 255), ("0.01", 0.01), ("8/255", 8 / 255)]
    assert [eps for eps, _ in parse_eps((), "linf")] == ["2/255", "4/255", "8/255"]
    assert parse_eps((), "l2") == [("0.25", 0.25), ("0.5", 0.5), ("1", 1.0)]


def test_a_budget_is_written_in_one_way():
    assert parse_eps(["0.031372549", "8/255", 8 / 255], "linf")[0][0] == "8/255"
    assert len(parse_eps(["4/255", 4 / 255], "linf")) == 1


@pytest.mark.parametrize("value", ["8", "0", "-1/255", "eight", "1/0", 0.0])
def test_a_budget_that_is_none_is_refused(value):
    with pytest.raises(ValueError, match="write 8/255, not 8"):
        parse_eps([value], "linf")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"attack_images": 0}, "attack_images >= 1"),
        ({"square_queries": -1}, "square_queries >= 0"),
        ({"attack_norm": "l1"}, "attack_norm linf or l2"),
        ({"attack_head": "tuned"}, "slf or alf or aff or emp-ssl"),
        ({"head_steps": 0}, "head_steps >= 1"),
        ({"auto_attack": "best"}, "none or targeted or standard"),
        ({"auto_attack_eps": ("3/255",)}, "add it to attack_eps"),
        ({"attack_step": 0.0}, "attack_step > 0"),
        ({"attack_eps": ("8",)}, "write 8/255"),
    ],
)
def test_options_that_make_no_sense_are_refused(options, words):
    with pytest.raises(ValueError, match=words):
        MeasurementOptions(**options)


@pytest.mark.parametrize("norm", ["linf", "l2"])
@pytest.mark.parametrize("budget", BUDGETS)
def test_options_of_a_named_budget_are_known_by_its_name(budget, norm):
    options = Options(**budgeted(budget, {"attack_norm": norm}))
    assert [budget_of(audit, options) for audit in ("robustness", "invariance", "quality")] == [budget, budget, None]


def test_the_defaults_are_the_full_budget_and_what_is_given_wins():
    assert budget_of("robustness", Options()) == "full"
    options = Options(**budgeted("fast", {"attack_images": 33}))
    assert (options.attack_images, options.shift_images) == (33, 200)
    assert (budget_of("robustness", options), budget_of("invariance", options)) == ("own", "fast")
    assert budget_of("robustness", Options(**budgeted("fast", {"attack_eps": ("8/255",)}))) == "own"


def test_a_smaller_budget_makes_fewer_passes_and_keeps_the_largest_eps():
    passes = [robustness_passes(Options(**budgeted(budget, {})), 10_000) for budget in BUDGETS]
    assert passes == sorted(passes)
    # PGD: 3 starts whose 1,000 steps count as 100; then APGD, targeted APGD, FAB and Square on all at 8/255.
    both = 3 * (3 * 100 * 1000 + 20 * 100) + 1000 + (100 + 900 + 900) * 1000
    assert passes[2] == (both, (3 * 3 + 1 + 18 + 909 + 5000) * 1000 + 2 * 5000 * 100 + 75 * 500)
    eps = [parse_eps(budgeted(budget, {})["attack_eps"], "linf")[-1][0] for budget in BUDGETS]
    assert eps == ["8/255"] * 3


def test_a_budget_that_is_not_listed_is_refused():
    with pytest.raises(ValueError, match="expected a budget of quick, fast, full, got 'small'"):
        budgeted("small", {})


def test_auto_attack_runs_at_the_customary_budget_else_at_the_largest():
    assert auto_attack_eps((), (), "linf") == [8 / 255]
    assert auto_attack_eps((), (), "l2") == [0.5]
    assert auto_attack_eps((), ("2/255", "16/255"), "linf") == [16 / 255]
    assert auto_attack_eps(("2/255",), (), "linf") == [2 / 255]


def test_the_full_budget_takes_a_thousand_steps_where_images_go_round_in_circles():
    assert Options(**budgeted("full", {})).attack_steps == 1000
    assert Options(**budgeted("full", {"attack_norm": "l2"})).attack_steps == 100
