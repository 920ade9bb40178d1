"""DICOM and HEIC: what a window, a slope, MONOCHROME1 and several frames mean; without the extra it is named."""

import io
import sys

import numpy as np
import pytest
from PIL import Image

from holdfast.data import load_images
from holdfast.data.files.deep.scientific import windowed
from holdfast.data.files.pictures import decode, look

RAMP = np.arange(64, dtype=np.uint16).reshape(8, 8) * 16


def dicom(pixels: np.ndarray, **values) -> bytes:
    pydicom = pytest.importorskip("pydicom")
    from pydicom.dataset import Dataset, FileDataset, FileMetaDataset

    meta = FileMetaDataset()
    meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = pydicom.uid.UID("1.2.840.10008.5.1.4.1.1.7")
    meta.MediaStorageSOPInstanceUID = pydicom.uid.UID("1.2.3")
    data = FileDataset(None, Dataset(), file_meta=meta, preamble=b"\0" * 128)
    several = pixels.ndim == 3 and values.get("SamplesPerPixel", 1) == 1
    data.Rows, data.Columns = pixels.shape[1:3] if several else pixels.shape[:2]
    data.BitsAllocated = data.BitsStored = 8 * pixels.dtype.itemsize
    data.HighBit, data.PixelRepresentation, data.SamplesPerPixel = data.BitsStored - 1, 0, 1
    data.PhotometricInterpretation = "MONOCHROME2"
    if several:
        data.NumberOfFrames = len(pixels)
    data.PixelData = pixels.tobytes()
    for name, value in values.items():
        setattr(data, name, value)
    out = io.BytesIO()
    data.save_as(out, enforce_file_format=True)
    return out.getvalue()


def grey(encoded: bytes, ranges=None) -> np.ndarray:
    pixels = np.asarray(decode(encoded, ranges=ranges))
    assert (pixels == pixels[..., :1]).all()
    return pixels[..., 0]


