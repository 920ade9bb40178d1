"""SDCLR's probe schedule and group metrics against numbers from the authors' code (provenance in sdclr.json)."""

import json
from pathlib import Path
from typing import Literal

import pytest

from holdfast.evaluation import group_metrics, over_runs, probe_lr

CASES = json.loads((Path(__file__).parent / "sdclr.json").read_text())["cases"]
DROPS: dict[str, Literal["on_time", "early"]] = {"epoch_start": "early", "epoch_end": "on_time"}


def cases(kind):
    return [pytest.param(case["inputs"], case["outputs"], id=case["id"]) for case in CASES if case["kind"] == kind]


@pytest.mark.parametrize(("inputs", "outputs"), cases("probe_lr"))
def test_probe_lr(inputs, outputs):
    settings = {name: value for name, value in inputs.items() if name != "scheduler_position"}
    assert probe_lr(**settings, drop=DROPS[inputs["scheduler_position"]]) == pytest.approx(
        outputs["lr_per_epoch"], rel=1e-9
    )


@pytest.mark.parametrize(("inputs", "outputs"), cases("group_metrics"))
def test_group_metrics(inputs, outputs):
    runs = [group_metrics(run["per_class_accuracy"], run["counts"], rule=inputs["rule"]) for run in inputs["runs"]]
    for name in ("all", "many", "medium", "few", "std"):
        assert [run[name] for run in runs] == pytest.approx(outputs[name], rel=1e-9)
    together = over_runs(runs)
    for kind in ("mean", "spread"):
        shared = {name: together[kind][name] for name in outputs[kind]}
        assert shared == pytest.approx(outputs[kind], rel=1e-9)
