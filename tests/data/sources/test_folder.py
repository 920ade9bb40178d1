"""A folder of pictures as a source."""

import numpy as np
import pytest
import torch
from PIL import Image

from holdfast.data import load_images


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture
def folder(tmp_path):
    """Six pictures of 8×8 noise in two sub-folders, a broken one between them, and their pixels by path."""
    pixels = {}
    for number in range(6):
        name = f"{'ab'[number % 2]}/{number}.png"
        pixels[name] = np.random.default_rng(number).integers(0, 256, (8, 8, 3), dtype=np.uint8)
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.fromarray(pixels[name]).save(tmp_path / name)
    (tmp_path / "a" / "3.png").write_bytes(b"")
    return tmp_path, pixels


def test_pictures_come_in_the_order_of_their_paths_without_labels(folder):
    root, pixels = folder
    images = load_images(root)
    assert list(images.paths) == sorted(pixels)
    assert images.labels is None
    assert images.ids.tolist() == [0, 1, 3, 4, 5, 6]  # 2 is the empty file
    for image, path in zip(images.pixels, images.paths, strict=True):
        np.testing.assert_array_equal(image.permute(1, 2, 0), pixels[path])


def test_what_cannot_be_used_is_set_aside_with_its_reason(folder):
    assert load_images(folder[0]).rejected == (("a/3.png", "empty file"),)


def test_strict_stops_at_the_first_that_cannot_be_used(folder):
    with pytest.raises(ValueError, match=r"got 'a/3.png': empty file; repair or remove it"):
        load_images(folder[0], strict=True)


def test_parts_keep_ids_and_paths(folder):
    part = load_images(folder[0]).select(torch.tensor([5, 0]))
    assert list(part.paths) == ["b/3.png", "a/0.png"]


def test_a_limit_draws_places_and_keeps_them(folder):
    everything, some = load_images(folder[0]), load_images(folder[0], limit=3, seed=1)
    assert set(some.ids.tolist()) <= set(everything.ids.tolist())
    assert torch.equal(some.pixels, everything.select(some.ids).pixels)


def test_no_usable_picture_is_said_in_one_line(tmp_path):
    (tmp_path / "1.jpg").write_bytes(b"no picture")
    (tmp_path / "2.jpg").write_bytes(b"")
    expected = r"expected a picture.*got 2 that cannot be \(1.jpg: no picture of a format that can be.*1 others\)"
    with pytest.raises(ValueError, match=expected):
        load_images(tmp_path)


def test_pictures_of_several_sizes_need_one_size_for_all(folder):
    root, _ = folder
    Image.new("RGB", (12, 9)).save(root / "other.png")
    with pytest.raises(ValueError, match=r"images of one size, got 8×8 and, in 'other.png' of .*9×12.*--image-size"):
        load_images(root)
    assert load_images(root, size=8).pixels.shape == (7, 3, 8, 8)


def test_a_folder_beyond_the_budget_is_refused(folder):
    with pytest.raises(ValueError, match=r"--limit"):
        load_images(folder[0], memory_gib=1e-7)
