"""Run folders that earlier versions wrote: their settings are read as they were meant."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from holdfast.config import upgraded
from holdfast.engine import read_config
from holdfast.methods import AdversaryConfig, PenaltyConfig, SDCLRConfig, build, from_document, to_document
from holdfast.runs import RunFolder

OLD = Path(__file__).parent.parent / "support" / "schema_1"
NAMES = ("plain", "with_parts")


def test_a_run_of_schema_1_without_parts_is_read():
    config = read_config(RunFolder.open(OLD / "plain"))
    assert (config.method, config.parts) == (SDCLRConfig(), ())
    assert (config.data, config.long_tail, config.epochs, config.lr) == ("digits", "exp:20", 50, 0.3)
    assert config.views.crop_min == 0.4


def test_a_run_of_schema_1_has_its_adversary_and_its_penalty():
    config = read_config(RunFolder.open(OLD / "with_parts"))
    penalty, adversary = config.parts
    assert penalty == PenaltyConfig(penalty="invariance:0.1", penalty_form="vjp")
    assert adversary == AdversaryConfig(adversary="free:2", adversary_start="random")
    method = build(config, image_size=16)
    assert (type(method).__name__, type(method.inner).__name__) == ("FreeAdversary", "InvariancePenalty")


def _within(before: dict, now: dict) -> bool:
    """Whether every setting of before is as it was; there may be new ones."""
    return all(
        _within(value, now[name]) if isinstance(value, dict) else value == now[name] for name, value in before.items()
    )


@pytest.mark.parametrize("name", NAMES)
def test_a_run_of_schema_1_is_the_same_experiment_as_one_of_today(name):
    """The report takes runs together that differ in seed and split alone, whichever version wrote them."""
    before = json.loads((OLD / name / "config.json").read_text())
    now = json.loads(json.dumps(to_document(from_document(before))))
    assert _within(upgraded(before) | {"version": now["version"]}, now)
    assert upgraded(now) == now
    assert replace(from_document(now), seed=3) == replace(from_document(before), seed=3)
