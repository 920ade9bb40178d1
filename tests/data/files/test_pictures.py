import io

import numpy as np
import pytest
from odd_files import claims
from PIL import Image, UnidentifiedImageError

from holdfast.data.files import pictures
from holdfast.data.files.pictures import decode, fit, picture, reason, shorter_side

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


@pytest.mark.parametrize("top", [1, 255, 65535])
def test_floats_are_scaled_by_the_smallest_usual_range_that_holds_them(top):
    shades = np.linspace(0, top, 64, dtype=np.float32).reshape(8, 8)
    np.testing.assert_allclose(decoded(Image.fromarray(shades), "TIFF")[..., 2], shades * (255 / top), atol=0.51)


@pytest.mark.parametrize("value", [-0.5, 1e6, float("nan")])
def test_floats_of_no_usual_range_are_refused(value):
    with pytest.raises(ValueError, match="floating-point"):
        decode(encoded(Image.fromarray(np.full((4, 4), value, np.float32)), "TIFF"))


def test_32_bit_integers_beyond_16_bits_are_refused():
    with pytest.raises(ValueError, match="integers from 0 to 70000"):
        decode(encoded(Image.fromarray(np.array([[0, 70000]], np.int32)), "TIFF"))


def test_transparency_of_a_large_picture_is_laid_over_white_strip_by_strip(monkeypatch):
    monkeypatch.setattr(pictures, "_STRIP", 16)
    translucent = np.dstack([COLOURS, RAMP])
    whole = Image.alpha_composite(Image.new("RGBA", (8, 8), "white"), Image.fromarray(translucent)).convert("RGB")
    np.testing.assert_array_equal(decoded(Image.fromarray(translucent)), np.asarray(whole))


def test_too_many_pixels_are_refused_with_their_number(monkeypatch):
    monkeypatch.setattr(pictures, "MOST_PIXELS", 50)
    with pytest.raises(ValueError, match="8×8 pixels, more than 50"):
        decode(encoded(Image.fromarray(COLOURS)))


def test_a_bomb_is_refused_before_it_is_decoded():
    with pytest.raises(Image.DecompressionBombError):
        decode(claims(30000, 30000))


def test_postscript_starts_no_program():
    with pytest.raises(UnidentifiedImageError) as caught:
        decode(encoded(Image.fromarray(COLOURS), "EPS"))
    assert reason(caught.value) == "no picture of a format that can be read"


@pytest.mark.parametrize(
    ("content", "why"), [(b"", "empty file"), (b"hello", "no picture of a format that can be read")]
)
def test_a_reason_is_a_few_words(content, why):
    with pytest.raises((ValueError, OSError)) as caught:
        picture(content, 8)
    assert reason(caught.value) == why


def test_a_jpeg_is_drafted_only_where_twice_the_pixels_are_left(monkeypatch):
    sizes = []
    monkeypatch.setattr(pictures, "to_rgb", lambda image: sizes.append(image.size) or image.convert("RGB"))
    jpeg = encoded(Image.new("RGB", (640, 480)), "JPEG")
    for size, resize in [(32, "crop"), (64, "crop"), (224, "crop"), (64, "pad"), (32, "square"), (None, "crop")]:
        decode(jpeg, size, resize)
    assert sizes == [(160, 120), (320, 240), (640, 480), (160, 120), (640, 480), (640, 480)]


def test_a_draft_looks_like_the_whole_picture():
    smooth = Image.fromarray(np.kron(COLOURS, np.ones((64, 64, 1), np.uint8)))
    jpeg = encoded(smooth, "JPEG", quality=95)
    drafted, whole = picture(jpeg, 32, "crop").astype(int), picture(jpeg, 32, "square").astype(int)
    assert np.abs(drafted - whole).mean() < 3


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


def test_crop_keeps_224_of_256_above_64_pixels():
    assert [shorter_side(size) for size in (8, 32, 64, 96, 224)] == [8, 32, 64, 110, 256]
    ramp = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 256, 0).repeat(3, 2)
    cut = fit(Image.fromarray(ramp), 224, "crop")
    np.testing.assert_array_equal(cut[0, 100], np.arange(16, 240))
    assert fit(Image.fromarray(ramp), 224, "square")[0, 100, [0, -1]].tolist() == [0, 255]


def test_squash_keeps_all_of_the_picture():
    halves = np.zeros((8, 32, 3), np.uint8)
    halves[:, 16:] = 255
    squashed = fit(Image.fromarray(halves), 8, "squash")
    assert squashed[0, 0, 0] < 10 and squashed[0, 0, -1] > 245


@pytest.mark.parametrize(("height", "width"), [(4, 8), (8, 4), (1, 2000)])
def test_pad_keeps_the_shape_and_fills_up_with_white(height, width):
    padded = fit(Image.new("RGB", (width, height)), 8, "pad")
    assert padded.shape == (3, 8, 8)
    black = (padded[0] < 128).sum()
    assert black == max(1, 8 * height // max(height, width)) * max(1, 8 * width // max(height, width))
    assert padded[0, 0, 0] == 255


@pytest.mark.parametrize("resize", ["crop", "square", "squash", "pad"])
@pytest.mark.parametrize("shape", [(1, 1), (1, 20000), (20000, 1), (3, 2)])
def test_no_shape_is_too_odd(resize, shape):
    assert fit(Image.new("RGB", shape, "red"), 96, resize).shape == (3, 96, 96)
