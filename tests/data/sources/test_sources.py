# pyright: reportOptionalMemberAccess=false, reportOptionalSubscript=false, reportArgumentType=false
import re

import pytest
import torch
from sklearn.datasets import load_digits

from holdfast.data import load_images


def test_digits_are_all_there_in_colour_and_enlarged():
    digits = load_images("digits")
    assert digits.pixels.shape == (1797, 3, 32, 32)
    assert digits.labels.bincount().tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert digits.classes == tuple("0123456789")
    assert torch.equal(digits.pixels[:, 0], digits.pixels[:, 2])


def test_enlarged_digits_keep_the_shades_of_the_originals():
    shades = torch.from_numpy(load_digits(return_X_y=True)[0]).reshape(-1, 8, 8) * 255 / 16
    blocks = load_images("digits").pixels[:, 0].reshape(1797, 8, 4, 8, 4).double().mean((2, 4))
    centre = shades[:, 1:-1, 1:-1]
    assert torch.corrcoef(torch.stack([blocks[:, 1:-1, 1:-1].flatten(), centre.flatten()]))[0, 1] > 0.97
    assert load_images("digits", size=8).pixels[:, 0].equal(shades.round().to(torch.uint8))


def test_digits_are_the_same_bytes_on_every_machine():
    assert load_images("digits").checksum == "36d16f91bd64371c"


def test_a_limit_draws_ids_that_stay_places_in_the_source():
    everything, some = load_images("digits"), load_images("digits", limit=50, seed=3)
    assert len(some) == 50
    assert torch.equal(some.ids, some.ids.unique())
    assert torch.equal(some.pixels, everything.select(some.ids).pixels)
    assert torch.equal(some.labels, everything.labels[some.ids])


def test_a_limit_is_drawn_by_its_seed_and_a_larger_one_holds_a_smaller():
    ids = [set(load_images("digits", limit=n, seed=s).ids.tolist()) for n, s in [(50, 0), (50, 0), (50, 1), (80, 0)]]
    assert ids[0] == ids[1] != ids[2]
    assert ids[0] < ids[3]


def test_a_limit_beyond_the_source_takes_all_of_it():
    assert len(load_images("digits", limit=10**6)) == 1797


def test_more_pixels_than_the_budget_are_refused_with_a_limit_that_fits():
    with pytest.raises(ValueError, match=r"at most 0.001 GiB.*1,797 images of 32×32.*--limit \d+") as caught:
        load_images("digits", memory_gib=0.001)
    limit = int(re.search(r"--limit (\d+)", str(caught.value))[1])
    assert len(load_images("digits", limit=limit, memory_gib=0.001)) == limit
    with pytest.raises(ValueError, match="GiB"):
        load_images("digits", limit=limit + 1, memory_gib=0.001)


@pytest.mark.parametrize("setting", [{"limit": 0}, {"size": 0}])
def test_settings_below_one_are_refused(setting):
    with pytest.raises(ValueError, match="at least 1, got 0"):
        load_images("digits", **setting)


def test_a_missing_file_is_said_in_one_line(tmp_path):
    with pytest.raises(
        FileNotFoundError, match=r"expected images, got '.*nothing\.parquet', where there is no file"
    ) as caught:
        load_images(tmp_path / "nothing.parquet")
    assert "\n" not in str(caught.value)


def test_a_file_of_another_kind_is_refused(tmp_path):
    (tmp_path / "images.zip").write_bytes(b"PK")
    with pytest.raises(ValueError, match=r"expected 'digits'.* a .parquet file.*images\.zip"):
        load_images(tmp_path / "images.zip")


def test_a_folder_without_shards_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"expected \.parquet files or pictures"):
        load_images(tmp_path)
