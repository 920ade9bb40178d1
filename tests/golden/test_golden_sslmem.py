"""Golden numbers of memorization and membership scores (provenance in sslmem.json)."""

from typing import Any

import numpy as np
import pytest
import torch
from goldens import cases
from torch import Tensor

from holdfast.audits import alignment, membership, memorization, unit_memorization
from holdfast.evaluation import mean_cosine
from holdfast.evaluation.pairs.measures import (
    LOSSES,
    UnitSums,
    memorization_of_losses,
    unit_memorization_of,
    view_distances,
)
from holdfast.evaluation.pairs.sslmem import anchor_distance, maximum_scaled, range_scaled
from holdfast.statistics import Roc, empirical_p, false_discovery

CLOSE: dict[str, Any] = {"rtol": 1e-9, "atol": 1e-9}


def every(kind):
    return pytest.mark.parametrize("case", cases("sslmem", kind), ids=lambda case: case["id"])


def stream(number: int, shape: list[int]) -> Tensor:
    """The file's exact integer generator: (31 i³ + 7919 i² + 104729 i) mod 1000003, as values in [-1, 1)."""
    i = np.arange(1, int(np.prod(shape)) + 1, dtype=object) + 10007 * number
    h = (31 * i**3 + 7919 * i**2 + 104729 * i) % 1000003
    return torch.tensor((2 * h.astype(float) / 1000003 - 1).reshape(shape))


def term(spec: dict) -> Tensor | float:
    if "constant" in spec:
        return spec["constant"]
    values = spec["scale"] * stream(spec["stream"], spec["shape"])
    rows = torch.tensor(spec.get("row_scale", 1.0), dtype=torch.float64)
    return values * rows.reshape(-1, *[1] * (values.ndim - 1))


def tensors(case: dict) -> dict[str, Any]:
    """The case's inputs, embedded or generated, in float64."""
    found: dict[str, Any] = {name: float64(values) for name, values in case["inputs"].items() if name != "subset"}
    for name, spec in case.get("generate", {}).items():
        made = torch.as_tensor(sum(term(part) for part in spec["terms"]))
        made = made.relu() if spec.get("post") == "relu" else made
        torch.testing.assert_close(made.flatten()[:3], float64(spec["check"]["first3"]), **CLOSE)
        assert made.sum().item() == pytest.approx(spec["check"]["sum"], abs=1e-8)
        found[name] = made
    return found


def float64(values):
    if values and isinstance(values[0], list) and len({np.shape(row) for row in values}) > 1:
        return [float64(row) for row in values]
    return torch.tensor(values, dtype=torch.float64)


def same(actual, expected):
    torch.testing.assert_close(torch.as_tensor(actual, dtype=torch.float64), float64(expected), **CLOSE)


@every("alignment_loss")
def test_every_alignment_loss(case):
    inputs = tensors(case)
    for name, expected in case["expected"].items():
        for encoder in "fg":
            same(LOSSES[name](inputs[f"features_{encoder}"]), expected[f"L_{encoder}"])
    same(alignment(inputs["features_f"]), case["expected"]["l2_unit"]["L_f"])


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@every("alignment_loss")
def test_equal_views_have_a_loss_of_exactly_0(case, dtype):
    views = tensors(case)["features_f"].to(dtype)[:, :1].expand(-1, 4, -1)
    assert alignment(views).count_nonzero() == 0
    assert view_distances(views).count_nonzero() == 0
    assert memorization(views, views)["ratio"].count_nonzero() == 0


@every("memorization_raw")
def test_the_difference(case):
    inputs, expected = tensors(case), case["expected"]
    found = memorization(inputs["features_f"], inputs["features_g"])["difference"]
    same(found, expected["l2_unit"])
    assert found.mean().item() == pytest.approx(expected["mean_l2_unit"], abs=1e-9)
    for subset, mean in expected.get("subset_mean_l2_unit", {}).items():
        members = [place for place, name in enumerate(case["inputs"]["subset"]) if name == subset]
        assert found[members].mean().item() == pytest.approx(mean, abs=1e-9)


@every("memorization_ratio")
def test_the_ratio(case):
    inputs, expected = tensors(case), case["expected"]
    if "L_f" in inputs:
        found = memorization_of_losses(inputs["L_f"], inputs["L_g"])
        same(found["ratio"], expected["from_losses"])
        same(found["difference"], expected["raw_from_losses"])
        return
    for name in ("l2_unit", "l2_raw", "cosine"):
        losses = (LOSSES[name](inputs[f"features_{encoder}"]) for encoder in "fg")
        same(memorization_of_losses(*losses)["ratio"], expected[name])
    same(memorization(inputs["features_f"], inputs["features_g"])["ratio"], expected["l2_unit"])


