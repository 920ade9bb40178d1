"""Every row of docs/results.md has its script run at toy scale: trained, measured, written, and not trained again.

The demo has its own test (tests/cli/test_demo_command.py); questions, removal, recipe and wanted invariances have
theirs beside this file.
"""

import json
from dataclasses import replace

import pytest
from little_cifar import write_little_cifar

import families
import lore_downloaded
import memorization_cifar10
import robustness_cifar10
import spirograph_study

pytestmark = pytest.mark.slow


@pytest.fixture
def cifar(tmp_path):
    return write_little_cifar(tmp_path)


def call(monkeypatch, script, *words) -> None:
    monkeypatch.setattr("sys.argv", ["script", *map(str, words)])
    script.main()


def test_students_of_the_families_are_taught_by_a_run_that_is_trained_first(tmp_path, monkeypatch, capsys):
    words = ("--tiny", "--seeds", 1, "--only", "dynacl++", "deacl", "--out", tmp_path)
    call(monkeypatch, families, *words)
    runs = json.loads((tmp_path / "families.json").read_text())["runs"]
    assert runs.keys() == {"dynacl++", "deacl"}
    for name, teacher in {"dynacl++": "dynacl", "deacl": "simclr"}.items():
        config = json.loads((tmp_path / name / "0" / "config.json").read_text())
        assert config["settings"]["teacher"] == str(tmp_path / teacher / "0")
        assert (tmp_path / teacher / "0" / "cpu_seconds.json").is_file(), "its own row knows what it cost"
    for run in runs.values():
        assert set(run["seeds"]["0"]["axes"]) == set(families.KEPT)
    capsys.readouterr()
    call(monkeypatch, families, *words)
    assert capsys.readouterr().out == "", "a run that is there was made again"


def test_four_methods_are_attacked_and_the_leak_is_measured(cifar, tmp_path, monkeypatch):
    results = tmp_path / "robustness.json"
    short = {"attack_eps": ("4/255", "8/255"), "attack_steps": 2, "attack_restarts": 1, "square_images": 0}
    monkeypatch.setattr(robustness_cifar10, "ATTACK", short)
    monkeypatch.setattr(robustness_cifar10, "FAST", {**robustness_cifar10.FAST, "attack_steps": 2})
    call(
        monkeypatch,
        robustness_cifar10,
        *("--data", cifar, "--images", 100, "--units", 1, "--views", 2, "--attack-images", 20, "--threads", 1),
        *("--auto-attack", "none", "--no-authors-schedule", "--out", tmp_path / "runs", "--results", results),
    )
    found = json.loads(results.read_text())
    assert {row["run"] for row in found["rows"]} == {"simclr", "emp-ssl", "robust-emp-ssl", "cf-amc-ssl"}
    passes = {row["run"]: row["passes"] for row in found["rows"]}
    assert len(set(passes.values())) == 1, "rows of one table have one budget"
    assert -1 <= found["leaked_gradients"]["cosine"] <= 1 < found["leaked_gradients"]["length_ratio"]


def test_pairs_of_two_methods_are_scored(cifar, tmp_path, monkeypatch):
    whole = memorization_cifar10.settings
    monkeypatch.setattr(memorization_cifar10, "settings", lambda *a: replace(whole(*a), limit=200, long_tail=None))
    monkeypatch.setattr(memorization_cifar10, "STUDY", replace(memorization_cifar10.STUDY, planted=2))
    monkeypatch.chdir(tmp_path)
    words = ("--data", cifar / "train.parquet", "--out", tmp_path / "runs", "--passes", 4)
    call(monkeypatch, memorization_cifar10, *words, "--methods", "simclr", "sdclr")
    found = json.loads((tmp_path / "results" / "memorization_cifar10.json").read_text())
    for name in ("simclr", "sdclr"):
        assert -2 <= found[name]["memorization"]["scores"]["centred_candidate"]["value"] <= 2
        assert 0 <= found[name]["privacy"]["scores"]["auc_difference"]["value"] <= 1


def test_spirograph_is_regressed_on_with_and_without_the_penalty(tmp_path, monkeypatch):
    for name, value in {"HEAD_IMAGES": 100, "TEST_IMAGES": 60, "VARIED_IMAGES": 20, "VARIED_PASSES": 2}.items():
        monkeypatch.setattr(spirograph_study, name, value)
    results = tmp_path / "spirograph.json"
    words = ("--images", 1200, "--epochs", 1, "--seeds", 1, "--out", tmp_path / "runs", "--results", results)
    call(monkeypatch, spirograph_study, *words, "--arms", "plain", "pair 0.01")
    runs = json.loads(results.read_text())["runs"]
    assert [run["arm"] for run in runs] == ["plain", "pair 0.01"]
    assert all(run["regression"].keys() == {"0", "1", "5", "10", "30"} for run in runs)


def test_lore_and_fare_are_measured_beside_the_encoder_as_it_came(cifar, tmp_path, monkeypatch, capsys):
    results = tmp_path / "lore.json"
    words = ("--tiny", "--seeds", 1, "--data", cifar, "--out", tmp_path / "runs", "--results", results)
    call(monkeypatch, lore_downloaded, *words)
    found = json.loads(results.read_text())
    assert tuple(found["scores"]) == tuple(found["runs"]) == lore_downloaded.ARMS
    passes = [found["runs"][name]["0"]["passes_per_image"] for name in ("lore", "fare")]
    assert min(passes) > 23 and max(passes) <= 30, "passes are equal to an epoch"
    start = found["scores"][lore_downloaded.START]
    assert start["cosine"]["value"] == pytest.approx(1) and start["shift"]["value"] == pytest.approx(0, abs=1e-6)
    assert start["linear"]["value"] == start["kept probe"]["value"]
    for cells in found["scores"].values():
        budgets = [cells[name]["value"] for name in ("clean", *lore_downloaded.ROBUST)]
        assert budgets == sorted(budgets, reverse=True), "a larger budget leaves no more right"
    assert {"above as it came", "above fare"} <= found["scores"]["lore"]["robust 2/255"].keys()
    capsys.readouterr()
    call(monkeypatch, lore_downloaded, *words)
    assert capsys.readouterr().out == "", "an encoder that is there was made again"
