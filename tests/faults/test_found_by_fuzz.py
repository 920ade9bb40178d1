"""What drawn damage found, kept: files that were refused without their path, or ended in another error."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from source_examples import pictures, png

from holdfast.data import load_images
from holdfast.data.pool import load_pool
from holdfast.evaluation.feature_table import is_features, read_table
from holdfast.runs import RunFolder
from holdfast.system import DamagedError, read_json


def changed(file, place, new):
    content = bytearray(file.read_bytes())
    content[place : place + len(new)] = new
    file.write_bytes(bytes(content))


@pytest.mark.parametrize(("place", "new"), [(0, b"\0"), (-60, b"\0\0\0\0")])
def test_an_archive_of_arrays_whose_directory_is_damaged_is_refused_with_its_path(place, new, tmp_path):
    file = tmp_path / "images.npz"
    np.savez(file, images=np.zeros((6, 3, 8, 8), np.uint8), labels=np.arange(6) % 2)
    changed(file, place % file.stat().st_size, new)
    with pytest.raises(ValueError, match=r"^expected .*images\.npz.*; "):
        load_images(str(file), size=8)


def test_a_parquet_file_whose_pages_are_damaged_is_refused_with_its_path(tmp_path):
    file = tmp_path / "images.parquet"
    cells = [{"bytes": png(picture), "path": None} for picture in pictures()[:6]]
    pq.write_table(pa.table({"image": cells, "label": [0, 1] * 3}), file)
    changed(file, 4, b"\xff" * 40)
    expected = r"^expected a picture that can be read in .*images\.parquet, got 6 that cannot be .*header failed"
    with pytest.raises(ValueError, match=expected):
        load_images(str(file), size=8)


def test_a_safetensors_file_that_claims_a_header_beyond_its_end_holds_no_features(tmp_path):
    file = tmp_path / "features.safetensors"
    file.write_bytes(b"\xff" * 8 + b"{}")
    assert not is_features(file)


def test_features_of_another_form_are_refused_with_their_path(tmp_path):
    file = tmp_path / "features.parquet"
    pq.write_table(pa.table({"features": [[0.1], [0.1, 0.2]]}), file)
    with pytest.raises(ValueError, match=r"^expected features of images in .*features\.parquet"):
        read_table(file)


@pytest.mark.parametrize("text", ["NaN", '{"a": Infinity}', '{"a": NaN}', "[" * 20_000, '{"a": 1' + "0" * 5000 + "}"])
def test_json_that_python_takes_and_no_standard_does_is_refused(text, tmp_path):
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(DamagedError, match=r"^expected JSON in .*a\.json"):
        read_json(tmp_path / "a.json")
    (tmp_path / "a.json").write_text(json.dumps({"a": 1}))
    assert read_json(tmp_path / "a.json") == {"a": 1}


def test_what_a_run_may_leave_out_of_its_ids_is_none(tmp_path):
    images = load_images("digits", size=8, limit=4)
    record = {"schema": 1, "data": "digits", "checksum": images.checksum, "image_size": 8, "limit": 4, "limit_seed": 0}
    halves = {"train": images.ids[:2].tolist(), "held_out": images.ids[2:].tolist()}
    (tmp_path / "ids.json").write_text(json.dumps({**record, **halves, "subgroups": None, "resize": None}))
    assert len(load_pool(RunFolder(tmp_path).read_ids()).train_ids) == 2
    (tmp_path / "ids.json").write_text(json.dumps({**record, **halves, "counts": [2]}))
    with pytest.raises(DamagedError, match="expected balanced, few_shot beside counts"):
        RunFolder(tmp_path).read_ids()


@pytest.mark.parametrize("wrong", [1e300, -1e39, float("inf"), 1j])
def test_features_that_float32_does_not_hold_are_refused_and_not_made_infinite(wrong, tmp_path):
    features = np.ones((3, 2), dtype=complex if isinstance(wrong, complex) else float)
    np.savez(tmp_path / "whole.npz", features=np.real(features))
    assert read_table(tmp_path / "whole.npz").features.shape == (3, 2)
    features[1, 1] = wrong
    np.savez(tmp_path / "a.npz", features=features)
    with pytest.raises(ValueError, match=r"expected finite features \[n, dim\] in .*a\.npz"):
        read_table(tmp_path / "a.npz")
    np.savez(tmp_path / "b.npz", features=np.ones((3, 2)), view_flip=features)
    with pytest.raises(ValueError, match=r"expected finite features \[3, 2\] in view_flip"):
        read_table(tmp_path / "b.npz")
