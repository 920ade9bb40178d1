import io

import numpy as np
import pytest
import torch
from PIL import Image

from holdfast.data import Images
from holdfast.data.corruptions.kinds import CORRUPTIONS, STRENGTHS, corrupt

every_corruption = pytest.mark.parametrize("name", CORRUPTIONS)
COARSE = torch.rand(6, 3, 6, 6, generator=torch.Generator().manual_seed(0))
RANDOM = {"brightness", "contrast", "defocus_blur", "zoom_blur", "pixelate", "jpeg_compression"}
"""Those that draw nothing."""


def pictures(side: int) -> Images:
    """Smooth pictures with structure at several scales."""
    pixels = torch.nn.functional.interpolate(0.1 + 0.8 * COARSE, size=(side, side), mode="bicubic").clamp(0, 1)
    labels = torch.arange(6) % 3
    return Images(pixels=(pixels * 255).to(torch.uint8), ids=torch.arange(6) * 7, labels=labels, source="pictures")


def change(images: Images, name: str, strength: int) -> float:
    return float((corrupt(images, name, strength=strength).pixels.float() - images.pixels.float()).abs().mean())


@every_corruption
@pytest.mark.parametrize("side", [32, 224])
def test_every_corruption_changes_images_and_nothing_else(name, side):
    images = pictures(side)
    for strength in STRENGTHS if side == 32 else (1, 5):
        made = corrupt(images, name, strength=strength)
        assert made.pixels.shape == images.pixels.shape
        assert made.pixels.dtype == torch.uint8
        assert torch.equal(made.ids, images.ids)
        assert torch.equal(made.labels, images.labels)
        different = (made.pixels != images.pixels).flatten(1).any(1)
        assert different.all() or (name, side) in {("pixelate", 32), ("defocus_blur", 32), ("glass_blur", 32)}


# The constants of the other three trade one kind of harm for another.
@pytest.mark.parametrize("name", sorted(set(CORRUPTIONS) - {"elastic_transform", "frost", "glass_blur"}))
def test_the_strongest_does_more_than_the_weakest(name):
    assert change(pictures(32), name, 5) > change(pictures(32), name, 1)


@every_corruption
def test_draws_depend_on_seed_strength_and_id_alone(name):
    images = pictures(32)
    made = corrupt(images, name, strength=3)
    part = torch.tensor([4, 1])
    torch.testing.assert_close(
        corrupt(images.subset(part), name, strength=3).pixels.int(), made.pixels[part].int(), rtol=0, atol=1
    )
    assert torch.equal(corrupt(images, name, strength=3, seed=1).pixels, made.pixels) == (name in RANDOM)


@pytest.mark.parametrize(("name", "strength", "constant"), [("gaussian_noise", 2, 0.06), ("gaussian_noise", 5, 0.10)])
def test_gaussian_noise_has_its_deviation(name, strength, constant):
    grey = Images.of(torch.full((6, 3, 32, 32), 128, dtype=torch.uint8))
    assert (corrupt(grey, name, strength=strength).pixels.float() / 255).std() == pytest.approx(constant, rel=0.03)


def test_shot_noise_has_the_deviation_of_counted_photons():
    grey = Images.of(torch.full((6, 3, 32, 32), 128, dtype=torch.uint8))
    made = corrupt(grey, "shot_noise", strength=5).pixels.float() / 255
    assert made.std() == pytest.approx((128 / 255 / 50) ** 0.5, rel=0.03)
    assert made.mean() == pytest.approx(128 / 255, abs=0.005)


def test_impulse_noise_is_black_or_white_in_its_share_of_values():
    grey = Images.of(torch.full((6, 3, 32, 32), 128, dtype=torch.uint8))
    made = corrupt(grey, "impulse_noise", strength=5).pixels
    assert set(made.unique().tolist()) == {0, 128, 255}
    assert (made == 0).float().mean() == pytest.approx(0.035, abs=0.005)
    assert (made == 255).float().mean() == pytest.approx(0.035, abs=0.005)


def test_brightness_and_contrast_are_known_by_hand():
    pixels = torch.zeros(1, 3, 2, 2, dtype=torch.uint8)
    pixels[0, :, 0, 0] = torch.tensor([100, 50, 0])
    pixels[0, :, 1, 1] = 255
    bright = corrupt(Images.of(pixels), "brightness", strength=5).pixels
    raised = 100 + 0.3 * 255
    assert bright[0, :, 0, 0].tolist() == [int(raised), int(raised / 2), 0]
    assert bright[0, :, 0, 1].tolist() == [int(0.3 * 255)] * 3
    assert bright[0, :, 1, 1].tolist() == [255] * 3
    flat = corrupt(Images.of(pixels), "contrast", strength=5).pixels.float()
    mean = pixels.float().mean((2, 3), keepdim=True)
    torch.testing.assert_close(flat, (pixels - mean) * 0.15 + mean, rtol=0, atol=1.001)


def test_jpeg_is_pillows():
    images = pictures(32)
    picture = Image.fromarray(images.pixels[0].permute(1, 2, 0).numpy())
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=58)
    made = corrupt(images, "jpeg_compression", strength=3).pixels[0].permute(1, 2, 0).numpy()
    np.testing.assert_array_equal(made, np.asarray(Image.open(file)))


@pytest.mark.parametrize("side", [32, 224])
def test_a_flat_image_stays_flat_under_what_only_blurs(side):
    grey = Images.of(torch.full((2, 3, side, side), 100, dtype=torch.uint8))
    for name in ("defocus_blur", "glass_blur", "motion_blur", "zoom_blur", "elastic_transform", "pixelate"):
        made = corrupt(grey, name, strength=4).pixels.int()
        assert (made - 100).abs().max() <= 1, name


@pytest.mark.parametrize(("name", "strength"), [("rain", 1), ("fog", 0), ("fog", 6)])
def test_what_is_no_corruption_is_refused(name, strength):
    with pytest.raises(ValueError, match="strength 1 to 5"):
        corrupt(pictures(32), name, strength=strength)
