"""Audits of images that are streamed measure what they measure of images in memory."""

import numpy as np
import pytest
from PIL import Image
from toy_audits import small_network

from holdfast.audits import audit
from holdfast.audits.atlas import thumbnails
from holdfast.data import load_images


@pytest.fixture
def both(tmp_path, monkeypatch):
    """The same pictures in three class folders, in memory and streamed."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for number in range(60):
        path = tmp_path / "pictures" / "abc"[number % 3] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        noise = np.random.default_rng(number).integers(0, 120, (12, 12, 3), dtype=np.uint8)
        Image.fromarray(noise + np.uint8(60 * (number % 3))).save(path)
    settings = {"size": 8, "labels": "folder", "subgroups": ["folder"]}
    pictures = tmp_path / "pictures"
    return load_images(pictures, **settings), load_images(pictures, memory_gib=1e-9, workers=1, **settings)


def test_scores_and_samples_are_the_same(both):
    found = [audit(small_network(), images, axes=["quality", "balance", "tail"]) for images in both]
    for ours, theirs in zip(*found, strict=True):
        assert [(score.name, score.value) for score in ours.scores] == [(s.name, s.value) for s in theirs.scores]
        assert all(np.array_equal(ours.columns[name], theirs.columns[name]) for name in ours.columns)
        assert ours.tables == theirs.tables


def test_thumbnails_are_the_same(both):
    resident, streamed = both
    np.testing.assert_array_equal(thumbnails(resident.pixels), thumbnails(streamed.pixels))
