import io

import numpy as np
import pytest
from PIL import Image

from holdfast.data.decode import decode, fit

RAMP = np.linspace(0, 255, 64).astype(np.uint8).reshape(8, 8)
COLOURS = np.stack([RAMP, RAMP.T, 255 - RAMP], axis=-1)


def encoded(image, kind="PNG", **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def decoded(image, kind="PNG", **options):
    result = decode(encoded(image, kind, **options))
    assert result.mode == "RGB"
    return np.asarray(result)


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "PPM"])
def test_lossless_formats_keep_every_value(kind):
    np.testing.assert_array_equal(decoded(Image.fromarray(COLOURS), kind), COLOURS)


@pytest.mark.parametrize("kind", ["JPEG", "WEBP"])
def test_lossy_formats_come_close(kind):
    assert np.abs(decoded(Image.fromarray(COLOURS), kind, quality=95).astype(int) - COLOURS).mean() < 12


def test_grey_becomes_three_equal_channels():
    np.testing.assert_array_equal(decoded(Image.fromarray(RAMP)), np.repeat(RAMP[..., None], 3, -1))


def test_a_palette_becomes_its_colours():
    palette = Image.fromarray(COLOURS).quantize(64)
    np.testing.assert_array_equal(decoded(palette), np.asarray(palette.convert("RGB")))


def test_one_bit_becomes_black_and_white():
    pixels = decoded(Image.fromarray(RAMP > 100))
    np.testing.assert_array_equal(pixels[..., 0], 255 * (RAMP > 100))


def test_16_bits_are_scaled_not_clipped():
    wide = (np.arange(64, dtype=np.uint16) * 1040).reshape(8, 8)
    pixels = decoded(Image.fromarray(wide))
    np.testing.assert_array_equal(pixels[..., 1], np.round(wide / 257))


def test_transparency_lies_over_white():
    alpha = np.full((8, 8), 255, np.uint8)
    alpha[:4] = 0
    alpha[4] = 128
    pixels = decoded(Image.fromarray(np.dstack([COLOURS, alpha])))
    assert (pixels[:4] == 255).all()
    np.testing.assert_allclose(pixels[4], 255 - (255 - COLOURS[4].astype(float)) * 128 / 255, atol=1)
    np.testing.assert_array_equal(pixels[5:], COLOURS[5:])


def test_a_transparent_palette_lies_over_white_without_a_warning():
    palette = Image.fromarray(COLOURS).quantize(16)
    transparent = bytes([0] + [255] * 15)
    pixels = decoded(palette, transparency=transparent)
    assert (pixels[np.asarray(palette) == 0] == 255).all()


def test_cmyk_is_converted():
    assert decoded(Image.new("CMYK", (4, 4), (0, 255, 255, 0)), "JPEG")[0, 0, 0] > 200


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_camera_s_rotation_is_undone(orientation):
    turns = [None, None, 0, 3, 1, 5, 4, 6, 2]  # Pillow's transpositions that bring the scene upright, by EXIF tag
    stored = Image.fromarray(COLOURS[:6])
    upright = stored if turns[orientation] is None else stored.transpose(Image.Transpose(turns[orientation]))
    exif = Image.Exif()
    exif[0x0112] = orientation
    np.testing.assert_array_equal(decoded(stored, "PNG", exif=exif), np.asarray(upright))


def test_an_animation_gives_its_first_frame():
    frames = [Image.new("P", (4, 4), 0), Image.new("P", (4, 4), 1)]
    for frame in frames:
        frame.putpalette([10, 20, 30, 200, 210, 220])
    pixels = decoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert pixels[0, 0].tolist() == [10, 20, 30]


def test_floating_point_pixels_are_refused():
    with pytest.raises(ValueError, match="floating-point"):
        decode(encoded(Image.fromarray(np.ones((4, 4), np.float32)), "TIFF"))


def test_an_image_of_the_wanted_size_is_left_alone():
    for size in (None, 8):
        np.testing.assert_array_equal(fit(Image.fromarray(COLOURS), size), COLOURS.transpose(2, 0, 1))


@pytest.mark.parametrize(("height", "width"), [(8, 20), (20, 8), (9, 8)])
def test_the_largest_centred_square_is_kept(height, width):
    picture = np.zeros((height, width, 3), np.uint8)
    top, left = (height - 8) // 2, (width - 8) // 2
    picture[top : top + 8, left : left + 8] = COLOURS
    np.testing.assert_array_equal(fit(Image.fromarray(picture), 8), COLOURS.transpose(2, 0, 1))


def test_shrinking_is_antialiased():
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[:, ::2] = 255
    small = fit(Image.fromarray(stripes), 8)
    assert small.shape == (3, 8, 8)
    assert np.abs(small[:, :, 1:-1].astype(int) - 127).max() < 4
