"""Encoders that were trained elsewhere: their run folders say what they were trained on, at which size and how."""

import json

import numpy as np
import pytest
from small_runs import train_run

from holdfast.audits import given_pairs
from holdfast.findings import Finding

ASIDE = "audits/two-encoders"


@pytest.fixture(scope="module")
def ids(trained):
    """The 120 images that runs here are made from."""
    record = json.loads((trained / "ids.json").read_text())
    return sorted(record["train"] + record["held_out"])


@pytest.fixture(scope="module")
def pair(tmp_path_factory, ids):
    """f and g on overlapping parts of the same images, by index files: 20 in neither."""
    root = tmp_path_factory.mktemp("pair")
    (root / "f.json").write_text(json.dumps(ids[:80]))
    (root / "g.json").write_text(json.dumps(ids[20:100]))
    return [train_run(root / name, more=f"--holdout 0 --long-tail {root / name}.json") for name in ("f", "g")]


def partition(path, **parts):
    path.write_text(json.dumps(parts))
    return path


def test_parts_size_and_views_come_from_the_runs(pair, ids, tmp_path, monkeypatch, said):
    monkeypatch.chdir(tmp_path)
    f, g = pair
    said(f"memorization --two-encoders {f} {g} --views 4")
    finding = Finding.load(tmp_path / ASIDE / "memorization.json")
    assert finding.settings["image_size"] == 8
    assert finding.settings["parts"] == {"shared": 60, "candidate": 20, "independent": 20, "external": 20}
    assert finding.settings["view_settings"] == json.loads((f / "config.json").read_text())["views"]
    assert set(finding.columns["id"][finding.columns["part"] == "candidate"]) == set(ids[:20])


def test_another_size_is_refused(pair, refused):
    f, g = pair
    assert "expected images of 8 px" in refused(f"memorization --two-encoders {f} {g} --image-size 16")


def test_swapped_encoders_are_refused_with_the_right_order(pair, ids, tmp_path, refused):
    f, g = pair
    parts = partition(tmp_path / "parts.json", candidate=ids[:20], external=ids[100:])
    error = refused(f"memorization --two-encoders {g} {f} --partition {parts}")
    assert f"the wrong way round: --two-encoders {f} {g}" in error


def test_a_null_that_g_was_trained_on_is_refused(pair, ids, tmp_path, refused):
    f, g = pair
    parts = partition(tmp_path / "parts.json", candidate=ids[:20], external=ids[80:110])
    error = refused(f"memorization --two-encoders {f} {g} --partition {parts}")
    assert "expected external images that g did not train on, got 20 of 30" in error


def test_images_of_another_source_are_refused_with_both_checksums(pair, tmp_path, refused):
    f, g = pair
    pixels = np.random.default_rng(0).integers(0, 256, (120, 8, 8, 3), dtype=np.uint8)
    np.savez(tmp_path / "other.npz", images=pixels)
    error = refused(f"memorization --two-encoders {f} {g} --data {tmp_path / 'other.npz'}")
    assert "ids mean nothing in another source" in error
    assert json.loads((f / "ids.json").read_text())["checksum"] in error


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"candidate": [0, 5.6]}', "got 5.6"),
        ('{"candidate": ["3"]}', "got '3'"),
        ('{"candidate": [true]}', "got True"),
        ('{"candidate": [-1]}', "got -1"),
        ('{"candidate": 3}', "got 3"),
        ('{"candidate": []}', "candidate among them and not empty"),
        ('{"external": [3]}', "candidate among them"),
        ('{"candidates": [3]}', "parts of shared, candidate"),
        ("[1, 2]", "parts of shared, candidate"),
        ("{", "expected JSON"),
        ('{"candidate": [1], "external": [1]}', "got 1 twice"),
        ('{"candidate": [4000]}', "that it has not (4000 first)"),
    ],
)
def test_malformed_partitions_are_one_line(text, reason, pair, tmp_path, refused):
    (tmp_path / "parts.json").write_text(text)
    error = refused(f"memorization --two-encoders {pair[0]} {pair[1]} --partition {tmp_path / 'parts.json'}")
    assert reason in error
    assert reason in refused(f"memorization --two-encoders timm/test_resnet timm/test_resnet --data digits "
                             f"--partition {tmp_path / 'parts.json'}")  # fmt: skip


def test_an_encoder_that_says_nothing_needs_a_partition(pair, refused):
    assert "expected --partition" in refused(f"memorization --two-encoders {pair[0]} timm/test_resnet")


def test_what_makes_scores_worthless_is_a_caution_on_screen_and_in_the_finding(pair, ids, tmp_path, monkeypatch, said):
    monkeypatch.chdir(tmp_path)
    f, g = pair
    parts = partition(tmp_path / "parts.json", candidate=ids[:20], external=ids[100:])
    three = f"{f} {g} {f} {g} {f} {g}"
    out = said(f"memorization --two-encoders {three} --partition {parts} --views 4")
    assert "3 pairs were given and only 1 of them differ" in out
    assert "1 pair is too few to rank images" in out
    parts = partition(tmp_path / "f.json", candidate=ids[:20])
    out = said(f"memorization --two-encoders {f} timm/test_resnet --partition {parts} --views 4 --study untrained")
    assert "timm/test_resnet has random weights" in out
    warnings = Finding.load(tmp_path / "untrained" / "memorization.json").settings["warnings"]
    assert any("random weights" in warning for warning in warnings)


def test_equal_pictures_in_two_parts_are_a_caution(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (12, 8, 8, 3), dtype=np.uint8)
    pixels[7] = pixels[2]
    np.savez(tmp_path / "copies.npz", images=pixels)
    parts = partition(tmp_path / "parts.json", candidate=[*range(6)], external=[*range(6, 12)])
    names = [("timm/test_resnet", "timm/test_resnet")]
    pairs = given_pairs(names, str(tmp_path / "copies.npz"), parts)
    assert any("1 pictures are in several parts" in caution for caution in pairs.facts["warnings"])


def test_runs_that_differ_in_more_than_their_images_are_a_caution(pair, hot):
    pairs = given_pairs([(str(pair[0]), str(hot))], None, None)
    assert any("temperature 0.2 and 0.9" in caution for caution in pairs.facts["warnings"])
