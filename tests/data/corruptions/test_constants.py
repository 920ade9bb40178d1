"""The constants at 32 pixels, row by row as the published script has them, and what its loops do with them."""

import numpy as np
import pytest
import torch
from PIL import Image

from holdfast.data import Images
from holdfast.data.corruptions import kinds
from holdfast.data.corruptions.kinds import CORRUPTIONS, STRENGTHS, corrupt

SMALL = {
    "gaussian_noise": (0.04, 0.06, 0.08, 0.09, 0.10),
    "shot_noise": (500, 250, 100, 75, 50),
    "impulse_noise": (0.01, 0.02, 0.03, 0.05, 0.07),
    "defocus_blur": ((0.3, 0.4), (0.4, 0.5), (0.5, 0.6), (1, 0.2), (1.5, 0.1)),
    "glass_blur": ((0.05, 1, 1), (0.25, 1, 1), (0.4, 1, 1), (0.25, 1, 2), (0.4, 1, 2)),
    "motion_blur": ((6, 1), (6, 1.5), (6, 2), (8, 2), (9, 2.5)),
    "frost": ((1, 0.2), (1, 0.3), (0.9, 0.4), (0.85, 0.4), (0.75, 0.45)),
    "fog": ((0.2, 3), (0.5, 3), (0.75, 2.5), (1, 2), (1.5, 1.75)),
    "brightness": (0.05, 0.1, 0.15, 0.2, 0.3),
    "contrast": (0.75, 0.5, 0.4, 0.3, 0.15),
    "jpeg_compression": (80, 65, 58, 50, 40),
}
SNOW = {
    "mean": (0.1, 0.1, 0.15, 0.25, 0.3),
    "deviation": (0.2, 0.2, 0.3, 0.3, 0.3),
    "zoom": (1, 1, 1.75, 2.25, 1.25),
    "threshold": (0.6, 0.5, 0.55, 0.6, 0.65),
    "radius": (8, 10, 10, 12, 14),
    "sigma": (3, 4, 4, 6, 12),
    "kept": (0.95, 0.9, 0.9, 0.85, 0.8),
}
ELASTIC = {
    "amplitude": (0, 1.6, 2.56, 3.2, 3.2),
    "smoothing": (0, 6.4, 1.92, 1.28, 0.96),
    "corners": (2.56, 2.24, 1.92, 1.6, 0.96),
}
"""In pixels of an image of 32."""
ZOOMS = {32: ((1.06, 0.01), (1.11, 0.01), (1.16, 0.01), (1.21, 0.01), (1.26, 0.01))}
ZOOMS[224] = ((1.11, 0.01), (1.16, 0.01), (1.21, 0.02), (1.26, 0.02), (1.31, 0.03))
PIXELATED = (30, 28, 27, 24, 20)


@pytest.mark.parametrize("name", SMALL)
def test_constants_are_the_published_ones(name):
    assert CORRUPTIONS[name].small == SMALL[name]


def test_the_constants_of_snow_and_of_elastic_are_the_published_ones():
    assert tuple(zip(*CORRUPTIONS["snow"].small, strict=True)) == tuple(SNOW.values())
    pixels = 32 * np.array(CORRUPTIONS["elastic_transform"].small)
    np.testing.assert_allclose(pixels.T, list(ELASTIC.values()))


@pytest.mark.parametrize("side", ZOOMS)
def test_zooms_are_those_of_numpys_arange_whose_end_is_sometimes_in_it(side, monkeypatch):
    asked = []

    def zoomed(images, factor):
        asked.append(factor)
        return images

    monkeypatch.setattr(kinds.noise, "zoomed", zoomed)
    images = Images.of(torch.full((1, 3, side, side), 60, dtype=torch.uint8))
    for strength, (end, step) in zip(STRENGTHS, ZOOMS[side], strict=True):
        asked.clear()
        assert torch.equal(corrupt(images, "zoom_blur", strength=strength).pixels, images.pixels)
        np.testing.assert_allclose(asked, np.arange(1, end, step))


def test_pixelated_images_have_the_published_sides():
    pixels = torch.randint(0, 256, (1, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    picture = Image.fromarray(pixels[0].permute(1, 2, 0).numpy())
    for strength, side in zip(STRENGTHS, PIXELATED, strict=True):
        made = corrupt(Images.of(pixels), "pixelate", strength=strength).pixels[0].permute(1, 2, 0)
        coarse = picture.resize((side, side), Image.Resampling.BOX).resize((32, 32), Image.Resampling.BOX)
        np.testing.assert_array_equal(made, np.asarray(coarse))


def test_motion_has_the_taps_of_imagemagick():
    line = torch.zeros(1, 1, 1, 41, dtype=torch.float64)
    line[..., 20] = 1
    for radius, sigma in SMALL["motion_blur"]:
        drawn = kinds.noise.motion(line, torch.zeros(1), radius, sigma)[0, 0, 0].flip(0)[20:]
        taps = np.exp(-(np.arange(2 * radius + 1) ** 2) / (2 * sigma**2))
        np.testing.assert_allclose(drawn[: 2 * radius + 1], taps / taps.sum(), atol=1e-5)
        assert not drawn[2 * radius + 1 :].any()
