"""Findings in a folder belong to one encoder and one test set; the odd one is set aside and named."""

import json
import shutil

import numpy as np
import pytest
from small_runs import train_run

from holdfast.findings import Finding
from holdfast.report import card, compare
from holdfast.report.collect import read


def test_findings_of_the_encoder_before_more_epochs_are_set_aside(measured, own, tmp_path, said, refused):
    run, longer = own(measured), train_run(tmp_path / "longer", more="--epochs 2")
    for name in ("encoder.safetensors", "encoder.json", "config.json"):
        shutil.copy(longer / name, run / name)
    error = refused(f"report {run} --out {tmp_path / 'page.html'}")
    before = Finding.load(run / "findings" / "quality.json").settings["encoder_checksum"]
    assert before in error and json.loads((run / "encoder.json").read_text())["checksum"] in error
    assert "measure again" in refused(f"card {run}")
    out = said(f"audit {run} --axes quality --no-atlas")
    assert f"Set aside, balance of {run}: it is of encoder {before}" in out
    assert "Set aside, balance" in (run / "report.html").read_text()
    document = card(run)
    assert [axis["axis"] for axis in document["axes"]] == ["quality"]
    assert document["set_aside"][0]["axis"] == "balance"
    said(f"card {run} --out {tmp_path / 'card'}")
    assert "## Set aside" in (tmp_path / "card" / "README.md").read_text()


def test_an_axis_on_other_test_images_is_set_aside(measured, own, tmp_path, said):
    run = own(measured)
    rng = np.random.default_rng(0)
    pixels, labels = rng.integers(0, 256, (60, 8, 8, 3), dtype=np.uint8), np.arange(60) % 10
    np.savez(tmp_path / "test.npz", images=pixels, labels=labels)
    out = said(f"audit {run} --axes tail --test {tmp_path / 'test.npz'} --no-page --no-atlas")
    assert "Set aside, tail" in out
    found = read(run)
    assert set(found.findings) == {"quality", "balance"}
    sums = [Finding.load(run / "findings" / f"{name}.json").settings["test_checksum"] for name in ("tail", "quality")]
    assert all(one in found.set_aside[0].reason for one in sums)


def test_compare_pairs_no_picture_of_one_test_set_with_another(measured, hot, own, tmp_path, said, refused):
    other, rng = own(hot), np.random.default_rng(1)
    labels = np.arange(60) % 10
    np.savez(tmp_path / "test.npz", images=rng.integers(0, 256, (60, 8, 8, 3), dtype=np.uint8), labels=labels)
    said(f"audit {other} --axes quality balance --test {tmp_path / 'test.npz'} --no-page --no-atlas")
    assert "different test images" in refused(f"compare {measured} {other}")


def test_a_folder_with_findings_of_two_pairs_shows_one(studied, hot, tmp_path, monkeypatch, said):
    monkeypatch.chdir(tmp_path)
    parts = {"candidate": [*range(10)], "external": [*range(10, 30)]}
    (tmp_path / "parts.json").write_text(json.dumps(parts))
    (tmp_path / "one.json").write_text(json.dumps({"candidate": [*range(30)]}))
    pixels = np.random.default_rng(0).integers(0, 256, (30, 8, 8, 3), dtype=np.uint8)
    np.savez(tmp_path / "images.npz", images=pixels)
    words = "--data images.npz --views 4 --two-encoders timm/test_resnet"
    said(f"memorization {words} timm/test_resnet2 --partition parts.json".replace("test_resnet2", "test_resnet"))
    said(f"memorization {words} timm/test_byobnet --partition one.json")
    found = read(tmp_path / "audits" / "two-encoders")
    assert set(found.findings) == {"memorization"}
    assert found.set_aside[0].audit == "privacy"


def test_findings_that_belong_together_are_all_shown(measured, studied):
    assert read(measured).set_aside == []
    assert read(studied).set_aside == []
    assert {axis["axis"] for axis in card(studied)["axes"]} == {"memorization", "privacy"}


def test_encoders_that_share_no_axis_stand_side_by_side_without_differences(hot, studied, own, said):
    other = own(hot)
    said(f"audit {other} --axes quality --no-page --no-atlas")
    assert compare([other, studied]).differences == []


def test_two_copies_of_one_run_are_not_two_runs(measured, studied):
    with pytest.raises(ValueError, match="expected runs of one experiment to differ in seed or split"):
        compare([measured, studied])
