"""Several processes: torchrun's number, another number on resume, and one that is lost."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest
import safetensors.torch
import torch
from faulty_runs import FLAGS, interrupted

from holdfast.engine.checkpoint import checkpoints

ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}
RUN = [sys.executable, "-m", "holdfast"]
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", "2", "-m", "holdfast"]


def ran(*command):
    """The finished command, without an error."""
    done = subprocess.run(command, capture_output=True, text=True, env=ENVIRONMENT, check=False, timeout=500)
    assert done.returncode == 0, done.stderr
    return done


def weights(run):
    return safetensors.torch.load_file(run / "encoder.safetensors")


def without_end(run):
    """A run as it was before its last checkpoint and its encoder."""
    for name in ("encoder.safetensors", "encoder.json"):
        (run / name).unlink()
    newest = checkpoints(run / "checkpoints")[-1]
    for path in newest.iterdir():
        path.unlink()
    newest.rmdir()


@pytest.mark.slow
def test_torchrun_trains_one_run_on_two_ranks_prints_each_line_once_and_one_process_resumes_it(tmp_path):
    run = tmp_path / "run"
    done = ran(*TORCHRUN, "train", "sdclr", *FLAGS, "--out", str(run))
    lines = [line for line in done.stdout.splitlines() if line.strip()]
    assert len(lines) == len(set(lines))
    assert "Grad strides" not in done.stderr
    assert json.loads((run / "config.json").read_text())["devices"] == 2
    expected = weights(run)
    without_end(run)
    assert ran(*RUN, "resume", str(run), "--devices", "1").stderr == ""
    for name, tensor in weights(run).items():
        torch.testing.assert_close(tensor, expected[name], rtol=1e-3, atol=1e-4)


@pytest.mark.slow
def test_a_run_of_one_process_goes_on_under_torchrun_on_two_and_prints_each_line_once(tmp_path):
    run = interrupted(tmp_path / "run")
    (run / "encoder.safetensors").write_bytes(b"")
    (run / "encoder.json").write_text("{}")
    without_end(run)
    done = ran(*TORCHRUN, "resume", str(run))
    lines = [line for line in done.stdout.splitlines() if line.strip()]
    assert len(lines) == len(set(lines))
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert [row["epoch"] for row in rows] == [1, 2]
    assert all(torch.isfinite(tensor).all() for tensor in weights(run).values())


@pytest.mark.slow
def test_a_process_that_is_lost_ends_the_others_in_one_line_with_the_command_that_goes_on(tmp_path):
    run, flags = tmp_path / "run", ["--epochs", "5000", "--checkpoint-steps", "50", "--devices", "2"]
    command = [*RUN, "train", "simclr", *FLAGS, *flags, "--out", str(run)]
    first = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT)
    until = time.monotonic() + 300
    while not checkpoints(run / "checkpoints"):
        assert time.monotonic() < until
        assert first.poll() is None, first.communicate()[1]
        time.sleep(0.2)
    children = subprocess.run(["pgrep", "-P", str(first.pid)], capture_output=True, text=True, check=True).stdout
    for child in children.split():
        os.kill(int(child), signal.SIGKILL)
    _, error = first.communicate(timeout=200)
    assert first.returncode == 2, error
    (line,) = [line for line in error.splitlines() if line.strip()]
    assert "expected all 2 processes to the end, got one that ended or does not answer" in line
    assert line.endswith(f"continue with: holdfast resume {run}")
