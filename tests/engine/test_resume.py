"""A run that was killed continues, and ends in the bits of one that never was."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
import safetensors.torch
import torch

from holdfast.config import RunConfig
from holdfast.engine import loop as engine_loop
from holdfast.engine import read_config, resume, train
from holdfast.methods import METHODS
from holdfast.runs import RunFolder

FLAGS = (
    "--data digits --limit 150 --long-tail exp:5 --encoder timm/test_resnet --epochs 3 --batch-size 16 --seed 3".split()
)
FLAGS += "--checkpoint-steps 1 --signals-every 1 --precision 32 --threads 1 --image-size 16".split()


def tiny(method: str, **changes) -> RunConfig:
    """The configuration that FLAGS name."""
    config = RunConfig(
        method=METHODS[method].Config(),
        limit=150,
        long_tail="exp:5",
        encoder="timm/test_resnet",
        epochs=3,
        batch_size=16,
        seed=3,
        checkpoint_steps=1,
        signals_every=1,
        precision="32",
        threads=1,
        image_size=16,
    )
    return replace(config, **changes)


def tensors(run: RunFolder) -> dict[str, torch.Tensor]:
    """The encoder, and all of the last checkpoint: networks, masks, momentum."""
    last = sorted(run.checkpoints.iterdir())[-1]
    files = [run.encoder, last / "method.safetensors", last / "optimizer.safetensors"]
    return {f"{file.name}:{name}": t for file in files for name, t in safetensors.torch.load_file(file).items()}


def rows(run: RunFolder) -> list[dict]:
    """Metrics without what depends on the clock."""
    read = [json.loads(line) for line in run.metrics.read_text().splitlines()]
    return [{k: v for k, v in row.items() if k not in ("seconds", "views_per_second")} for row in read]


def same_bits(run: RunFolder, other: RunFolder) -> None:
    found, expected = tensors(run), tensors(other)
    assert found.keys() == expected.keys()
    different = [name for name in expected if not torch.equal(found[name], expected[name])]
    assert not different
    assert rows(run) == rows(other)


@pytest.fixture
def one_thread():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize("method", [pytest.param("simclr", marks=pytest.mark.slow), "sdclr"])
def test_a_run_killed_in_mid_epoch_ends_in_the_same_bits(method, tmp_path):
    killed = tmp_path / "killed"
    command = [sys.executable, "-m", "holdfast", "train", method, *FLAGS, "--out", str(killed)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env={**os.environ, "OMP_NUM_THREADS": "1"})
    wait_for_step(killed / "checkpoints", 5, process)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (killed / "encoder.safetensors").exists()
    done = sorted((killed / "checkpoints").glob("step-*"))[-1]
    assert json.loads((done / "state.json").read_text())["batch"] > 0, "expected to have been killed in mid-epoch"
    whole = train(read_config(RunFolder(killed)), tmp_path / "whole")
    same_bits(resume(killed), whole)


def wait_for_step(checkpoints: Path, step: int, process: subprocess.Popen) -> None:
    deadline = time.monotonic() + 120
    while not (checkpoints / f"step-{step:08d}").exists():
        assert process.poll() is None, "expected a run in progress, got one that ended"
        assert time.monotonic() < deadline
        time.sleep(0.002)


class Interrupted(Exception):
    """Stands for a power cut."""


def short(method: str) -> RunConfig:
    """Two epochs, with a checkpoint every four steps."""
    return tiny(method, checkpoint_steps=4, epochs=2)


@pytest.fixture(scope="module")
def whole_of(tmp_path_factory):
    """By method: a run that nothing interrupts, trained once for all that are compared with it."""
    return cache(lambda method: train(short(method), tmp_path_factory.mktemp("whole") / method))


@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize("stop_at", [1, 6, 9])
@pytest.mark.parametrize("method", ["simclr", "sdclr", pytest.param("byol", marks=pytest.mark.slow)])
def test_a_run_interrupted_anywhere_ends_in_the_same_bits(method, stop_at, whole_of, tmp_path, monkeypatch):
    config, whole = short(method), whole_of(method)
    trained = engine_loop._train_batch

    def cut(session, position, batch, meter):
        if position.step == stop_at:
            raise Interrupted
        trained(session, position, batch, meter)

    monkeypatch.setattr(engine_loop, "_train_batch", cut)
    with pytest.raises(Interrupted):
        train(config, tmp_path / "cut")
    monkeypatch.setattr(engine_loop, "_train_batch", trained)
    same_bits(resume(tmp_path / "cut"), whole)


@pytest.mark.usefixtures("one_thread")
def test_metrics_after_the_checkpoint_are_cut_back_also_a_torn_line(tmp_path, monkeypatch):
    config = tiny("simclr", checkpoint_steps=1000, epochs=3)
    whole = train(config, tmp_path / "whole")
    finish = engine_loop._end_epoch

    def cut(session, position, meter):
        finish(session, position, meter)
        if position.epoch == 2:
            raise Interrupted

    monkeypatch.setattr(engine_loop, "_end_epoch", cut)
    with pytest.raises(Interrupted):
        train(config, tmp_path / "cut")
    monkeypatch.setattr(engine_loop, "_end_epoch", finish)
    run = RunFolder(tmp_path / "cut")
    with run.metrics.open("a") as file:
        file.write('{"kind": "epoch", "ep')
    assert len(rows_of_torn(run)) == 5
    same_bits(resume(run.path), whole)


def rows_of_torn(run: RunFolder) -> list[str]:
    return run.metrics.read_text().splitlines()


def test_a_finished_run_is_left_alone(tmp_path):
    run = train(tiny("simclr", epochs=1, threads=None), tmp_path / "run")
    before = {path: path.stat().st_mtime_ns for path in run.path.rglob("*") if path.is_file()}
    events = []
    resume(run.path, listen=events.append)
    assert [event["kind"] for event in events] == ["finished"]
    assert {path: path.stat().st_mtime_ns for path in run.path.rglob("*") if path.is_file()} == before


def test_images_that_changed_are_refused(tmp_path):
    run = train(tiny("simclr", epochs=1, threads=None), tmp_path / "run")
    run.encoder.unlink()
    record = json.loads(run.ids.read_text())
    run.ids.write_text(json.dumps(record | {"checksum": "0" * 16}))
    with pytest.raises(ValueError, match="expected the images that the run used"):
        resume(run.path)
