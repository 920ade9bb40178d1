"""Processes that are ended, and two that want one folder."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from faulty_runs import FLAGS, finished, interrupted, refused

import holdfast.system.lock as lock_module
from holdfast.engine.checkpoint import checkpoints
from holdfast.system import HeldError, World, first_process, launched, one_writer

ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}
LONG = ["--epochs", "200", "--checkpoint-steps", "1000000"]


def started(*words: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "holdfast", *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT)


def trains(run: Path) -> None:
    """Waits for the run's first epoch."""
    until = time.monotonic() + 120
    while not (run / "metrics.jsonl").exists():
        assert time.monotonic() < until
        time.sleep(0.1)


@pytest.mark.parametrize(
    "name", ["SIGTERM", pytest.param("SIGINT", marks=pytest.mark.slow), pytest.param("SIGUSR1", marks=pytest.mark.slow)]
)
def test_a_signal_ends_a_run_after_a_checkpoint_with_the_usual_code_and_the_command_that_goes_on(name, tmp_path):
    run, number = tmp_path / "run", getattr(signal, name)
    process = started("train", "simclr", *FLAGS, *LONG, "--out", str(run))
    trains(run)
    process.send_signal(number)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    (line,) = [line for line in error.splitlines() if line]
    assert f"ended by {name} after step" in line
    assert line.endswith(f"continue with: holdfast resume {run}")
    (path,) = checkpoints(run / "checkpoints")
    assert json.loads((path / "state.json").read_text())["step"] > 0
    assert not (run / ".lock").exists()


def test_a_folder_that_is_written_is_refused_with_pid_and_host(tmp_path, capsys):
    run = interrupted(tmp_path / "run")
    with one_writer(run):
        refused(["resume", str(run)], capsys, f"is being trained by pid {os.getpid()} on {socket.gethostname()}")
    with one_writer(run):
        pass


def test_the_lock_of_a_process_that_was_killed_is_taken_over(tmp_path):
    code = "import os; from pathlib import Path; from holdfast.system import one_writer\n"
    code += f"with one_writer(Path({str(tmp_path)!r})): os.kill(os.getpid(), 9)"
    subprocess.run([sys.executable, "-c", code], check=False, env=ENVIRONMENT)
    assert (tmp_path / ".lock").exists()
    with one_writer(tmp_path):
        pass


def test_the_lock_of_another_host_holds_until_it_has_shown_no_sign_of_life_for_minutes(tmp_path):
    lock = tmp_path / ".lock"
    lock.write_text(json.dumps({"pid": 7, "host": "elsewhere"}))
    with pytest.raises(HeldError, match="pid 7 on elsewhere"), one_writer(tmp_path):
        pass
    os.utime(lock, (time.time() - 600, time.time() - 600))
    with one_writer(tmp_path):
        pass


def test_a_lock_of_another_host_from_the_future_holds_while_its_time_moves_on_and_no_longer(tmp_path, monkeypatch):
    monkeypatch.setattr(lock_module, "BEAT_SECONDS", 0.2)
    lock, ahead = tmp_path / ".lock", time.time() + 9_000_000
    lock.write_text(json.dumps({"pid": 7, "host": "elsewhere"}))
    os.utime(lock, (ahead, ahead))
    beats = threading.Timer(0.1, os.utime, (lock, (ahead + 20, ahead + 20)))
    beats.start()
    with pytest.raises(HeldError, match="pid 7 on elsewhere"), one_writer(tmp_path):
        pass
    beats.join()
    with one_writer(tmp_path):
        pass


@pytest.mark.slow
@pytest.mark.parametrize("seed", ["1", "2"])
def test_a_run_that_goes_on_under_another_hash_seed_ends_in_the_same_bits(seed, tmp_path):
    run = interrupted(tmp_path / "run")
    shutil.rmtree(checkpoints(run / "checkpoints")[-1])
    command = [sys.executable, "-m", "holdfast", "resume", str(run)]
    subprocess.run(command, check=True, capture_output=True, env={**ENVIRONMENT, "PYTHONHASHSEED": seed})
    for name in ("encoder.safetensors", "ids.json"):
        assert (run / name).read_bytes() == (finished() / name).read_bytes()


@pytest.mark.slow
def test_of_two_processes_that_train_into_one_folder_one_does_and_the_other_says_so(tmp_path):
    run = tmp_path / "run"
    both = [started("train", "simclr", *FLAGS, "--out", str(run)) for _ in range(2)]
    ends = [process.communicate(timeout=300) for process in both]
    assert sorted(process.returncode for process in both) == [0, 2]
    (error,) = [error for _, error in ends if error]
    assert error.count("\n") == 1
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert [row["epoch"] for row in rows] == [1, 2]


def test_the_environment_says_how_many_processes_there_are_and_who_speaks():
    torchrun = {"WORLD_SIZE": "4", "LOCAL_WORLD_SIZE": "2", "RANK": "3", "LOCAL_RANK": "1"}
    assert launched(torchrun) == World(4, 2, "torchrun")
    assert launched({"SLURM_STEP_NUM_TASKS": "4", "SLURM_STEP_NUM_NODES": "2"}) == World(4, 2, "srun")
    assert launched({"SLURM_NTASKS": "4"}) is None, "a batch script without srun is one process"
    assert launched({}) is None
    assert first_process({})
    assert not first_process(torchrun)
    assert not first_process({"LOCAL_RANK": "1"}), "one that Fabric started"
    with pytest.raises(ValueError, match="expected WORLD_SIZE of the launcher to be a number"):
        launched({**torchrun, "WORLD_SIZE": "two"})
