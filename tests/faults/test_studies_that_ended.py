"""A study that was ended or damaged: its run is audited without it, and the reason is said."""

import json
import shutil
import signal
import subprocess
import sys
import time

import pytest
from damages import ANY, JSON
from faulty_runs import finished, flip, refused, said

from holdfast.audits.subject import made_of
from holdfast.audits.subject.studies import unusable_study
from holdfast.runs import RunFolder

QUICK = ["--no-page", "--no-atlas", "--budget", "quick", "--attack-images", "4", "--corruption-images", "4"]


@pytest.fixture
def run(tmp_path):
    """A run with what a study of one pair leaves; its encoders are the run's own."""
    run = RunFolder(shutil.copytree(finished(), tmp_path / "run", ignore=shutil.ignore_patterns("checkpoints")))
    ids, config = run.read_ids(), run.read_config()
    named = ("data", "image_size", "limit", "limit_seed", "checksum")
    record = {name: ids[name] for name in named} | {"schema": 1, "seed": 0, "run": config, "of": made_of(ids)}
    record |= {"settings": {"epochs": None}, "planted": None, "duplicates": {}, "partition_checksum": ""}
    record |= {"parts": {"candidate": ids["train"]}, "pairs": [["pair-0/f", "pair-0/g"]], "pair_seeds": [[1, 2]]}
    for which in "fg":
        shutil.copytree(finished(), run.study / "pair-0" / which, ignore=shutil.ignore_patterns("checkpoints"))
    (run.study / "study.json").write_text(json.dumps(record))
    return run


def test_a_whole_study_is_used_and_one_without_an_encoder_is_not(run):
    assert unusable_study(run.study, run.path) is None
    (run.study / "pair-0" / "g" / "encoder.safetensors").unlink()
    assert unusable_study(run.study, run.path) == f"a finished study, as that in {run.study} has 1 of 2 encoders"


def test_a_study_with_a_flipped_bit_in_an_encoder_is_not_used(run):
    flip(run.study / "pair-0" / "f" / "encoder.safetensors")
    assert "is damaged (expected" in str(unusable_study(run.study, run.path))


@pytest.mark.parametrize("name", [*ANY, *JSON])
def test_a_damaged_record_is_told_and_not_used(name, run, capsys):
    (ANY | JSON)[name](run.study / "study.json")
    why = unusable_study(run.study, run.path)
    assert why is not None
    assert "a whole study, as that in" in why
    if name in ("cut", "a loop"):
        refused(["audit", str(run.path), "--axes", "memorization", "--no-page"], capsys, "study.json", "is damaged")
        refused(["memorization", str(run.path), "--pairs", "1"], capsys, "study.json")


def test_encoders_without_the_record_of_their_study_are_not_taken_for_another_ones(run, capsys):
    (run.study / "study.json").unlink()
    refused(["memorization", str(run.path), "--pairs", "1"], capsys, "2 encoders that nobody knows", "--study")


@pytest.mark.slow
def test_after_sigint_in_a_study_its_run_is_audited_on_the_other_axes_and_the_study_goes_on(tmp_path, capsys):
    run = shutil.copytree(finished(), tmp_path / "run")
    words = ["memorization", str(run), "--pairs", "1", "--views", "4"]
    long = [*words, "--epochs", "400"]
    process = subprocess.Popen([sys.executable, "-m", "holdfast", *long], stderr=subprocess.PIPE, text=True)
    until = time.monotonic() + 120
    while not (run / "memorization" / "pair-0" / "f" / "metrics.jsonl").exists():
        assert time.monotonic() < until
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in error
    code, out, error = said(["audit", str(run), *QUICK], capsys)
    assert (code, error) == (0, "")
    assert "not measured: memorization, privacy; they need a finished study" in " ".join(out.split())
    assert "has 0 of 2 encoders" in " ".join(out.split())
    shutil.rmtree(run / "memorization")
    assert said(words, capsys)[0] == 0
