"""`holdfast embed`: features as a file that other programs read, tied to images and encoder."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image
from safetensors import safe_open

from holdfast.cli import main
from holdfast.data import load_images
from holdfast.evaluation import extract_features
from holdfast.models import load_encoder


@pytest.fixture
def pictures(tmp_path):
    """A folder of three pictures, one of an odd name."""
    folder = tmp_path / "pictures"
    (folder / "deeper").mkdir(parents=True)
    rng = np.random.default_rng(0)
    for name in ("a.png", "deeper/b 🐈.png", 'deeper/c,"d".png'):
        Image.fromarray(rng.integers(0, 256, (20, 24, 3), dtype=np.uint8)).save(folder / name)
    return folder


def embedded(data, out, *more):
    words = f"embed timm/test_resnet --data {data} --image-size 16 --device cpu --out".split()
    assert main([*words, str(out), *more]) == 0
    return out


def test_a_table_has_ids_paths_and_the_encoders_own_features(pictures, tmp_path, capsys):
    table = pq.read_table(embedded(pictures, tmp_path / "out" / "f.parquet"))
    assert "3 images × 96, with ids, paths" in capsys.readouterr().out
    images = load_images(str(pictures), size=16)
    features = extract_features(load_encoder("timm/test_resnet"), images)
    np.testing.assert_array_equal(np.stack(table["features"].to_numpy()), features.numpy())
    assert table["id"].to_pylist() == images.ids.tolist()
    assert sorted(table["path"].to_pylist()) == ["a.png", "deeper/b 🐈.png", 'deeper/c,"d".png']
    facts = json.loads(table.schema.metadata[b"holdfast"])
    assert facts["images_checksum"] == images.checksum
    assert (facts["encoder"], facts["image_size"], facts["layer"]) == ("timm/test_resnet", 16, "backbone")


def test_labels_and_class_names_are_there_where_the_source_has_them(tmp_path):
    table = pq.read_table(embedded("digits", tmp_path / "f.parquet", "--limit", "20"))
    images = load_images("digits", size=16, limit=20)
    assert table["label"].to_pylist() == images.labels.tolist()
    assert table["class"].to_pylist() == [images.classes[label] for label in images.labels.tolist()]


def test_the_three_formats_hold_the_same_numbers(pictures, tmp_path):
    parquet, npz, tensors = (embedded(pictures, tmp_path / f"f{s}") for s in (".parquet", ".npz", ".safetensors"))
    expected = np.stack(pq.read_table(parquet)["features"].to_numpy())
    with np.load(npz) as arrays:
        np.testing.assert_array_equal(arrays["features"], expected)
        facts = json.loads(str(arrays["facts"]))
    with safe_open(tensors, framework="np") as file:
        np.testing.assert_array_equal(file.get_tensor("features"), expected)
        assert json.loads(file.metadata()["holdfast"]) == facts


def test_a_file_that_is_written_again_is_named_and_another_table_is_left(pictures, tmp_path, capsys):
    out = embedded(pictures, tmp_path / "f.parquet")
    assert "written again" not in capsys.readouterr().out
    embedded(pictures, out, "--limit", "2")
    said = " ".join(capsys.readouterr().out.split())
    assert "held features of timm/test_resnet on" in said and "is written again" in said
    pq.write_table(pa.table({"mine": [1]}), out)
    before = out.read_bytes()
    words = f"embed timm/test_resnet --data {pictures} --image-size 16 --device cpu --out {out}".split()
    assert main(words) == 2
    assert "another table; choose --out" in capsys.readouterr().err and out.read_bytes() == before


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("embed", "expected an encoder, got none"),
        ("embed timm/test_resnet", "expected --data with the images to embed by timm/test_resnet"),
        ("embed timm/test_resnet --data digits --out f.csv", "expected a file ending in .parquet, .npz, .safetensors"),
        ("export", "expected a run folder, got none"),
    ],
)
def test_input_that_cannot_be_used_is_refused_in_one_line(words, reason, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(words.split()) == 2
    error = capsys.readouterr().err
    assert reason in error
    assert error.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
