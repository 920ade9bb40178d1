"""From images to a page, by the commands of the README, on toy data: what the files say."""

import json

import numpy as np
import pytest

from holdfast.cli import main
from holdfast.findings import Finding

TRAIN = (
    "--data digits --limit 600 --long-tail exp:5 --holdout 150 --encoder timm/test_resnet --epochs 2 --batch-size 64"
)


@pytest.fixture(scope="module")
def audited(tmp_path_factory):
    """A SimCLR run and an SDCLR run, trained and audited."""
    folder = tmp_path_factory.mktemp("runs")
    runs = [folder / "simclr", folder / "sdclr"]
    for run in runs:
        assert main(["train", run.name, *TRAIN.split(), "--precision", "32", "--out", str(run)]) == 0
    assert main(["audit", *map(str, runs), "--axes", "quality", "balance"]) == 0
    return runs


def test_the_run_folder_says_what_was_done(audited):
    for run in audited:
        config, ids = (json.loads((run / f"{name}.json").read_text()) for name in ("config", "ids"))
        assert (config["method"], config["epochs"], config["image_size"], config["stem"]) == (run.name, 2, 32, "small")
        assert len(ids["held_out"]) == 150
        assert not set(ids["train"]) & set(ids["held_out"])
        assert sum(ids["counts"]) == len(ids["train"])
        rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
        assert [row["epoch"] for row in rows if row["kind"] == "epoch"] == [1, 2]
        signals = [row for row in rows if row["kind"] == "signals"]
        assert {"alignment", "uniformity", "effective_rank", "feature_std", "knn_accuracy"} <= set(signals[-1])
        assert (run / "encoder.safetensors").exists()


def test_balance_is_what_the_table_per_image_says(audited):
    for run in audited:
        finding = Finding.load(run / "findings" / "balance.json")
        ids = json.loads((run / "ids.json").read_text())
        assert sorted(finding.columns["id"].tolist()) == sorted(ids["held_out"])
        correct, label = finding.columns["correct"], finding.columns["label"]
        per_class = np.array([100 * correct[label == c].mean() for c in range(10)])
        assert finding["all"].value == pytest.approx(per_class.mean())
        assert finding["worst_class"].value == pytest.approx(per_class.min())
        groups = {row["class"]: row["group"] for row in finding.tables["per_class"]}
        assert sorted(groups.values()).count("few") == 3
        means = [
            np.mean([row["accuracy"] for row in finding.tables["per_class"] if row["group"] == name])
            for name in ("many", "medium", "few")
        ]
        assert finding["std_published"].value == pytest.approx(np.std(means))
        assert finding["std"].value <= finding["std_published"].value
        assert finding["all"].value > 50, "a linear probe on digits reads most of them"
        assert finding.settings["test_images"] == 150


def test_the_page_shows_both_encoders_and_their_numbers(audited, tmp_path):
    page = tmp_path / "report.html"
    assert main(["report", *map(str, audited), "--out", str(page)]) == 0
    text = page.read_text()
    for run in audited:
        value = Finding.load(run / "findings" / "balance.json")["all"].value
        assert f"{value:.1f}" in text
    assert "SimCLR" in text
    assert "SDCLR" in text
    assert "<svg" in text
    assert "http-equiv" in text
    assert 'src="http' not in text


def test_compare_prints_the_paired_difference(audited, capsys):
    assert main(["compare", *map(str, audited)]) == 0
    printed = capsys.readouterr().out
    first, second = (Finding.load(run / "findings" / "balance.json")["all"].value for run in audited)
    assert f"{second - first:+.1f}" in printed


def test_any_encoder_can_be_audited(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = "audit timm/test_resnet --data digits --image-size 32 --axes quality --name untrained --no-page"
    assert main(words.split()) == 0
    finding = Finding.load(tmp_path / "audits" / "untrained" / "quality.json")
    assert finding["linear_accuracy"].value > 20, "random features of digits still read some of them"


def test_a_second_audit_gives_the_same_finding(audited):
    run = audited[0]
    before = json.loads((run / "findings" / "balance.json").read_text())
    assert main(["audit", str(run), "--axes", "quality", "balance", "--no-page"]) == 0
    after = json.loads((run / "findings" / "balance.json").read_text())
    for document in (before, after):
        document["settings"].pop("seconds")
        document.pop("settings_digest")
    assert after == before
