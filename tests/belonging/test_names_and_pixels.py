"""Two classes of one name, pictures changed under an unchanged size and time, and the p that is called Welch's."""

import os

import numpy as np
import pytest
import torch
from PIL import Image
from scipy import stats

from holdfast.data import Images, load_images
from holdfast.statistics import larger_mean_p


@pytest.mark.parametrize("sizes", [(2, 2), (3, 9), (6, 40), (500, 300)])
def test_the_p_named_welch_is_welchs(sizes):
    rng = np.random.default_rng(sum(sizes))
    for shift, spread in ((0.0, 1.0), (0.7, 3.0), (-2.0, 0.2), (40.0, 1.0)):
        own, null = rng.normal(shift, 1, sizes[0]), rng.normal(0, spread, sizes[1])
        wanted = stats.ttest_ind(own, null, equal_var=False, alternative="greater")[1]
        assert larger_mean_p(own, null) == pytest.approx(wanted, rel=1e-6, abs=1e-300)


def test_sets_that_do_not_vary_say_nothing():
    assert larger_mean_p(np.ones(4), np.zeros(5)) == 1.0


def test_two_classes_of_one_name_are_refused():
    pixels = torch.zeros(4, 3, 8, 8, dtype=torch.uint8)
    with pytest.raises(ValueError, match=r"another name for each class, got 'cat' for 2 of them"):
        Images(pixels=pixels, ids=torch.arange(4), labels=torch.tensor([0, 1, 2, 0]), classes=("cat", "dog", "cat"))


def test_two_classes_of_one_name_in_a_file_are_one_line(tmp_path, refused):
    images = np.zeros((8, 8, 8, 3), np.uint8)
    np.savez(tmp_path / "a.npz", images=images, labels=np.arange(8) % 2, classes=np.array(["cat", "cat"]))
    assert "got 'cat' for 2 of them" in refused(f"inspect {tmp_path / 'a.npz'} --method none")


def test_a_picture_that_changed_under_its_size_and_time_changes_the_checksum(tmp_path):
    rng = np.random.default_rng(0)
    for name in "abcd":
        Image.fromarray(rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)).save(tmp_path / f"{name}.bmp")
    path, before = tmp_path / "b.bmp", (tmp_path / "b.bmp").stat()
    streamed = {"size": 8, "memory_gib": 1e-9, "workers": 0}
    first = load_images(str(tmp_path), **streamed).checksum
    changed = bytearray(path.read_bytes())
    changed[-1] ^= 0xFF
    path.write_bytes(bytes(changed))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    assert load_images(str(tmp_path), **streamed).checksum != first
