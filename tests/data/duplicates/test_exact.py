import numpy as np
import pytest
import torch

from holdfast.data import Images
from holdfast.data.duplicates.exact import copies


def images(n=6, side=4, seed=0, first_id=0):
    pixels = torch.randint(0, 256, (n, 3, side, side), dtype=torch.uint8, generator=torch.Generator().manual_seed(seed))
    return Images(pixels, first_id + torch.arange(n))


def test_copies_are_found_whatever_their_ids():
    mine, others = images(), images(seed=1, first_id=100)
    others.pixels[3] = mine.pixels[2]
    assert np.flatnonzero(copies(mine, others)).tolist() == [2]
    assert np.flatnonzero(copies(others, mine)).tolist() == [3]


def test_one_other_pixel_is_another_image():
    mine, others = images(), images()
    others.pixels[:, 0, 0, 0] ^= 1
    assert not copies(mine, others).any()
    assert copies(mine, images()).all()


def test_images_of_another_size_are_no_copies():
    assert copies(images(), images(side=5)).tolist() == [False] * 6


@pytest.mark.parametrize("kind", ["contiguous", "channels last"])
def test_the_layout_in_memory_does_not_matter(kind):
    mine, others = images(), images()
    pixels = others.pixels.to(memory_format=torch.channels_last) if kind == "channels last" else others.pixels
    assert copies(mine, Images(pixels, others.ids)).all()
