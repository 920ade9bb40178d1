"""The table of docs/data.md on other readers: what those that are installed here do, in the version that it names."""

import io
from importlib.metadata import version

import numpy as np
import pytest
import tifffile
from case_pictures import picture
from deep_files import COLOURS, RAMP, of_bits, tiff
from PIL import Image


def only(**versions):
    """The behaviour is of these versions: the page names them, and another may have mended it."""
    other = {name: version(name) for name, known in versions.items() if version(name) != known}
    return pytest.mark.skipif(bool(other), reason=f"the page speaks of {versions}, installed are {other}")


@pytest.fixture
def tree(tmp_path):
    for place, name in enumerate(("1/x/0.png", "10/1.png", "2/2.png")):
        (tmp_path / "tree" / name).parent.mkdir(parents=True, exist_ok=True)
        picture(place).save(tmp_path / "tree" / name)
    return tmp_path / "tree"


@only(torchvision="0.29.2")
def test_torchvision_takes_the_first_folder_in_the_order_of_text(tree):
    from torchvision.datasets import ImageFolder

    found = ImageFolder(str(tree))
    assert found.classes == ["1", "10", "2"]
    assert [label for _, label in found.samples] == [0, 1, 2]


@only(timm="1.0.31")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # it leaves the broken file open
def test_timm_counts_folders_by_number_and_takes_the_next_file_for_one_that_cannot_be_read(tree):
    from timm.data import ImageDataset

    (tree / "2" / "2.png").write_bytes(b"no picture")
    found = ImageDataset(str(tree))
    samples: list[tuple[str, int]] = vars(found.reader)["samples"]
    names = [str(path.relative_to(tree)) for path in map(tree.__class__, (path for path, _ in samples))]
    assert names == ["1/x/0.png", "2/2.png", "10/1.png"]
    image, label = found[1]
    assert np.array_equal(image, Image.open(tree / "10" / "1.png"))
    assert label == samples[2][1] != samples[1][1]


@only(pandas="3.1.1")
def test_pandas_drops_the_class_names_of_a_parquet(write_shard):
    import pandas

    path = write_shard("a.parquet", [0, 1], [1, 0], class_names=["zebra", "ant"])
    assert pandas.read_parquet(path)["label"].tolist() == [1, 0]


@only(pillow="13.0.0")
def test_pillow_turns_a_tiff_as_it_loads_it_and_a_png_not():
    stored, exif = Image.fromarray(np.round(COLOURS[:5] * 255).astype(np.uint8)), Image.Exif()
    exif[0x0112] = 6
    for kind, size in (("TIFF", (5, 8)), ("PNG", (8, 5))):
        buffer = io.BytesIO()
        stored.save(buffer, kind, exif=exif)
        image = Image.open(buffer)
        image.load()
        assert image.size == size


@only(pillow="13.0.0", tifffile="2026.3.3")
def test_of_tiffs_whose_least_is_white_pillow_inverts_8_bits_and_tifffile_none():
    for dtype, inverted in ((np.uint8, True), (np.uint16, False)):
        top = np.iinfo(dtype).max
        stored = (top - np.round(RAMP * top)).astype(dtype)
        encoded = tiff(stored, photometric="miniswhite")
        assert np.array_equal(np.asarray(Image.open(io.BytesIO(encoded))), top - stored) == inverted
        assert np.array_equal(tifffile.imread(io.BytesIO(encoded)), stored)


@only(pillow="13.0.0")
def test_pillow_takes_bytes_of_deep_planes_for_pixels():
    planes = tiff(of_bits(COLOURS, 65535).transpose(2, 0, 1), photometric="rgb", planarconfig="separate")
    assert np.abs(np.asarray(Image.open(io.BytesIO(planes))) / 255 - COLOURS).mean() > 0.1


@only(pillow="13.0.0")
@pytest.mark.parametrize("kind", [np.int16, np.int32, np.float32])
def test_pillow_turns_the_bytes_of_a_compressed_big_endian_tiff_twice(kind):
    values = np.arange(1, 17).reshape(4, 4).astype(kind)
    read = {
        compression: np.asarray(Image.open(io.BytesIO(tiff(values, byteorder=">", compression=compression))))
        for compression in (None, "zlib")
    }
    assert np.array_equal(read[None], values)
    assert np.array_equal(read["zlib"].astype(kind).view(f"u{values.itemsize}").byteswap().view(kind), values)


@only(pillow="13.0.0")
def test_pillow_keeps_a_byte_of_two_where_a_png_has_opacity():
    from deep_files import png

    deep = png(np.dstack([of_bits(RAMP, 4095), np.full((8, 8), 65535)]), 4)
    assert len(np.unique(np.asarray(Image.open(io.BytesIO(deep)))[..., 0])) <= 16
