"""Pictures of several sizes get one side, chosen by what half of them reach, and said."""

import numpy as np
import pytest
from PIL import Image

from holdfast.data import size_for


@pytest.fixture
def folder(tmp_path):
    def write(*sides):
        for number, (width, height) in enumerate(sides):
            Image.fromarray(np.full((height, width, 3), number, np.uint8)).save(tmp_path / f"{number}.png")
        return tmp_path

    return write


def test_half_of_the_pictures_reach_the_size(folder):
    choice = size_for(folder((60, 90), (140, 100), (300, 220)))
    assert (choice.size, choice.median, choice.smallest, choice.largest) == (96, 100, 60, 220)
    assert str(choice).startswith("image size: 96 pixels, the largest usual size that half of the pictures reach")


def test_square_pictures_of_one_size_keep_it(folder):
    assert size_for(folder((50, 50), (50, 50))) is None


def test_pictures_of_one_size_that_are_not_square_are_cut(folder):
    assert size_for(folder((640, 480), (640, 480))).size == 224


def test_tiny_pictures_keep_their_median(folder):
    assert size_for(folder((10, 12), (11, 14))).size == 10


def test_broken_files_and_arrays_decide_nothing(folder):
    home = folder((50, 50), (50, 50))
    (home / "broken.png").write_bytes(b"?")
    assert size_for(home) is None
    assert size_for("digits") is None


def test_a_missing_source_is_said(tmp_path):
    with pytest.raises(FileNotFoundError, match="where there is no file"):
        size_for(tmp_path / "nowhere")
