"""`holdfast embed` works in parts: an interrupted command goes on, several processes share, formats agree."""

import json

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from crews import at_once, crews
from safetensors import safe_open

from holdfast.data import Images
from holdfast.evaluation.embeddings import stream_embeddings

FACTS = {"encoder_checksum": "a", "image_size": 4}


def some_images(count: int = 25) -> Images:
    pixels = torch.randint(0, 256, (count, 3, 4, 4), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    labels = torch.arange(count) % 3
    return Images(pixels=pixels, ids=torch.arange(count) + 7, labels=labels, classes=("a", "b", "c"), source="toy")


class Encode:
    """Mean colours; counts the images that it saw, and fails at a call."""

    def __init__(self, fail_at: int = 0):
        self.seen, self.calls, self.fail_at = 0, 0, fail_at

    def __call__(self, images: Images) -> torch.Tensor:
        self.calls += 1
        if self.calls == self.fail_at:
            raise KeyboardInterrupt
        self.seen += len(images)
        return images.pixels.float().mean((2, 3))


def test_an_interrupted_command_goes_on_where_it_was_and_gives_the_same_file(tmp_path):
    images, said, encode = some_images(), [], Encode()
    stream_embeddings(tmp_path / "whole.parquet", images, Encode(), FACTS, rows=10)
    with pytest.raises(KeyboardInterrupt):
        stream_embeddings(tmp_path / "a.parquet", images, Encode(fail_at=3), FACTS, rows=10)
    assert not (tmp_path / "a.parquet").exists()
    stream_embeddings(tmp_path / "a.parquet", images, encode, FACTS, rows=10, said=said.append)
    assert encode.seen == 5 and "2 parts of an interrupted command" in said[0]
    assert pq.read_table(tmp_path / "a.parquet").equals(pq.read_table(tmp_path / "whole.parquet"))
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == []


def test_parts_of_another_encoder_are_not_taken_over(tmp_path):
    images, said, encode = some_images(), [], Encode()
    with pytest.raises(KeyboardInterrupt):
        stream_embeddings(tmp_path / "a.npz", images, Encode(fail_at=2), FACTS, rows=10)
    stream_embeddings(tmp_path / "a.npz", images, encode, {**FACTS, "encoder_checksum": "b"}, rows=10, said=said.append)
    assert encode.seen == 25 and "removed" in said[0]


def test_several_processes_share_the_parts(tmp_path):
    images, encoders = some_images(), [Encode(), Encode()]
    at_once(
        lambda crew: stream_embeddings(tmp_path / "a.parquet", images, encoders[crew.rank], FACTS, rows=5, crew=crew),
        crews(2),
    )
    assert [encoder.seen for encoder in encoders] == [15, 10]
    features = np.stack(pq.read_table(tmp_path / "a.parquet")["features"].to_numpy())
    np.testing.assert_array_equal(features, Encode()(images).numpy())


def test_the_three_formats_hold_the_same_numbers_and_facts(tmp_path):
    images = some_images()
    for suffix in ("parquet", "npz", "safetensors"):
        stream_embeddings(tmp_path / f"a.{suffix}", images, Encode(), FACTS, rows=10)
    table = pq.read_table(tmp_path / "a.parquet")
    expected = np.stack(table["features"].to_numpy())
    with np.load(tmp_path / "a.npz") as arrays:
        np.testing.assert_array_equal(arrays["features"], expected)
        assert arrays["class"].tolist() == table["class"].to_pylist()
        assert json.loads(str(arrays["facts"])) == FACTS
    with safe_open(tmp_path / "a.safetensors", framework="np") as file:
        np.testing.assert_array_equal(file.get_tensor("features"), expected)
        np.testing.assert_array_equal(file.get_tensor("label"), images.labels.numpy())
        assert json.loads(file.metadata()["holdfast"]) == FACTS
