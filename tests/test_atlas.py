"""The atlas on disk: what is written is read again, and what is damaged is refused."""

import numpy as np
import pytest

from holdfast.atlas import Atlas, cut, paint, paths_of

NAMES = '<script>"', "new\nline", "\u202eright", "🐈"


def smooth_tiles(count: int, side: int = 32) -> np.ndarray:
    """Soft gradients, one per tile, that JPEG keeps nearly as they are."""
    ramp = np.linspace(0, 90, side)[:, None, None]
    colours = np.random.default_rng(0).integers(0, 160, (count, 1, 1, 3))
    return np.broadcast_to(ramp + colours, (count, side, side, 3)).astype(np.uint8)


def atlas(count: int = 7, **changes) -> Atlas:
    sheet, across = paint(smooth_tiles(count))
    rng, places = np.random.default_rng(1), np.arange(count)
    plain = {"sheet": sheet, "tile": 32, "across": across, "ids": 100 + places, "labels": places % 4}
    plain |= {"paths": tuple(f"{NAMES[i % 4]}.png" for i in places), "classes": NAMES, "groups": np.full(count, "few")}
    plain |= {"positions": rng.normal(size=(count, 2)).astype(np.float32), "explained": (0.5, 0.25)}
    nearest = 100 + (places[:, None] + np.arange(1, 4)) % count
    plain |= {"nearest": nearest, "cosines": rng.uniform(size=nearest.shape).astype(np.float32)}
    return Atlas(**plain | {"duplicates": 100 + places, "checksum": "abc"} | changes)


def test_what_is_saved_is_loaded_again(tmp_path):
    written = atlas()
    written.save(tmp_path, "test")
    read = Atlas.load(tmp_path, "test")
    for name, value in vars(written).items():
        np.testing.assert_array_equal(getattr(read, name), value, err_msg=name)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["atlas.jpg", "samples.parquet"]


def test_images_without_labels_groups_and_paths_are_fine(tmp_path):
    atlas(labels=None, classes=None, groups=None, paths=None).save(tmp_path, "scored")
    read = Atlas.load(tmp_path, "scored")
    assert read.labels is None and read.groups is None and read.paths is None
    assert len(read) == 7


def test_nothing_on_disk_is_no_atlas(tmp_path):
    assert Atlas.load(tmp_path, "test") is None


def test_files_that_do_not_belong_together_are_refused(tmp_path):
    atlas().save(tmp_path, "test")
    paths_of(tmp_path, "test")[0].write_bytes(paint(smooth_tiles(3))[0])
    with pytest.raises(ValueError, match="its two files are not of one audit; audit again: holdfast audit"):
        Atlas.load(tmp_path, "test")
    paths_of(tmp_path, "test")[1].write_bytes(b"no parquet")
    with pytest.raises(ValueError, match="expected an atlas as an audit writes it"):
        Atlas.load(tmp_path, "test")


@pytest.mark.parametrize("count", [1, 2, 10, 26])
def test_thumbnails_stand_in_the_order_of_the_rows(count):
    tiles = smooth_tiles(count)
    sheet, across = paint(tiles)
    found = cut(sheet, count, 32, across)
    assert np.abs(found.astype(int) - tiles).mean() < 6
    middle = found[:, 16, 16].astype(int) - tiles[:, 16, 16]
    assert np.abs(middle).max() < 25


def test_a_sheet_of_noise_is_pressed_into_its_budget():
    noise = np.random.default_rng(2).integers(0, 256, (400, 32, 32, 3), dtype=np.uint8)
    plain, small = (len(paint(noise, most_bytes=most)[0]) for most in (10**9, 180_000))
    assert small < 200_000 < plain


def test_a_sheet_of_another_size_is_refused():
    sheet, across = paint(smooth_tiles(10))
    with pytest.raises(ValueError, match="expected a sheet of 30 thumbnails"):
        cut(sheet, 30, 32, across)
