"""What is seen of every image of a source, one at a time."""

import os

import numpy as np
import pytest
from odd_files import make
from PIL import Image

from holdfast.data import load_images
from holdfast.data import survey as module
from holdfast.data.survey import survey
from holdfast.inspection import inspect


@pytest.fixture(autouse=True)
def _cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))


def noise(width, height, seed=0):
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8))


@pytest.fixture
def folder(tmp_path):
    home = tmp_path / "photos"
    (home / "a").mkdir(parents=True)
    noise(40, 30).save(home / "a" / "one.png")
    noise(40, 30).save(home / "two.png")
    noise(20, 60, seed=1).save(home / "three.jpg")
    noise(16, 16, seed=2).convert("L").save(home / "grey.png")
    Image.new("RGBA", (9, 9), (255, 0, 0, 0)).save(home / "see through.png")
    (home / "broken.jpg").write_bytes(b"no picture")
    (home / "empty.png").write_bytes(b"")
    os.mkfifo(home / "pipe.png")
    return home


def test_sizes_kinds_copies_and_rejects_of_a_folder(folder):
    seen = survey(str(folder))
    by_name = {seen.names(int(place)): row for row, place in enumerate(seen.ids)}
    assert set(by_name) == {"a/one.png", "two.png", "three.jpg", "grey.png", "see through.png"}
    assert (seen.total, seen.looked_at, len(seen)) == (8, 8, 5)
    row = by_name["three.jpg"]
    assert (seen.width[row], seen.height[row], seen.kinds[seen.kind[row]]) == (20, 60, ("JPEG", "RGB"))
    assert seen.size[row] == (folder / "three.jpg").stat().st_size
    assert seen.kinds[seen.kind[by_name["grey.png"]]] == ("PNG", "L")
    assert seen.content[by_name["a/one.png"]] == seen.content[by_name["two.png"]]
    assert len(np.unique(seen.content)) == 4
    assert dict(seen.rejected).keys() == {"broken.jpg", "empty.png", "pipe.png"}
    assert sum(seen.reasons.values()) == 3
    assert [bool(seen.flat[by_name[name]]) for name in ("see through.png", "two.png")] == [True, False]
    assert [bool(seen.grey[by_name[name]]) for name in ("grey.png", "two.png")] == [True, False]


@pytest.mark.slow
def test_of_odd_files_what_loading_sets_aside_is_set_aside_here(tmp_path):
    make(tmp_path / "odd")
    seen = survey(str(tmp_path / "odd"))
    loaded = load_images(str(tmp_path / "odd"), size=32)
    assert {path for path, _ in seen.rejected} == {one.path for one in loaded.rejected}
    assert seen.ids.tolist() == loaded.ids.tolist()
    assert len(seen) > 150
    inspect(str(tmp_path / "odd"))


def test_a_draw_holds_as_many_as_asked_and_repeats(folder):
    first, second = (survey(str(folder), limit=4, seed=3) for _ in range(2))
    assert np.array_equal(first.ids, second.ids)
    assert (first.total, first.looked_at) == (8, 4)


def test_progress_counts_to_the_end(folder):
    told = []
    survey(str(folder), progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (8, 8)


def test_a_source_without_a_usable_image_is_one_line(tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "x.png").write_bytes(b"no")
    with pytest.raises(ValueError, match=r"expected an image that can be read .* got none among 1 \(x.png"):
        survey(str(tmp_path / "photos"))


def test_parquet_rows_have_the_hashes_of_their_files(folder, write_parquet):
    names = ["a/one.png", "grey.png", "three.jpg"]
    path = write_parquet([(folder / name).read_bytes() for name in names])
    rows, files = survey(str(path)), survey(str(folder))
    by_name = {files.names(int(place)): row for row, place in enumerate(files.ids)}
    for row, name in enumerate(names):
        for column in ("width", "height", "size", "content", "hashes"):
            assert getattr(rows, column)[row] == getattr(files, column)[by_name[name]], (name, column)
    assert rows.names(2) == "row 2"


def test_arrays_are_surveyed_too():
    seen = survey("digits", limit=50)
    assert (seen.total, len(seen)) == (1797, 50)
    assert seen.kinds == (("pixels", "RGB"),)
    assert seen.grey.all()
    assert seen.size.tolist() == [32 * 32 * 3] * 50


def test_beyond_many_images_thumbnails_are_a_quarter(folder, monkeypatch):
    monkeypatch.setattr(module, "MANY", 3)
    assert survey(str(folder)).thumbnails.shape == (5, 3, 8, 8)
