"""`holdfast audit` without axes: everything that the data allow, an estimate before, a table and a page after."""

import json
import re
import shutil

import numpy as np
import pytest

import holdfast
from holdfast.audits import Choice
from holdfast.cli import main
from holdfast.cli.audited import AuditOptions, Minutes, audit_options, choose_budget
from holdfast.findings import Finding

TRAIN = (
    "train simclr --data digits --limit 150 --image-size 8 --encoder timm/test_resnet --epochs 1 --batch-size 64 "
    "--holdout 40 --precision 32 --signals-every 0"
)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("audited") / "run"
    assert main([*TRAIN.split(), "--out", str(folder)]) == 0
    return folder


@pytest.fixture(scope="module")
def said(run, tmp_path_factory):
    """What an audit without axes prints."""
    import contextlib
    import io

    text = io.StringIO()
    with contextlib.redirect_stdout(text):
        assert main(["audit", str(run), "--budget", "quick"]) == 0
    return text.getvalue()


def test_every_axis_that_the_data_allow_is_measured_within_the_budget_named(run, said):
    found = {path.stem: Finding.load(path) for path in (run / "findings").glob("*.json")}
    assert {"quality", "balance", "robustness", "invariance"} <= set(found)
    assert not {"memorization", "privacy"} & set(found)
    assert [found[name].settings["budget"] for name in ("robustness", "invariance")] == ["quick", "quick"]
    assert found["robustness"].settings["attack_eps"] == ["8/255"]


def test_python_measures_a_run_on_what_it_held_out_as_the_command_does(run, said):
    command = Finding.load(run / "findings" / "balance.json")
    finding = holdfast.audit(run, axes="balance")[0]
    assert len(finding.columns["id"]) == 40
    assert [score.value for score in finding.scores] == [score.value for score in command.scores]
    assert command.settings["asked"] == {"budget": "quick"}


def test_the_estimate_comes_before_and_the_table_and_the_page_after(run, said):
    lines = said.splitlines()
    places = [
        next(i for i, line in enumerate(lines) if re.search(words, line))
        for words in ("^  about .* at most on cpu: features", "^  robustness: ", "^Scores with 95", "^  page: ")
    ]
    assert places == sorted(places)
    assert "budget of robustness, invariance and equivariance: quick; others: --budget fast, --budget full" in said
    accuracy = Finding.load(run / "findings" / "quality.json")["linear_accuracy"].value
    assert f"Linear probe accuracy (percent of all test images, higher)  {accuracy:.1f}" in re.sub(" {2,}", "  ", said)
    assert "Robust accuracy at 8/255" in said
    assert f"holdfast memorization {run}" in said
    assert "SimCLR" in (run / "report.html").read_text()


def test_a_second_audit_reads_the_features_of_the_first(run, said, capsys):
    kept = {path: path.stat().st_mtime_ns for path in (run / "features").iterdir()}
    assert len(kept) == 4  # of pool and test images, by the encoder and by random weights of its network
    before = json.loads((run / "findings" / "balance.json").read_text())
    assert main(["audit", str(run), "--axes", "balance", "--no-page"]) == 0
    assert {path: path.stat().st_mtime_ns for path in (run / "features").iterdir()} == kept
    after = json.loads((run / "findings" / "balance.json").read_text())
    assert after["scores"] == before["scores"]
    assert "page:" not in capsys.readouterr().out


def test_images_without_labels_are_audited_on_what_needs_none(tmp_path, capsys):
    images = np.random.default_rng(0).integers(0, 256, (40, 8, 8, 3), dtype=np.uint8)
    np.savez(tmp_path / "plain.npz", images=images)
    words = f"audit timm/test_resnet --data {tmp_path / 'plain.npz'} --budget quick --no-cache --no-page --no-atlas"
    assert main([*words.split(), "--out", str(tmp_path / "a")]) == 0
    assert "not measured: balance; it needs labels of pool and test images: add a label column" in (
        capsys.readouterr().out
    )
    left = {path.name for path in (tmp_path / "a").iterdir()}
    assert {"quality.json", "robustness.json", "invariance.json"} <= left
    assert not {"features", "report.html", "balance.json"} & left


def test_an_axis_that_the_images_do_not_allow_is_refused_before_anything_is_measured(tmp_path, capsys):
    np.savez(tmp_path / "plain.npz", images=np.zeros((40, 8, 8, 3), dtype=np.uint8))
    words = f"audit timm/test_resnet --data {tmp_path / 'plain.npz'} --axes quality balance"
    assert main([*words.split(), "--out", str(tmp_path / "a")]) == 2
    assert "add a label column" in capsys.readouterr().err
    assert not (tmp_path / "a").exists()


def test_named_axes_get_the_full_budget_and_others_what_fits_the_minutes(run):
    def chosen(**options):
        return choose_budget(AuditOptions(encoders=(str(run),), **options), frozenset())

    assert chosen(axes=("robustness",)) == Choice("full")
    assert chosen(budget="fast") == Choice("fast")
    assert chosen(minutes=1e9) == Choice("full")
    none = chosen(minutes=0.0)
    assert none.budget == "quick" and set(none.left_out) == {"robustness", "invariance"}


def test_what_does_not_fit_into_the_minutes_is_left_out_with_the_command_that_measures_it(run, tmp_path, capsys):
    copy = shutil.copytree(run, tmp_path / "copy", ignore=shutil.ignore_patterns("findings", "features"))
    assert main(["audit", str(copy), "--minutes", "0.001", "--seed", "3", "--no-page", "--no-atlas"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert not (copy / "findings" / "robustness.json").exists()
    assert re.search(r"not measured: robustness, which would take about \S+ s here, more than is left of", said)
    assert f"--minutes 0.001: holdfast audit {copy} --axes robustness --seed 3 --budget quick" in said


def test_an_axis_does_not_begin_when_those_before_took_longer_than_was_thought():
    left = Minutes(10, {"robustness": 200.0, "invariance": 300.0, "quality": 5.0}, {})
    assert left.allow("robustness")
    left.spend("robustness", 400.0)
    assert left.allow("quality"), "--minutes is about robustness and invariance"
    assert not left.allow("invariance") and left.left_out == {"invariance": 600.0}
    assert left.said("holdfast audit RUN --axes {}".format) == [
        "  not measured: invariance, which would take about 10 minutes here, more than is left of --minutes 10: "
        "holdfast audit RUN --axes invariance"
    ]
    early = Minutes(10, {"robustness": 200.0, "invariance": 300.0}, {})
    early.spend("robustness", 150.0)
    assert early.allow("invariance")


def test_an_option_that_is_written_out_wins_over_the_budget():
    options = AuditOptions(encoders=(), attack_images=1000, attack_steps=7)
    measured = audit_options(options, "quick", frozenset({"attack_images"}))
    assert (measured.attack_images, measured.attack_steps, measured.shift_images) == (1000, 7, 50)


def test_a_load_is_shown_in_a_block_recorded_in_findings_and_random_weights_are_called_random(tmp_path, capsys):
    words = f"audit timm/test_resnet --data digits --axes quality --no-atlas --device cpu --out {tmp_path / 'a'}"
    assert main(words.split()) == 0
    shown = capsys.readouterr().out
    assert "weights: RANDOM" in shown and "timm/test_resnet (random weights)" in shown
    recorded = json.loads((tmp_path / "a" / "quality.json").read_text())["settings"]
    assert recorded["load"]["weights"] == "random" and recorded["name"] == "timm/test_resnet (random weights)"
    assert "(random weights)" in (tmp_path / "a" / "report.html").read_text()
