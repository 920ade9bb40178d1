"""Removal is keyed by the removed ids; rows stay; the test set is named; what cannot be removed is refused first."""

import json

import numpy as np
import pytest

from holdfast.findings import Finding
from holdfast.studies import check_removal

pytestmark = pytest.mark.slow

STUDY = "--pairs 1 --views 4 --external 0.3 --candidates 0.2 --planted 2"


def rows(run):
    return json.loads((run / "memorization" / "removal.json").read_text())


def test_another_ranking_removes_other_images_and_trains_anew(studied, own, said):
    run = own(studied)
    out = said(f"memorization {run} {STUDY} --remove top:3")
    assert "on the study's external images" in out
    said(f"memorization {run} {STUDY} --remove top:3 --views 6")
    folders = sorted(path.name for path in (run / "memorization" / "removed").iterdir())
    removed = {row["ids"] for row in rows(run) if row["removed"] == "top-3"}
    assert {f"top-3-{ids}" for ids in removed} == set(folders)


def test_rows_of_other_rules_and_test_sets_stay_and_name_theirs(studied, own, said, tmp_path):
    run, rng = own(studied), np.random.default_rng(0)
    said(f"memorization {run} {STUDY} --remove random:2")
    pixels = rng.integers(0, 256, (40, 8, 8, 3), dtype=np.uint8)
    names = np.array([str(i) for i in range(10)])
    np.savez(tmp_path / "test.npz", images=pixels, labels=np.arange(40) % 10, classes=names)
    said(f"memorization {run} {STUDY} --remove random:3 --test {tmp_path / 'test.npz'}")
    found = {(row["removed"], row["test"]) for row in rows(run)}
    outside, given = "the study's external images", str(tmp_path / "test.npz")
    assert found == {("nothing", outside), ("random-2", outside), ("nothing", given), ("random-3", given)}
    table = Finding.load(run / "findings" / "memorization.json").tables["removal"]
    assert len(table) == 4 and len({row["test_checksum"] for row in table}) == 2


@pytest.mark.parametrize("rule", ["top:10000", "random:24"])
def test_more_than_there_are_is_refused_before_any_encoder_is_trained(trained, own, refused, rule):
    run = own(trained)
    error = refused(f"memorization {run} --pairs 1 --views 4 --external 0.3 --candidates 0.2 --remove {rule}")
    assert "expected to remove fewer than all" in error
    assert not (run / "memorization" / "study.json").exists()
    assert not list((run / "memorization").glob("pair-*"))


def test_images_without_labels_are_refused_before_any_encoder_is_trained(tmp_path, refused, said):
    pixels = np.random.default_rng(0).integers(0, 256, (80, 8, 8, 3), dtype=np.uint8)
    np.savez(tmp_path / "plain.npz", images=pixels)
    said(
        f"train simclr --data {tmp_path / 'plain.npz'} --encoder timm/test_resnet --epochs 1 --batch-size 32 "
        f"--precision 32 --signals-every 0 --holdout 0 --out {tmp_path / 'run'}"
    )
    error = refused(f"memorization {tmp_path / 'run'} --pairs 1 --remove top:2")
    assert "expected labels" in error
    assert not (tmp_path / "run" / "memorization" / "study.json").exists()


def test_a_test_set_of_other_classes_is_refused(studied, tmp_path, refused):
    pixels = np.random.default_rng(0).integers(0, 256, (10, 8, 8, 3), dtype=np.uint8)
    np.savez(tmp_path / "cats.npz", images=pixels, labels=np.arange(10) % 2, classes=np.array(["cat", "dog"]))
    error = refused(f"memorization {studied} {STUDY} --remove top:2 --test {tmp_path / 'cats.npz'}")
    assert "got 'cat'" in error


def test_what_can_be_removed_passes(studied):
    from holdfast.data import load_images

    check_removal([("top", 3)], 4, load_images("digits", size=8, limit=20), None)
