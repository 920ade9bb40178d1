"""What holds for every audit."""

import copy
import math
from dataclasses import dataclass
from functools import cache

import numpy as np
import pytest
import torch
from torch import nn
from toy_audits import ReadsTheClass, bare_subject, small_network, toy_images, toy_members, toy_pairs

from coverage_rows import row_of
from holdfast.audits import AUDITS, audit
from holdfast.data import Images
from holdfast.data.splits.partition import PARTS
from holdfast.findings import Finding

every_audit = pytest.mark.parametrize("axis", AUDITS)
FEW_SHOT_IDS = torch.cat([start + torch.arange(6) for start in (0, 60, 100, 130, 150, 165)])


def lacks(axis: str, what: str) -> bool:
    lack = AUDITS[axis].lacks(bare_subject())
    return lack is not None and lack[0].startswith(what)


def needed(axis: str) -> dict:
    """What an audit needs beside an encoder and images."""
    if axis == "robustness":
        return {
            "auto_attack": "targeted",
            "apgd_steps": 4,
            "attack_targets": 2,
            "attack_steps": 4,
            "square_queries": 20,
            "drift_images": 20,
            "corruption_images": 12,
        }
    if lacks(axis, "members"):
        return toy_members()
    return {"pairs": toy_pairs()} if lacks(axis, "pairs of encoders") else {}


def measured(
    axis: str, *, encoder=None, images: Images | None = None, test: Images | None = None, **options
) -> Finding:
    options = {"few_shot_ids": FEW_SHOT_IDS, **needed(axis), **options}
    (finding,) = audit(
        encoder or small_network(), images or toy_images(), test=test or toy_images(seed=1), axes=[axis], **options
    )
    return finding


@dataclass(frozen=True)
class Watched:
    """A measurement, and the encoder's weights and modes as they were before."""

    finding: Finding
    encoder: nn.Module
    state: dict[str, torch.Tensor]
    modes: list[bool]


@cache
def watched(axis: str) -> Watched:
    """One measurement for all laws that only look at it, of an encoder with a part in another mode."""
    encoder = small_network()
    encoder.get_submodule("1").eval()
    state, modes = copy.deepcopy(encoder.state_dict()), [module.training for module in encoder.modules()]
    return Watched(measured(axis, encoder=encoder), encoder, state, modes)


def usual(axis: str) -> Finding:
    return watched(axis).finding


def shuffled(images: Images) -> Images:
    return images.subset(torch.randperm(len(images), generator=torch.Generator().manual_seed(7)))


def assert_same_numbers(first: Finding, second: Finding) -> None:
    assert first.scores == second.scores
    assert first.tables == second.tables
    assert set(first.columns) == set(second.columns)
    for name, column in first.columns.items():
        np.testing.assert_array_equal(column, second.columns[name], err_msg=name)


@every_audit
def test_same_seed_same_finding(axis):
    assert_same_numbers(usual(axis), measured(axis))


@every_audit
def test_permuted_images_give_the_same_finding(axis):
    test = toy_images(seed=1)
    assert_same_numbers(usual(axis), measured(axis, images=shuffled(toy_images()), test=shuffled(test)))


@every_audit
def test_permuted_images_give_the_same_finding_where_the_audit_holds_test_images_out(axis):
    encoder = small_network()
    large = toy_images((150, 120)) if axis == "shortcuts" else toy_images()
    (first,), (second,) = (audit(encoder, images, axes=[axis], **needed(axis)) for images in (large, shuffled(large)))
    assert_same_numbers(first, second)


@every_audit
@pytest.mark.parametrize("encoder", [None, ReadsTheClass(), ReadsTheClass(blind=(0, 1, 2, 3, 4, 5))])
def test_scores_and_intervals_lie_in_their_stated_range(axis, encoder):
    for score in (usual(axis) if encoder is None else measured(axis, encoder=encoder)).scores:
        low, high = (-math.inf if score.range[0] is None else score.range[0], score.range[1] or math.inf)
        assert low - 1e-5 <= score.value <= high + 1e-5, score
        if score.interval is not None:
            assert low <= score.interval[0] <= score.value <= score.interval[1] <= high, score
            assert score.interval[0] < score.interval[1], f"certain, from a sample: {score}"
        assert (score.interval is None) == (not score.interval_over)


@every_audit
def test_every_interval_has_a_row_in_the_table_of_measured_coverage(axis):
    bare = [score.name for score in usual(axis).scores if score.interval and row_of(axis, score.name) is None]
    assert bare == [], "an interval whose coverage nobody measured is not printed: add a row to coverage_rows"


@every_audit
def test_scores_explain_themselves(axis):
    for score in usual(axis).scores:
        assert score.definition.endswith(".")
        assert score.unit


@every_audit
def test_the_encoder_is_left_as_it_was(axis):
    found = watched(axis)
    assert [module.training for module in found.encoder.modules()] == found.modes
    assert all(torch.equal(found.state[name], tensor) for name, tensor in found.encoder.state_dict().items())
    assert all(parameter.grad is None for parameter in found.encoder.parameters())


@every_audit
def test_global_random_state_is_not_touched(axis):
    encoder = small_network()
    before = torch.get_rng_state()
    measured(axis, encoder=encoder)
    assert torch.equal(torch.get_rng_state(), before)


@every_audit
def test_a_finding_comes_back_from_disk(axis, tmp_path):
    finding = usual(axis)
    loaded = Finding.load(finding.save(tmp_path))
    assert_same_numbers(finding, loaded)
    assert loaded.settings == finding.settings


@every_audit
def test_columns_are_per_audited_image_and_of_equal_length(axis):
    columns = usual(axis).columns
    parts = {"memorization": PARTS, "privacy": ("candidate", "external")}  # others measure test images
    pairs = toy_pairs().parts
    if axis == "membership":
        expected = torch.arange(440)  # members, then non-members
    else:
        ids = toy_images(seed=1).ids
        expected = torch.cat([pairs[name] for name in parts[axis]]).sort().values if axis in parts else ids
    assert torch.equal(torch.as_tensor(columns["id"]), expected)
    assert {len(column) for column in columns.values()} == {len(expected)}


@every_audit
def test_settings_hold_what_is_needed_to_measure_again(axis):
    settings = usual(axis).settings
    keys = "name encoder encoder_checksum dim data test test_checksum test_images probe_on probe_images protocol"
    assert set(keys.split()) | {"group_rule", "seed", "seconds", "hardware", "versions"} <= set(settings)


@every_audit
def test_images_without_labels_are_either_audited_or_refused_with_a_remedy(axis):
    images = toy_images()
    unlabelled = Images(pixels=images.pixels, ids=images.ids)
    if not lacks(axis, "labels"):
        (finding,) = audit(small_network(), unlabelled, axes=[axis], **needed(axis))
        assert not any(score.unit == "percent" for score in finding.scores)
        return
    with pytest.raises(ValueError, match="add a label column"):
        audit(small_network(), unlabelled, axes=[axis])
