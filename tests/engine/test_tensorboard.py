"""TensorBoard itself reads the numbers of metrics.jsonl where it is installed, and is not missed where it is not."""

import errno
import json
import os
import shutil
import threading

import pytest
from faulty_runs import interrupted, said, tiny_config
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from holdfast.engine import tensorboard as module
from holdfast.engine import train
from holdfast.engine.checkpoint import checkpoints
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


def test_a_disk_that_takes_no_more_ends_the_curves_with_one_line_and_not_the_run(tmp_path, capsys):
    run = interrupted(tmp_path / "run")
    for path in (checkpoints(run / "checkpoints")[-1], run / "tensorboard"):
        shutil.rmtree(path)
    (run / "tensorboard").write_text("a file, where a folder cannot be made")
    code, out, error = said(["resume", str(run)], capsys)
    assert (code, error) == (0, "")
    assert out.count("curves for TensorBoard end here, metrics.jsonl has them all: expected to use ") == 1


def test_what_fails_is_said_once_and_what_was_written_before_stays(tmp_path, monkeypatch):
    told, before = [], threading.active_count()
    listen = tensorboard(tmp_path, 0, told.append)
    assert listen is not None
    row = {"kind": "epoch", "epoch": 1, "step": 3, "loss": 5.0}
    listen(row)

    def full(*arguments):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(module._Board, "_write", full)
        listen({**row, "step": 6})
    listen({**row, "step": 9})
    (caution,) = told
    assert "No space left on device; free some space" in caution["text"]
    assert curves(tmp_path / "tensorboard")["epoch/loss"] == [(3, 5.0)]
    assert threading.active_count() == before, "errors of another thread come as a traceback"
