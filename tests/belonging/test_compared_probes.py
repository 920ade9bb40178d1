"""Compare checks what probes were fitted on, and pairs only the same pictures."""

import json

import numpy as np
import pytest

from holdfast.report import compare

pytestmark = pytest.mark.slow


def audited(said, source, folder, more):
    said(f"audit {source} --no-page --no-atlas --out {folder} {more}")
    return folder


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Two sources to fit probes on, one ten times the other, and test images."""
    root, rng = tmp_path_factory.mktemp("files"), np.random.default_rng(0)
    for name, count in (("many", 400), ("few", 40), ("test", 60)):
        labels = np.arange(count) % 4
        pixels = rng.integers(0, 100, (count, 8, 8, 3)) + 30 * labels[:, None, None, None]
        np.savez(root / f"{name}.npz", images=pixels.astype(np.uint8), labels=labels)
    return root


def test_ten_times_the_probe_images_are_no_better_encoder(files, tmp_path, said):
    words = f"--test {files / 'test.npz'} --axes quality balance"
    few = audited(said, "timm/test_resnet", tmp_path / "few", f"--data {files / 'few.npz'} {words}")
    many = audited(said, "timm/test_resnet", tmp_path / "many", f"--data {files / 'many.npz'} {words}")
    found = compare([few, many])
    assert found.differences == []
    assert "Measured differently, balance and quality: probe images is 400" in found.text


def test_as_many_other_probe_images_are_told_apart(files, tmp_path, said):
    document = np.load(files / "few.npz")
    np.savez(tmp_path / "other.npz", images=document["images"][::-1], labels=document["labels"][::-1])
    words = f"--test {files / 'test.npz'} --axes quality"
    one = audited(said, "timm/test_resnet", tmp_path / "one", f"--data {files / 'few.npz'} {words}")
    two = audited(said, "timm/test_resnet", tmp_path / "two", f"--data {tmp_path / 'other.npz'} {words}")
    assert "probe identity is" in compare([one, two]).text


def test_another_few_shot_share_takes_the_few_shot_scores_alone(files, tmp_path, said):
    words = f"--data {files / 'many.npz'} --test {files / 'test.npz'} --axes balance"
    folders = [
        audited(said, "timm/test_resnet", tmp_path / f"share{share}", f"{words} --few-shot-share 0.{share}")
        for share in ("05", "5")
    ]
    found = compare(folders)
    assert not [d for d in found.differences if d.score.name.startswith("few_shot_")]
    assert [d for d in found.differences if d.score.name == "all"]
    assert "Measured differently, balance: few shot images is" in found.text


def test_two_unlabelled_sources_with_the_same_ids_are_not_paired(tmp_path, monkeypatch, said):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    (tmp_path / "parts.json").write_text(json.dumps({"candidate": [*range(15)], "external": [*range(15, 30)]}))
    for name in ("a", "b"):
        np.savez(f"{name}.npz", images=rng.integers(0, 256, (30, 8, 8, 3), dtype=np.uint8))
        words = f"--two-encoders timm/test_resnet timm/test_byobnet --data {name}.npz --partition parts.json --views 4"
        said(f"memorization {words} --study {name}")
    found = compare(["a", "b"])
    assert found.differences == []
    assert "scored checksum is" in found.text


def test_one_test_image_a_class_gives_no_verdict(tmp_path, said):
    rng, labels = np.random.default_rng(3), np.arange(60) % 4
    for name, count in (("probe", 60), ("test", 4)):
        pixels = rng.integers(0, 256, (count, 8, 8, 3), dtype=np.uint8)
        np.savez(tmp_path / f"{name}.npz", images=pixels, labels=labels[:count])
    words = f"--data {tmp_path / 'probe.npz'} --test {tmp_path / 'test.npz'} --axes balance quality"
    names = ("test_resnet", "test_byobnet", "test_efficientnet")
    folders = [audited(said, f"timm/{name}", tmp_path / name, words) for name in names]
    found = compare(folders)
    assert {d.value for d in found.differences if d.score.name == "all"} != {0.0}
    assert not [d for d in found.differences if d.score.unit == "percent" and "better" in d.reading]
