"""What of a folder is no picture, and what of a file is not taken: left out, and said."""

import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tifffile
from PIL import Image

from holdfast.data import load_images
from holdfast.data.survey import survey
from holdfast.inspection import inspect

SIDE = 16
RAMP = np.linspace(5, 250, SIDE * SIDE).round().astype(np.uint8).reshape(SIDE, SIDE)
COLOURS = np.stack([RAMP, RAMP.T, 255 - RAMP], -1)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "pictures").mkdir()
    return tmp_path / "pictures"


def test_what_a_file_holds_beside_its_picture_is_reported(folder):
    small, large = Image.fromarray(COLOURS[:4, :4]), Image.fromarray(COLOURS)
    large.save(folder / "pages.tif", save_all=True, append_images=[large, large])
    tifffile.imwrite(folder / "thumbnail.tif", np.asarray(small), photometric="rgb", subfiletype=1)
    with tifffile.TiffWriter(folder / "below.tif") as file:
        file.write(np.asarray(small), photometric="rgb", subifds=1)
        file.write(COLOURS, photometric="rgb")
    four = np.concatenate([COLOURS, RAMP[..., None]], -1)
    tifffile.imwrite(folder / "bands.tif", four, photometric="rgb", extrasamples=["unspecified"])
    large.save(folder / "film.gif", save_all=True, append_images=[small.resize(large.size), large])
    document = inspect(str(folder))
    assert document["not_taken"] == {
        "pages beyond the first": 1,
        "the first page is a small copy, and the picture itself is another page": 1,
        "pictures below the first page (SubIFDs, as DNG has them)": 1,
        "bands beyond the first 3": 1,
        "frames beyond the first": 1,
    }


def test_inspect_says_what_deep_values_reach(folder):
    for number, top in enumerate((900, 4080)):
        Image.fromarray((RAMP.astype(int) * top // 250).astype(np.uint16)).save(folder / f"{number}.png")
    Image.fromarray(RAMP).save(folder / "plain.png")
    values = inspect(str(folder))["values"]
    assert values == [{"kind": "integers", "images": 2, "low": 18, "high": 4080, "black_white": [0, 4095]}]


def test_a_plain_surface_is_judged_channel_by_channel(folder):
    Image.new("RGB", (32, 32), (200, 30, 90)).save(folder / "red.png")
    Image.fromarray(COLOURS).save(folder / "ramp.png")
    assert survey(str(folder)).flat.tolist() == [False, True]


def test_what_macos_and_this_package_leave_is_no_picture_of_the_collection(folder):
    Image.fromarray(COLOURS).save(folder / "a.png")
    for name, marks in {
        "__MACOSX": [],
        "deep/run": ["config.json", "ids.json"],
        "found": ["atlas.jpg", "samples.parquet"],
        "numbers": ["quality.json"],
        "mine": ["notes.json"],
    }.items():
        (folder / name).mkdir(parents=True)
        Image.fromarray(COLOURS).save(folder / name / "view.png")
        for mark in marks:
            (folder / name / mark).write_text('{"schema": 1, "audit": "quality"}' if mark == "quality.json" else "{}")
    images = load_images(folder)
    assert list(images.paths) == ["a.png", "mine/view.png"]
    assert images.notes == (
        "folders left out: __MACOSX (resource forks of macOS), deep/run (a run), found (an audit), numbers (an audit)",
    )


def test_files_of_other_kinds_are_not_counted_but_those_that_begin_as_pictures_are(folder):
    Image.fromarray(COLOURS).save(folder / "a.png")
    Image.fromarray(COLOURS).save(folder / "b.data", "PNG")
    for number in range(8):
        (folder / f"{number}.wav").write_bytes(b"RIFF\x24\0\0\0WAVEfmt ")
    (folder / "c.bin").write_bytes(b"whatever")
    (folder / "broken.jpg").write_bytes(b"no picture")
    (folder / "more.zip").write_bytes(b"PK\3\4")
    seen = survey(str(folder))
    assert seen.total == 3 and seen.rejected == (("broken.jpg", "no picture of a format that can be read"),)
    assert seen.left_out == (
        "archives are not opened: more.zip; unpack them to have what is in them",
        "9 files that are no pictures are not counted: .wav 8, .bin 1",
    )


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.heic", b"\0\0\0\x18ftypheic", "HEIC picture; pip install pillow-heif"),
        ("a.jxl", b"\xff\x0a\0\0", "JPEG XL picture; convert"),
        ("b.jxl", b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL picture; convert"),
        ("a.dcm", b"\0" * 128 + b"DICM", "DICOM file; convert"),
        ("IM0001", b"\0" * 128 + b"DICM", "DICOM file; convert"),
        ("a.png", b"PK\3\4", "zip archive; unpack"),
    ],
)
def test_formats_that_are_not_read_are_named_with_the_way_out(folder, name, content, words, monkeypatch):
    monkeypatch.setitem(sys.modules, "pydicom", None)  # the extra may be installed here
    (folder / name).write_bytes(content)
    Image.fromarray(COLOURS).save(folder / "z.png")
    assert words in load_images(folder).rejected[0].reason


@pytest.mark.parametrize("name", ["photos.zip", "scan.dcm", "one.jpg", "one.heic"])
def test_a_source_of_another_kind_is_named_as_what_it_is(tmp_path, name):
    content = {
        "zip": b"PK\3\4",
        "dcm": b"\0" * 128 + b"DICM",
        "jpg": b"\xff\xd8\xff",
        "heic": b"\0\0\0\x18ftypheic",
    }[name[-4:].split(".")[-1]]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=r"expected .*; it is a (zip|DICOM|single|HEIC)"):
        load_images(tmp_path / name)


@pytest.mark.parametrize("below", ["", "cats/"])
def test_a_table_of_features_beside_pictures_is_no_shard(folder, below):
    (folder / below).mkdir(exist_ok=True)
    Image.fromarray(COLOURS).save(folder / f"{below}a.png")
    pq.write_table(pa.table({"id": [0], "features": [[0.5, 1.0]]}), folder / "features.parquet")
    assert list(load_images(folder).paths) == [f"{below}a.png"]
    (folder / f"{below}a.png").unlink()
    with pytest.raises(ValueError, match="expected a column 'image' of encoded images"):
        load_images(folder)
