import numpy as np
import pytest
import torch
from scipy import ndimage

from holdfast.data.corruptions import noise
from holdfast.randomness import fold, key

KEYS = fold(key(0, "fields"), torch.arange(5))
IMAGES = torch.rand(5, 3, 16, 16, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@pytest.mark.parametrize(
    ("sigma", "truncate", "border"), [(0.4, 4.0, "nearest"), (1.5, 4.0, "nearest"), (11.2, 3.0, "reflect")]
)
def test_a_blur_is_scipys_however_wide(sigma, truncate, border):
    blurred = noise.smooth(IMAGES, sigma, truncate=truncate, border=border)
    expected = ndimage.gaussian_filter(IMAGES.numpy(), (0, 0, sigma, sigma), mode=border, truncate=truncate)
    np.testing.assert_allclose(blurred.numpy(), expected, atol=1e-12)


@pytest.mark.parametrize("factor", [1.0, 1.07, 1.25, 3.0])
def test_a_zoom_is_scipys(factor):
    side = IMAGES.shape[-1]
    part = int(np.ceil(side / factor))
    start = (side - part) // 2
    middle = IMAGES[:, :, start : start + part, start : start + part].numpy()
    large = ndimage.zoom(middle, (1, 1, factor, factor), order=1)
    trim = (large.shape[-1] - side) // 2
    expected = large[:, :, trim : trim + side, trim : trim + side]
    np.testing.assert_allclose(noise.zoomed(IMAGES, factor).numpy(), expected, atol=1e-12)


def test_a_kernel_is_applied_as_scipy_does():
    kernel = noise.disk(1.5, 0.1)
    expected = ndimage.correlate(IMAGES.numpy(), kernel.double().numpy()[None, None], mode="mirror")
    np.testing.assert_allclose(noise.filtered(IMAGES, kernel.double()).numpy(), expected, atol=1e-12)


@pytest.mark.parametrize(("radius", "alias"), [(0.3, 0.4), (1.5, 0.1), (3, 0.1), (10, 0.5)])
def test_a_disk_sums_to_one_and_has_its_size(radius, alias):
    kernel = noise.disk(radius, alias)
    assert kernel.sum() == pytest.approx(1)
    torch.testing.assert_close(kernel, kernel.T)
    assert kernel.shape[0] % 2 == 1
    assert (kernel > kernel.max() / 4).sum() == pytest.approx(max(1, np.pi * radius**2), rel=0.3)


def test_a_motion_to_the_right_is_a_weighted_sum_of_what_lies_there():
    moved = noise.motion(IMAGES, torch.zeros(5, dtype=torch.float64), 2, 1)
    weights = torch.softmax(-0.5 * torch.arange(5.0).double().square(), 0)
    padded = torch.nn.functional.pad(IMAGES, (0, 4, 0, 0), mode="replicate")
    expected = sum(weight * padded[..., step : step + 16] for step, weight in enumerate(weights.tolist()))
    torch.testing.assert_close(moved, expected)
    down = noise.motion(IMAGES.mT, torch.full((5,), 90.0, dtype=torch.float64), 2, 1)
    torch.testing.assert_close(down.mT, expected)


def slow_plasma(noises, size):
    """The diamond-square algorithm, point by point; noises by scale [3, k, k]: middles, across, along."""
    cloud, step, scale = np.zeros((size, size)), size, 0
    while step >= 2:
        half = step // 2
        for i in range(0, size, step):
            for j in range(0, size, step):
                around = [cloud[(i + a) % size, (j + b) % size] for a in (0, step) for b in (0, step)]
                cloud[i + half, j + half] = sum(around) / 4 + noises[scale][0, i // step, j // step]
        for i in range(0, size, step):
            for j in range(0, size, step):
                here, right, below = cloud[i, j], cloud[i, (j + step) % size], cloud[(i + step) % size, j]
                middle = cloud[i + half, j + half]
                across = middle + cloud[(i - half) % size, j + half] + here + right
                along = middle + cloud[i + half, (j - half) % size] + here + below
                cloud[i, j + half] = across / 4 + noises[scale][1, i // step, j // step]
                cloud[i + half, j] = along / 4 + noises[scale][2, i // step, j // step]
        step, scale = half, scale + 1
    cloud -= cloud.min()
    return cloud / cloud.max()


def test_clouds_are_those_of_the_algorithm_point_by_point():
    size, decay = 8, 1.75
    clouds = noise.plasma(KEYS[:2], size, decay)
    for number, key_ in enumerate(KEYS[:2]):
        noises = []
        for scale in range(3):
            draws = noise.uniform(fold(key_[None], scale), (3, 2**scale, 2**scale))[0]
            noises.append((100 / decay**scale) ** 2 * (2 * draws.double().numpy() - 1))
        np.testing.assert_allclose(clouds[number].numpy(), slow_plasma(noises, size), atol=1e-5)
    assert clouds.amin() == 0
    assert clouds.amax() == 1


def test_a_smaller_decay_makes_rougher_clouds():
    rough, even = (noise.plasma(KEYS, 32, decay).diff(dim=1).abs().mean() for decay in (1.4, 3.0))
    assert rough > 1.5 * even


def test_shuffled_pixels_come_from_nearby_and_the_rim_stays():
    places = torch.arange(256.0, dtype=torch.float64).reshape(1, 1, 16, 16).expand(5, 3, 16, 16)
    moved = noise.shuffled(places, KEYS, 2)
    rows, columns = moved // 16 - places // 16, moved % 16 - places % 16
    assert rows.aminmax() == (-2, 1)
    assert columns.aminmax() == (-2, 1)
    assert torch.equal(moved[..., :3, :], places[..., :3, :])
    assert torch.equal(moved[..., -1:, :], places[..., -1:, :])
    assert not torch.equal(moved[..., -2, :], places[..., -2, :])
    assert not torch.equal(moved[0], moved[1])


def test_no_shift_samples_the_images_themselves():
    torch.testing.assert_close(noise.displaced(IMAGES, torch.zeros(5, 2, 16, 16, dtype=torch.float64)), IMAGES)
    torch.testing.assert_close(noise.affine(IMAGES, KEYS, 0.0), IMAGES)


def test_a_shift_of_whole_pixels_moves_pixels():
    shifts = torch.zeros(5, 2, 16, 16, dtype=torch.float64)
    shifts[:, 0], shifts[:, 1] = 1, 2
    torch.testing.assert_close(noise.displaced(IMAGES, shifts)[..., :-2, :-1], IMAGES[..., 2:, 1:])


def test_an_affine_moves_pixels_by_no_more_than_its_corners_do():
    columns = torch.arange(16.0, dtype=torch.float64).expand(5, 1, 16, 16)
    moved = noise.affine(columns, KEYS, 0.5)
    assert 0.05 < (moved - columns).abs().max() < 4


def test_draws_depend_on_their_key_alone():
    for draw in (noise.normal, noise.uniform):
        assert torch.equal(draw(KEYS, (4, 3))[3:], draw(KEYS[3:], (4, 3)))
        assert not torch.equal(draw(KEYS, (4, 3))[0], draw(KEYS, (4, 3))[1])
