"""More than 8 bits, whatever holds them: every format shows one picture, also where values fill 12 bits of 16."""

import io

import numpy as np
import pytest
import tifffile
from deep_files import COLOURS, RAMP, SIDE, deep_files, of_bits, tiff
from PIL import Image

from holdfast.data import load_images
from holdfast.data.files.deep import UnscaledError
from holdfast.data.files.pictures import decode, look


def shown(encoded, white):
    """[h, w, 3] in [0, 1], once its collection's scale is set."""
    with pytest.raises(UnscaledError) as waiting:
        decode(encoded, ranges={})
    kind = waiting.value.reach.kind
    return np.asarray(decode(encoded, ranges={kind: (0.0, float(white))})) / 255


@pytest.mark.parametrize("top", [4095, 65535])
def test_every_format_shows_the_same_picture(top):
    wrong = {}
    for name, deep in deep_files(top):
        expected = deep.shown if deep.shown.ndim == 3 else np.repeat(deep.shown[..., None], 3, -1)
        distance = np.abs(shown(deep.encoded, deep.white) - expected).max()
        if distance > 1.5 / 255:
            wrong[name] = distance
    assert wrong == {}


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_deep_tiff_is_turned_once_however_it_is_read(orientation):
    grey, extra = of_bits(RAMP, 65535)[:5], [(274, "H", 1, orientation, True)]
    turns = [None, None, 0, 3, 1, 5, 4, 6, 2]
    stored = Image.fromarray(np.round(RAMP[:5] * 255).astype(np.uint8))
    upright = stored if turns[orientation] is None else stored.transpose(Image.Transpose(turns[orientation]))
    three = np.repeat(grey[..., None], 3, -1)
    rgb = {"photometric": "rgb", "extratags": extra}
    for values, options in (
        (grey, {"extratags": extra}),
        (three, rgb),
        (three.transpose(2, 0, 1), rgb | {"planarconfig": "separate"}),
        (np.dstack([three, np.full_like(grey, 65535)]), rgb | {"extrasamples": ["assocalpha"]}),
        (grey / 65535, {"extratags": extra}),
        (grey.astype(np.int32), {"extratags": extra, "byteorder": ">", "compression": "zlib"}),
    ):
        got = shown(tiff(values, **options), 1.0 if values.dtype.kind == "f" else 65535)[..., 0]
        assert np.abs(got - np.asarray(upright) / 255).max() < 1.5 / 255


def test_signed_bytes_are_numbers_around_zero():
    values = np.linspace(-128, 127, SIDE * SIDE).round().astype(np.int8).reshape(SIDE, SIDE)
    for compression in (None, "zlib"):
        with pytest.raises(UnscaledError) as waiting:
            decode(tiff(values, compression=compression), ranges={})
        assert waiting.value.reach == ("integers", -128.0, 127.0)


def test_stored_numbers_of_a_fits_picture_are_signed():
    from deep_files import fits

    values = np.linspace(-1000, 2000, SIDE * SIDE).round().astype(">i2").reshape(SIDE, SIDE)
    with pytest.raises(UnscaledError) as waiting:
        decode(fits(values, 16), ranges={})
    assert waiting.value.reach == ("integers", -1000.0, 2000.0)


@pytest.mark.parametrize("top", [255, 65535])
def test_a_palette_of_a_tiff_may_have_8_bits_or_16(top):
    palette = np.stack([np.arange(256), np.arange(256)[::-1], np.full(256, 77)]) * (top // 255)
    ramp = np.round(RAMP * 255).astype(np.uint8)
    got = np.asarray(decode(tiff(ramp, photometric="palette", colormap=palette.astype(np.uint16))))
    np.testing.assert_array_equal(got, np.stack([ramp, 255 - ramp, np.full_like(ramp, 77)], -1))


def test_inks_of_16_bits_are_read_or_refused():
    inks = np.dstack([1 - COLOURS, np.zeros_like(RAMP)])
    options = {"photometric": "separated"}
    assert np.abs(shown(tiff(of_bits(inks, 65535), **options), 65535) - COLOURS).max() < 1.5 / 255
    with pytest.raises(ValueError, match=r"inks \(CMYK\) of 16 bits that reach 4,013 of 65,535"):
        decode(tiff(of_bits(inks, 4095), **options))


@pytest.mark.parametrize(
    ("values", "options", "message"),
    [
        (np.zeros((4, 4, 4), np.uint16), {"photometric": "minisblack", "planarconfig": "contig"}, "4 bands that are"),
        (np.zeros((4, 4), np.complex64), {}, "complex64"),
        (np.zeros((4, 4), np.float32), {"photometric": "miniswhite"}, "the least is white"),
    ],
)
def test_what_is_no_picture_for_sure_is_set_aside_with_its_reason(tmp_path, values, options, message):
    tifffile.imwrite(tmp_path / "a.tif", values, **options)
    Image.fromarray(np.round(RAMP * 255).astype(np.uint8)).save(tmp_path / "b.png")
    images = load_images(tmp_path)
    assert len(images) == 1
    assert message in images.rejected[0].reason


def test_without_tifffile_a_tiff_that_pillow_does_not_read_names_the_extra(tmp_path, monkeypatch):
    tifffile.imwrite(tmp_path / "a.tif", RAMP)
    Image.fromarray(np.round(RAMP * 255).astype(np.uint8)).save(tmp_path / "b.png")
    monkeypatch.setitem(__import__("sys").modules, "tifffile", None)
    assert "holdfast[tiff]" in load_images(tmp_path).rejected[0].reason


def test_a_compressed_sgi_picture_of_16_bits_is_set_aside():
    from deep_files import sgi

    encoded = bytearray(sgi(of_bits(COLOURS, 65535)))
    encoded[2] = 1
    with pytest.raises(ValueError, match="a compressed SGI picture of 16 bits"):
        decode(bytes(encoded))


def test_a_look_at_a_tiff_that_pillow_does_not_read_sees_the_same(tmp_path):
    seen = look(io.BytesIO(tiff(COLOURS.astype(np.float32), photometric="rgb")), 32)
    assert seen.sides == (SIDE, SIDE)
    assert seen.kind[0] == "TIFF"
    assert seen.reach is not None
    assert seen.reach.kind == "floats"
