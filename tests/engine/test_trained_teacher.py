"""A teacher that was trained before: what was decided of it is said and kept, random weights are refused."""

import json

import pytest
from small_methods import teacher_run

from holdfast.cli import main

WORDS = (
    "--data digits --limit 24 --holdout 4 --image-size 16 --encoder timm/test_resnet --epochs 1 --batch-size 10 "
    "--precision 32 --signals-every 0"
).split()


def test_what_was_decided_of_a_teacher_is_said_and_kept(tmp_path, capsys):
    run = tmp_path / "run"
    assert main(["train", "deacl", *WORDS, "--teacher", teacher_run(), "--out", str(run)]) == 0
    said = capsys.readouterr().out
    assert f"teacher {teacher_run()}: timm/test_resnet" in " ".join(said.split())
    for line in ("  weights: ", "  input: 16 px", "  pixels: mean 0.485", "  pooling: ", "  features: 96; checksum"):
        assert line in said
    kept = json.loads((run / "teacher.json").read_text())
    assert kept["schema"] == 1 and kept["source"] == teacher_run() and kept["weights"] == "trained"


@pytest.mark.parametrize("method", ["deacl", "lore"])
def test_a_teacher_of_random_weights_is_refused_before_anything_is_written(method, tmp_path, capsys):
    words = [*WORDS, "--stem", "standard", "--teacher", "timm/test_resnet", "--out", str(tmp_path / "run")]
    assert main(["train", method, *words]) == 2
    said = capsys.readouterr().err
    assert (
        "expected a trained --teacher, got timm/test_resnet, whose weights are random; write timm/test_resnet:pr"
        in said
    )
    assert not (tmp_path / "run").exists()
