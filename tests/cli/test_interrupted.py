"""What an interruption says: the command that goes on, whatever was interrupted."""

import signal
import subprocess
import sys
import time

import pytest
from faulty_runs import FLAGS

from holdfast import cli
from holdfast.engine import Interrupted

STOPPED = Interrupted(signal.SIGTERM, "runs/a ended by SIGTERM after step 3", "holdfast resume runs/a")


@pytest.mark.parametrize(
    ("words", "error", "code", "said"),
    [
        (
            "train simclr --out runs/a",
            STOPPED,
            143,
            "ended by SIGTERM after step 3; continue with: holdfast resume runs/a",
        ),
        (
            "memorization 'runs/a b' --pairs 3",
            STOPPED,
            143,
            "continue with: holdfast memorization 'runs/a b' --pairs 3",
        ),
        ("audit runs/a", KeyboardInterrupt(), 130, "interrupted; continue with: holdfast audit runs/a"),
        ("embed runs/a --out f.parquet", KeyboardInterrupt(), 130, "with: holdfast embed runs/a --out f.parquet"),
    ],
)
def test_the_command_that_goes_on_is_said(monkeypatch, capsys, words, error, code, said):
    import shlex

    def stop(name, rest):
        raise error

    monkeypatch.setattr(cli, "_run", stop)
    assert cli.main(shlex.split(words)) == code
    assert said in capsys.readouterr().err


@pytest.mark.slow
def test_an_interrupted_study_goes_on_with_the_command_that_it_names(tmp_path):
    run, study = tmp_path / "run", tmp_path / "run" / "memorization"
    assert cli.main(["train", "simclr", *FLAGS, "--epochs", "1", "--out", str(run)]) == 0
    words = ["memorization", str(run), "--pairs", "1", "--epochs", "2"]
    long = [*words[:-1], "300"]
    process = subprocess.Popen([sys.executable, "-m", "holdfast", *long], stderr=subprocess.PIPE, text=True)
    until = time.monotonic() + 200
    while not (study / "pair-0" / "f" / "metrics.jsonl").exists():
        assert time.monotonic() < until and process.poll() is None
        time.sleep(0.2)
    process.send_signal(signal.SIGTERM)
    _, error = process.communicate(timeout=100)
    assert process.returncode == 143
    (line,) = [line for line in error.splitlines() if "continue with" in line]
    assert line.endswith(f"continue with: holdfast memorization {run} --pairs 1 --epochs 300")
    assert (study / "pair-0" / "f" / "checkpoints").is_dir()
