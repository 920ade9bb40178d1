"""What an audit runs by default, what it would need for more, and how long it says it will take."""

import pytest
import torch
from toy_audits import small_network, toy_images, toy_pairs

from holdfast.audits import AUDITS, Options, Speed, audit, fitting_axes, largest_budget, missing_axes, planned, prepare
from holdfast.audits.plan import measure_speed
from holdfast.audits.subject.prepare import Known
from holdfast.budgets import BUDGETS, budgeted
from holdfast.data import Images

SLOW, QUICK = Speed(forward=0.1, both=0.3), Speed(forward=1e-7, both=3e-7)


BY_PAIRS = {"memorization", "privacy"}


def prepared(images=None, *, pairs=None, **options):
    options = Options(**options)
    images = toy_images((12,) * 6) if images is None else images
    return prepare(small_network(), images, None, Known(), name=None, pairs=pairs, options=options)


def unlabelled():
    images = toy_images((12,) * 6)
    return Images(pixels=images.pixels, ids=images.ids)


def test_without_axes_all_are_measured_that_images_and_pairs_allow():
    small = set(fitting_axes(prepared()))  # too few test images of a class and a site for shortcuts
    assert small | {"shortcuts"} == set(AUDITS) - BY_PAIRS - {"membership"}
    assert set(fitting_axes(prepared(pairs=toy_pairs()))) >= BY_PAIRS
    without = set(fitting_axes(prepared(unlabelled())))
    assert {"quality", "robustness", "invariance"} <= without
    assert "balance" not in without


def test_what_is_missing_comes_with_its_remedy():
    missing = missing_axes(prepared(unlabelled()))
    assert "label column" in missing["balance"][1]
    assert "holdfast memorization RUN" in missing["privacy"][1]
    pairs = toy_pairs()
    parts = {name: ids for name, ids in pairs.parts.items() if name != "external"}
    other = type(pairs)(encoders=pairs.encoders, images=pairs.images, parts=parts)
    assert set(missing_axes(prepared(pairs=other))) - {"shortcuts", "membership"} == {"privacy"}
    with pytest.raises(ValueError, match=r"expected pairs of encoders .* to measure privacy, got none; train them"):
        fitting_axes(prepared(), ["quality", "privacy"])


def test_the_default_budget_is_the_fast_one_and_findings_record_it():
    findings = audit(
        small_network(), toy_images((12,) * 6), attack_images=4, attack_steps=1, corruption_images=2, square_images=1
    )
    budgets = {finding.audit: finding.settings.get("budget") for finding in findings}
    assert (budgets["robustness"], budgets["invariance"], budgets["quality"]) == ("own", "fast", None)


def test_the_plan_counts_passes_and_features_that_are_not_kept():
    audited = prepared(**budgeted("fast", {}))
    seconds = planned(audited, ["quality", "robustness", "invariance"], SLOW)
    test, pool = len(audited.test), len(audited.pool)
    fits = 7 * (1 + 5)  # strengths of a probe that few images choose among, by five folds and then on all
    assert seconds["features"] == pytest.approx(0.1 * (test + pool) + fits * 40 * 6e-4, rel=1e-3)
    assert seconds["quality"] == pytest.approx(0.1 * 2 * test)
    both, single = (2 * 10 * 3 + 1 + 60) * test, (2 * (2 + 200) + 6 + 75) * test
    assert seconds["robustness"] == pytest.approx(0.3 * both + 0.1 * single)
    assert seconds["invariance"] > 0.1 * 36 * test


def test_a_faster_encoder_gets_a_larger_budget_and_the_slowest_decides():
    def chosen(*speeds):
        return largest_budget(speeds, Options(), {}, 600).budget

    assert chosen(QUICK) == BUDGETS[-1]
    assert chosen(SLOW) == BUDGETS[0]
    assert chosen(QUICK, SLOW) == BUDGETS[0]
    assert chosen(Speed(0.0025, 0.0076)) == "fast", "ResNet-18 at 32 pixels on two cores"


def test_what_even_the_smallest_budget_is_too_long_for_is_left_out_with_its_seconds():
    def left_out(seconds):
        return largest_budget([SLOW], Options(), {}, seconds).left_out

    audited = prepared(**budgeted("quick", {}))
    costs = {name: AUDITS[name].spends(audited.options, 10**9, SLOW) for name in ("robustness", "invariance")}
    assert left_out(1.0) == costs
    assert left_out(1.01 * min(costs.values())) == {max(costs, key=lambda name: costs[name]): max(costs.values())}
    assert not left_out(1.01 * sum(costs.values()))


def test_a_machine_that_is_busy_lengthens_the_estimate_of_probes_too():
    audited = prepared(**budgeted("quick", {}))
    alone, busy = (planned(audited, ["quality"], Speed(0.0, 0.0, busy))["features"] for busy in (1.0, 3.0))
    assert busy == pytest.approx(3 * alone)


def test_speed_is_measured_without_touching_the_encoder():
    network = small_network()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    speed = measure_speed(network, 8, Options())
    assert 0 < speed.forward <= speed.both < 1
    assert network.training
    assert all(torch.equal(tensor, network.state_dict()[name]) for name, tensor in before.items())
    assert all(parameter.grad is None for parameter in network.parameters())
