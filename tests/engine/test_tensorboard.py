"""TensorBoard itself reads the numbers of metrics.jsonl where it is installed, and is not missed where it is not."""

import json

import pytest
from faulty_runs import tiny_config
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from holdfast.engine import tensorboard as module
from holdfast.engine import train
from holdfast.engine.tensorboard import tensorboard


def curves(folder):
    """{name: [(step, value)]} as TensorBoard shows it."""
    events = EventAccumulator(str(folder))
    events.Reload()
    return {name: [(one.step, one.value) for one in events.Scalars(name)] for name in events.Tags()["scalars"]}


def test_a_runs_curves_are_its_metrics(tmp_path):
    run = train(tiny_config(signals_every=1, limit=100, holdout=20), tmp_path / "run")
    found = curves(run.path / "tensorboard")
    lines = [json.loads(line) for line in run.metrics.read_text().splitlines()]
    for kind, name in (("epoch", "loss"), ("epoch", "lr"), ("signals", "effective_rank")):
        rows = [line for line in lines if line["kind"] == kind]
        assert [step for step, _ in found[f"{kind}/{name}"]] == [row["step"] for row in rows]
        assert [value for _, value in found[f"{kind}/{name}"]] == pytest.approx([row[name] for row in rows], rel=1e-6)
    assert not any("step" in name.split("/")[1:] for name in found)


def test_what_a_resumed_run_measures_again_is_not_shown_twice(tmp_path):
    for start, rows in ((0, [(3, 5.0), (6, 4.0), (9, 3.0)]), (6, [(9, 2.5)])):  # its checkpoint was after step 6
        listen = tensorboard(tmp_path, step=start)
        assert listen is not None
        for step, loss in rows:
            listen({"kind": "epoch", "epoch": step // 3, "step": step, "loss": loss})
    assert curves(tmp_path / "tensorboard")["epoch/loss"] == [(3, 5.0), (6, 4.0), (9, 2.5)]


def test_without_tensorboard_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    assert tensorboard(tmp_path, step=0) is None
    assert list(tmp_path.iterdir()) == []