@every("layermem")
def test_layermem_is_the_mean_of_ratios(case):
    inputs, expected = tensors(case), case["expected"]
    pairs = zip(layers(inputs, "f"), layers(inputs, "g"), strict=True)
    ratios = torch.stack([memorization(f, g)["ratio"] for f, g in pairs])
    same(ratios, expected["per_layer_per_sample"])
    same(ratios.mean(1), expected["layermem"])
    same(ratios.mean(1).diff(), expected["delta"])


def layers(inputs: dict, encoder: str) -> list[Tensor]:
    embedded = inputs.get(f"layers_{encoder}")
    return embedded if embedded is not None else [inputs[f"layer{i}_{encoder}"] for i in range(3)]


@every("unitmem")
def test_unitmem(case):
    inputs, expected = tensors(case), case["expected"]
    activations = inputs["unit_means"][:, None] if "unit_means" in inputs else inputs["activations"]
    signed = case["label"] != "spec"
    same(unit_memorization(activations, signed=signed), expected["mean"])
    same(unit_memorization(activations, signed=signed, rest="median"), expected["alternative_median"])
    if signed:
        with pytest.raises(ValueError, match="after a ReLU"):
            unit_memorization(activations)


@every("unitmem")
def test_unitmem_streams(case):
    inputs, expected = tensors(case), case["expected"]
    means = inputs["unit_means"] if "unit_means" in inputs else inputs["activations"].mean(1)
    means = means.flatten(2).mean(-1) if means.ndim > 2 else means
    sums = [UnitSums.of(part, ids) for part, ids in zip(means.split(2), torch.arange(len(means)).split(2), strict=True)]
    total = sum(sums[1:], sums[0])
    same(unit_memorization_of(total, signed=True), expected["mean"])
    same(total.peak, expected["mu_max"])
    dead = case["params"].get("ignore_argmax_of_units", [])
    assert [at for unit, at in enumerate(total.at.tolist()) if unit not in dead] == [
        at for unit, at in enumerate(expected["argmax"]) if unit not in dead
    ]


@every("membership_metrics")
def test_membership_metrics(case):
    inputs, expected = tensors(case), case["expected"]
    scores = inputs["member_scores"], inputs["nonmember_scores"]
    found = membership(*scores)
    assert found["auc"] == pytest.approx(expected["auc"], abs=1e-12)
    assert found["tpr_at_1pct_fpr"] == pytest.approx(expected["tpr_at_fpr"]["0.01"], abs=1e-12)
    assert float(Roc.of(*scores).tpr_at(0.1)) == pytest.approx(expected["tpr_at_fpr"]["0.1"], abs=1e-12)
    assert found["best_balanced_accuracy"] == pytest.approx(expected["best_balanced_accuracy_in_sample"], abs=1e-12)


@every("encodermi_similarity")
def test_the_mean_cosine(case):
    inputs, expected = tensors(case), case["expected"]
    same(mean_cosine(inputs["features"]), expected["mean_cosine"])
    for row, cosines in expected["sorted_descending_rows"].items():
        assert mean_cosine(inputs["features"])[int(row)].item() == pytest.approx(np.mean(cosines), abs=1e-9)


@every("null_p_values")
def test_p_and_q_values(case):
    inputs, expected = tensors(case), case["expected"]
    p = empirical_p(inputs["m"].numpy(), inputs["m_external"].numpy())
    np.testing.assert_allclose(p, expected["p"], atol=1e-12)
    np.testing.assert_allclose(false_discovery(p), expected["q_benjamini_hochberg"], atol=1e-12)


@every("authors_script_score")
def test_the_authors_score_under_its_own_name(case):
    inputs, expected = tensors(case), case["expected"]
    f, g = (anchor_distance(inputs[f"anchor_{encoder}"], inputs[f"views_{encoder}"]) for encoder in "fg")
    same(f, expected["dist_f"])
    same(g, expected["dist_g"])
    same(range_scaled(f, g), expected["score"])


@every("authors_removal_order")
def test_the_authors_order_of_removal_under_its_own_name(case):
    inputs, expected = tensors(case), case["expected"]
    score = maximum_scaled(inputs["dist_f"], inputs["dist_g"])
    same(score, expected["score"])
    assert score.argsort(descending=True).tolist() == expected["order_descending"]
