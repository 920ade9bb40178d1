"""`holdfast memorization`, from a run to the table, the gallery and the report."""

import json

import numpy as np
import pyarrow.parquet as pq
import pytest

from holdfast.cli import main
from holdfast.cli.audited import left_out
from holdfast.findings import Finding

TRAIN = (
    "train simclr --data digits --limit 120 --image-size 8 --encoder timm/test_resnet --epochs 1 --batch-size 64 "
    "--holdout 10 --precision 32 --signals-every 0"
)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("command") / "run"
    assert main([*TRAIN.split(), "--out", str(folder)]) == 0
    return folder


def test_a_run_gets_pairs_scores_table_gallery_and_removal(run, capsys):
    words = f"memorization {run} --views 4 --external 0.3 --candidates 0.2 --planted 3 --remove top:4,random:4"
    assert main(words.split()) == 0
    said = capsys.readouterr().out
    assert "without top-4" in said
    assert "Measured on 6 encoders trained in 3 pairs" in said
    finding = Finding.load(run / "findings" / "memorization.json")
    assert [row["removed"] for row in finding.tables["removal"]] == ["nothing", "top-4", "random-4"]
    assert {row["kind"] for row in finding.tables["planted"]} == {"noise", "twin_shared", "twin_candidate", "others"}
    table = pq.read_table(run / "findings" / "memorization.parquet")
    assert {"id", "part", "ratio", "q", "nearest_id", "label_disagreement", "class_count"} <= set(table.column_names)
    assert (run / "findings" / "privacy.json").is_file()
    assert "data:image/png" in (run / "memorization" / "gallery.html").read_text()
    assert main(["report", str(run), "--out", str(run / "report.html")]) == 0
    page = (run / "report.html").read_text()
    assert "Measured on 6 encoders trained in 3 pairs" in page
    assert "Share of members caught against share of non-members taken for members" in page
    assert "Memorization by layer" in page


def test_two_encoders_trained_elsewhere_are_scored(run, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    np.savez("few.npz", images=np.random.default_rng(0).integers(0, 256, (30, 8, 8, 3), dtype=np.uint8))
    (tmp_path / "parts.json").write_text(json.dumps({"candidate": [*range(12)], "external": [*range(12, 30)]}))
    words = "memorization --two-encoders timm/test_byobnet timm/test_resnet --data few.npz --views 4"
    assert main([*words.split(), "--partition", "parts.json"]) == 0
    assert "1 pair is too few" in capsys.readouterr().out
    finding = Finding.load(tmp_path / "audits" / "two-encoders" / "memorization.json")
    assert (finding.columns["part"] == "candidate").sum() == 12
    assert main([*words.split(), "--study", "alone"]) == 0
    assert not (tmp_path / "alone" / "privacy.json").exists()


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("", "a run folder or --two-encoders"),
        ("nowhere", "expected a run folder with a config.json"),
        ("--two-encoders timm/test_resnet --data digits", "name both encoders"),
        ("--two-encoders timm/test_resnet timm/test_resnet", "expected --data with the images"),
        ("nowhere --pars 3", "did you mean --pairs"),
    ],
)
def test_input_that_cannot_be_used_is_refused_in_one_line(words, reason, capsys):
    assert main(["memorization", *words.split()]) == 2
    error = capsys.readouterr().err
    assert reason in error
    assert error.count("\n") == 1


def test_an_audit_without_pairs_says_what_they_need(run):
    pairs = ("pairs of encoders", "train them with: holdfast memorization RUN")
    missing = {"balance": ("labels", "add a label column"), "memorization": pairs, "privacy": pairs}
    lines = left_out(str(run), missing)
    assert lines == [
        "  not measured: balance; it needs labels: add a label column",
        "  not measured: memorization, privacy; they need pairs of encoders: train them with: "
        f"holdfast memorization {run}",
    ]
    assert "holdfast memorization --two-encoders F G" in left_out("timm/resnet18", missing)[1]
    assert left_out(str(run), {}) == []
