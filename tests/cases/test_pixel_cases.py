"""Pixels that used to come out turned, inverted or black: each file stands for a kind."""

import io
import struct
import zlib

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms, features

from holdfast.data import load_images
from holdfast.data.files.deep import Reach, ranges_of

SIDE = 16
RAMP = np.linspace(5, 250, SIDE * SIDE).round().astype(np.uint8).reshape(SIDE, SIDE)
COLOURS = np.stack([RAMP, RAMP.T, 255 - RAMP], -1)
WIDE = (COLOURS.astype(np.uint16) * 257).astype(np.uint16)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "pictures").mkdir()
    return tmp_path / "pictures"


def pixels(source, **options):
    """uint8 [n, h, w, 3]."""
    return load_images(source, **options).pixels.numpy().transpose(0, 2, 3, 1)


def png_16(values):
    """A PNG of 16 bits, grey or RGB, as no encoder here writes it."""
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    kind = 0 if values.ndim == 2 else {3: 2, 4: 6}[values.shape[2]]
    head = struct.pack(">IIBBBBB", values.shape[1], values.shape[0], 16, kind, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    )


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["tiff", "png", "webp", "jpeg", "tiff 16"])
def test_a_picture_is_turned_once_whatever_holds_its_tag(folder, orientation, kind):
    stored, exif = Image.fromarray(COLOURS[:12]), Image.Exif()
    exif[0x0112] = orientation
    turns = [None, None, 0, 3, 1, 5, 4, 6, 2]
    upright = stored if turns[orientation] is None else stored.transpose(Image.Transpose(turns[orientation]))
    if kind == "tiff 16":
        tag = [(274, "H", 1, orientation, True)]
        tifffile.imwrite(folder / "a.tif", WIDE[:12], photometric="rgb", extratags=tag)
    else:
        options = {"quality": 95} if kind == "jpeg" else {"lossless": True} if kind == "webp" else {}
        stored.save(folder / f"a.{kind}", kind.upper(), exif=exif, **options)
    got = pixels(folder)[0].astype(int)
    assert got.shape == (upright.height, upright.width, 3)
    assert np.abs(got - np.asarray(upright)).mean() < (8 if kind == "jpeg" else 0.1)


@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_where_the_least_is_white_it_is_white(folder, dtype, compression):
    values = RAMP if dtype == np.uint8 else WIDE[..., 0]
    top = np.iinfo(dtype).max
    tifffile.imwrite(folder / "a.tif", top - values, photometric="miniswhite", compression=compression)
    np.testing.assert_allclose(pixels(folder)[0, ..., 0], RAMP, atol=1)


@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("byteorder", ["<", ">"])
@pytest.mark.parametrize("planes", ["contig", "separate"])
def test_deep_colours_of_a_tiff_are_those_that_were_stored(folder, compression, byteorder, planes):
    values = WIDE if planes == "contig" else np.ascontiguousarray(WIDE.transpose(2, 0, 1))
    options = {"photometric": "rgb", "planarconfig": planes, "compression": compression, "byteorder": byteorder}
    tifffile.imwrite(folder / "a.tif", values, **options)
    np.testing.assert_array_equal(pixels(folder)[0], COLOURS)


def test_planes_that_pillow_reads_wrongly_are_refused_without_tifffile(folder, monkeypatch):
    tifffile.imwrite(folder / "a.tif", np.ascontiguousarray(WIDE.transpose(2, 0, 1)), photometric="rgb")
    Image.fromarray(COLOURS).save(folder / "b.png")
    monkeypatch.setitem(__import__("sys").modules, "tifffile", None)
    images = load_images(folder)
    assert len(images) == 1 and "holdfast[tiff]" in images.rejected[0].reason


def jpeg_2000(bits, bands):
    """The head of a JPEG 2000 codestream behind a box, which is all that is read before it is refused."""
    size = struct.pack(">HHIIIIIIIIH", 38 + 3 * bands, 0, 8, 8, 0, 0, 8, 8, 0, 0, bands)
    return b"\xff\x4f\xff\x51" + size + bytes([bits - 1, 1, 1]) * bands


@pytest.mark.skipif(not features.check("jpg_2000"), reason="this Pillow reads no JPEG 2000")
@pytest.mark.parametrize(("bits", "bands", "refused"), [(12, 3, True), (16, 4, True), (8, 3, False), (12, 1, False)])
def test_deep_colours_of_jpeg_2000_are_refused_and_others_are_not(folder, bits, bands, refused):
    (folder / "a.j2k").write_bytes(jpeg_2000(bits, bands))
    Image.fromarray(COLOURS).save(folder / "b.jp2")
    images = load_images(folder, size=16)
    reasons = [reason for path, reason in images.rejected if path == "a.j2k"]
    assert (f"a JPEG 2000 picture with colours of {bits} bits" in reasons[0]) == refused
    assert images.paths[0] == "b.jp2"


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
@pytest.mark.parametrize("kind", ["grey png", "colour png", "grey tiff", "colour tiff", "pgm", "parquet"])
def test_one_scale_for_all_deep_pictures_of_a_collection(folder, tmp_path, bits, kind, write_encoded):
    top = 2**bits - 1
    arrays = [(COLOURS.astype(float) / 255 * top * share).round().astype(np.uint16) for share in (0.25, 1.0)]
    arrays[1][0, 0] = top
    arrays = [array if "colour" in kind else array[..., 0] for array in arrays]
    if kind == "parquet":
        source = write_encoded([png_16(array) for array in arrays])
    else:
        source = folder
        for number, array in enumerate(arrays):
            write_deep(folder / f"{number}", array, kind)
    images = load_images(source)
    got = images.pixels.numpy().transpose(0, 2, 3, 1)
    for found, array in zip(got, arrays, strict=True):
        expected = array / top * 255
        np.testing.assert_allclose(found if array.ndim == 3 else found[..., 0], expected, atol=0.51)
    assert images.ranges == {"integers": (0.0, float(top))}
    assert f"0 is black, {top:,} is white" in images.notes[0]
    small = load_images(source, limit=1, seed=0, pixel_range=(0, top))
    np.testing.assert_array_equal(small.pixels, images.select(small.ids).pixels)


