import numpy as np
import pytest
import torch

from holdfast.data import duplicate_groups, perceptual_hash
from holdfast.data.duplicates import hashed
from holdfast.data.duplicates.hashed import hash_bits, near_groups, unit_rows
from holdfast.data.duplicates.near import unit_thumbnails


def pictures(n=60, side=32, seed=0):
    """Smooth pictures [n, 3, side, side], all different."""
    small = torch.rand(n, 3, 6, 6, generator=torch.Generator().manual_seed(seed))
    large = torch.nn.functional.interpolate(small, size=side, mode="bicubic").clamp(0, 1)
    return (255 * large).round().to(torch.uint8).numpy()


def with_twins():
    """Pictures of which 5, 7 and 9 are 0 again, once a little brighter and once with noise."""
    found = pictures()
    noise = np.random.default_rng(0).integers(-4, 5, found[0].shape)
    found[5], found[7] = found[0], (0.95 * found[0] + 8).astype(np.uint8)
    found[9] = (found[0].astype(int) + noise).clip(0, 255).astype(np.uint8)
    return found


def thumbnails(images, side=16):
    step = images.shape[-1] // side
    return images.reshape(len(images), 3, side, step, side, step).mean((3, 5)).round().astype(np.uint8)


@pytest.mark.parametrize("side", [16, 8])
@pytest.mark.parametrize("exact", [20_000, 0], ids=["every pair", "by quarters"])
def test_twins_are_found_and_nothing_else(exact, side, monkeypatch):
    monkeypatch.setattr(hashed, "EXACT", exact)
    images = with_twins()
    groups = near_groups(hash_bits(images), thumbnails(images, side))
    assert groups[[0, 5, 7, 9]].tolist() == [0] * 4
    assert len(np.unique(groups)) == 57


def test_all_pairs_give_the_groups_of_resident_images():
    images = with_twins()
    expected = duplicate_groups(torch.from_numpy(images)).numpy()
    assert np.array_equal(near_groups(hash_bits(images), thumbnails(images)), expected)


def test_many_copies_are_one_group_by_quarters(monkeypatch):
    monkeypatch.setattr(hashed, "EXACT", 0)
    images = np.repeat(pictures(3), 200, axis=0)
    groups = near_groups(hash_bits(images), thumbnails(images))
    assert np.unique(groups).tolist() == [0, 200, 400]


def test_no_images_have_no_groups():
    images = pictures(2)[:0]
    assert len(near_groups(np.zeros(0, np.uint64), images)) == 0


def test_hashes_without_torch_are_the_perceptual_hashes():
    images = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (300, 3, 32, 32), np.uint8))
    expected = np.packbits(perceptual_hash(images).numpy() > 0, axis=1).view(np.uint64)[:, 0]
    assert np.array_equal(hash_bits(images.numpy()), expected)


@pytest.mark.parametrize("side", [8, 16])
def test_rows_without_torch_are_those_of_resident_images(side):
    images = np.random.default_rng(0).integers(0, 256, (50, 3, side, side), np.uint8)
    images[0] = 128  # a plain surface
    expected = unit_thumbnails(torch.from_numpy(images)).numpy()
    np.testing.assert_allclose(unit_rows(images), expected, atol=1e-6)