def test_without_a_window_all_files_have_one_scale_in_their_own_units(tmp_path):
    for name, values in (("dark", RAMP // 4), ("bright", RAMP)):
        (tmp_path / f"{name}.dcm").write_bytes(dicom(values, RescaleSlope=1, RescaleIntercept=-1000))
    images = load_images(tmp_path)
    assert images.ranges == {"integers": (-1000.0, 8.0)}
    for found, values in zip(images.pixels, (RAMP, RAMP // 4), strict=True):
        np.testing.assert_allclose(found[0], 255 * (values / 1008), atol=0.51)
    assert grey(dicom(RAMP), {"integers": (0, 504)}).max() == 255


@pytest.mark.parametrize("kind", ["RGB", "YBR_FULL", "YBR_FULL_422"])
def test_red_is_red_in_each_colour_space(kind):
    stored = {"RGB": [[255, 0, 0]] * 4, "YBR_FULL": [[76, 85, 255]] * 4, "YBR_FULL_422": [[76, 76, 85, 255]] * 2}
    colours = {"SamplesPerPixel": 3, "PlanarConfiguration": 0, "PhotometricInterpretation": kind}
    encoded = dicom(np.zeros((2, 2), np.uint8), PixelData=np.array(stored[kind], np.uint8).tobytes(), **colours)
    np.testing.assert_allclose(np.asarray(decode(encoded)), np.full((2, 2, 3), [255, 0, 0]), atol=1)


def test_a_window_is_of_rescaled_values():
    shown = grey(dicom(RAMP, RescaleSlope=2, RescaleIntercept=-1000, WindowCenter=0, WindowWidth=401))
    expected = np.clip((RAMP * 2.0 - 1000 + 0.5) / 400 + 0.5, 0, 1)
    np.testing.assert_array_equal(shown, np.round(255 * expected).astype(np.uint8))


def test_monochrome_1_is_turned_so_that_both_look_alike():
    scale = {"integers": (0.0, 1023.0)}
    one = grey(dicom(1023 - RAMP, PhotometricInterpretation="MONOCHROME1", BitsStored=10, HighBit=9), scale)
    np.testing.assert_array_equal(one, grey(dicom(RAMP), scale))
    window = {"WindowCenter": 512, "WindowWidth": 1024, "VOILUTFunction": "LINEAR_EXACT"}
    turned = grey(dicom(1024 - RAMP, PhotometricInterpretation="MONOCHROME1", **window))
    np.testing.assert_allclose(turned, grey(dicom(RAMP, **window)), atol=1)


def test_the_first_frame_and_the_first_window_are_taken():
    several = np.stack([RAMP, RAMP[::-1]])
    scale = {"integers": (0.0, 1023.0)}
    np.testing.assert_array_equal(grey(dicom(several), scale), grey(dicom(RAMP), scale))
    assert look(io.BytesIO(dicom(several)), 32).untaken == ("frames beyond the first",)
    first = grey(dicom(RAMP, WindowCenter=[100, 900], WindowWidth=[50, 10]))
    np.testing.assert_array_equal(first, grey(dicom(RAMP, WindowCenter=100, WindowWidth=50)))


def test_colours_come_as_they_are():
    pixels = np.random.default_rng(0).integers(0, 256, (4, 5, 3), dtype=np.uint8)
    encoded = dicom(pixels, SamplesPerPixel=3, PhotometricInterpretation="RGB", PlanarConfiguration=0)
    np.testing.assert_array_equal(np.asarray(decode(encoded)), pixels)


@pytest.mark.parametrize(("function", "low", "high"), [("LINEAR_EXACT", 0.25, 0.75), ("SIGMOID", 0.2689, 0.7311)])
def test_other_window_functions(function, low, high):
    from types import SimpleNamespace

    about = SimpleNamespace(WindowCenter=50, WindowWidth=100, VOILUTFunction=function)
    np.testing.assert_allclose(windowed(np.array([25.0, 75.0]), about), [low, high], atol=1e-4)


def test_a_heic_picture_is_read():
    pillow_heif = pytest.importorskip("pillow_heif")
    pixels = np.full((16, 16, 3), (200, 100, 50), dtype=np.uint8)
    out = io.BytesIO()
    pillow_heif.from_pillow(Image.fromarray(pixels)).save(out, quality=-1)
    assert np.abs(np.asarray(decode(out.getvalue())).astype(int) - pixels).max() <= 3


@pytest.mark.parametrize(
    ("module", "start", "named"),
    [("pydicom", b"\0" * 128 + b"DICM", "holdfast[dicom]"), ("pillow_heif", b"\0\0\0\x18ftypheic", "holdfast[heif]")],
)
def test_without_the_extra_the_reason_names_it(module, start, named, monkeypatch):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(OSError, match="pip install") as caught:
        decode(start + b"\0" * 100)
    assert named in str(caught.value)


@pytest.mark.parametrize(("module", "ending"), [("pydicom", "dcm"), ("pillow_heif", "heic")])
def test_a_real_file_without_its_extra_is_set_aside_with_what_to_install(module, ending, tmp_path, monkeypatch):
    found = pytest.importorskip(module)
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(tmp_path / "b.png")
    if ending == "dcm":
        (tmp_path / "a.dcm").write_bytes(dicom(RAMP))
    else:
        found.from_pillow(Image.new("RGB", (16, 16))).save(tmp_path / "a.heic")
    monkeypatch.setitem(sys.modules, module, None)
    (aside,) = load_images(tmp_path, size=8).rejected
    assert aside.path == f"a.{ending}"
    assert "pip install" in aside.reason and f"holdfast[{'dicom' if ending == 'dcm' else 'heif'}]" in aside.reason


def test_a_dicom_file_that_cannot_be_read_says_why():
    encoded = dicom(RAMP)
    with pytest.raises(ValueError, match=r"a DICOM file that pydicom does not read: .*bytes"):
        decode(encoded[:-40])