def write_deep(path, array, kind):
    if "png" in kind:
        path.with_suffix(".png").write_bytes(png_16(array))
    elif kind == "pgm":
        head = f"P5 {array.shape[1]} {array.shape[0]} 65535\n".encode()
        path.with_suffix(".pgm").write_bytes(head + array.astype(">u2").tobytes())
    else:
        tifffile.imwrite(path.with_suffix(".tif"), array, photometric="rgb" if array.ndim == 3 else "minisblack")


@pytest.fixture
def write_encoded(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    def write(encoded):
        pq.write_table(pa.table({"image": [{"bytes": one, "path": None} for one in encoded]}), tmp_path / "a.parquet")
        return tmp_path / "a.parquet"

    return write


@pytest.mark.parametrize("workers", [None, 0, 1])
def test_reflectances_a_little_above_one_do_not_darken_half_of_the_pictures(folder, workers):
    for number in range(6):
        reflectance = RAMP.astype(np.float32) / 255
        if number % 2:
            reflectance[:2, :2] = 1.05
        Image.fromarray(reflectance).save(folder / f"{number}.tif")
    streamed = {} if workers is None else {"size": SIDE, "memory_gib": 1e-9, "workers": workers}
    images = load_images(folder, **streamed).loaded()
    means = images.pixels.float().mean((1, 2, 3))
    assert means.min() > 115 and means.max() - means.min() < 10
    assert images.ranges["floats"] == pytest.approx((0, 1.05))


@pytest.mark.parametrize(("low", "high"), [(-1024, 3071), (0, 70000), (-1, 1)])
def test_integers_of_32_bits_are_scaled_by_what_they_reach(folder, low, high):
    values = np.linspace(low, high, SIDE * SIDE).round().astype(np.int32).reshape(SIDE, SIDE)
    Image.fromarray(values).save(folder / "a.tif")
    np.testing.assert_allclose(pixels(folder)[0, ..., 0], (values - low) / (high - low) * 255, atol=0.51)


def test_numbers_that_are_none_are_set_aside(folder):
    for name, value in (("a", np.nan), ("b", np.inf), ("c", 0.5)):
        Image.fromarray(np.full((4, 4), value, np.float32)).save(folder / f"{name}.tif")
    images = load_images(folder)
    assert [path for path, _ in images.rejected] == ["a.tif", "b.tif"] and len(images) == 1


def test_a_range_that_is_given_is_taken_and_what_is_beyond_is_clipped(folder):
    Image.fromarray(np.array([[0, 100], [200, 4095]], np.uint16)).save(folder / "a.png")
    assert pixels(folder, pixel_range=(100, 200))[0, ..., 0].tolist() == [[0, 0], [255, 255]]
    with pytest.raises(ValueError, match="--pixel-range LOW HIGH with LOW below HIGH, got 5 and 5"):
        load_images(folder, pixel_range=(5, 5))


@pytest.mark.parametrize(
    ("reaches", "expected"),
    [
        ([("integers", 0, 300), ("integers", 7, 5)], (0, 1023)),
        ([("integers", 0, 255)], (0, 255)),
        ([("floats", 0.1, 0.3)], (0, 1)),
        ([("floats", 0, 240.0)], (0, 255)),
        ([("floats", 0, 30.0)], (0, 30)),
        ([("floats", -20.0, 5.0), ("floats", 0, 9.0)], (-20, 9)),
    ],
)
def test_scales_follow_from_what_all_reach(reaches, expected):
    assert list(ranges_of(Reach(*reach) for reach in reaches).values()) == [expected]


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_an_exif_that_cannot_be_read_does_not_cost_the_picture(folder, kind):
    buffer = io.BytesIO()
    Image.fromarray(COLOURS).save(buffer, kind, lossless=True, exif=b"Exif\0\0broken beyond repair")
    (folder / "a.img").write_bytes(buffer.getvalue())
    (folder / "a.img").rename(folder / f"a.{kind.lower()}")
    np.testing.assert_array_equal(pixels(folder)[0], COLOURS)


def test_icc_profiles_are_kept_from_costing_the_picture(folder):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    Image.fromarray(COLOURS).save(folder / "a.png", icc_profile=profile)
    np.testing.assert_array_equal(pixels(folder)[0], COLOURS)
