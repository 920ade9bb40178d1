"""The blind baseline: it finds what pixels give away, and nothing where there is nothing."""

import io

import numpy as np
import torch
from PIL import Image

from holdfast.evaluation.inference import blind_scores, picture_statistics
from holdfast.statistics import detection_auc

SIDE = 32


def photographs(count: int, seed: int) -> torch.Tensor:
    """Noise [n, 3, 32, 32] uint8 whose amplitude falls with the frequency, as that of photographs does."""
    random = np.random.default_rng(seed)
    y, x = (np.fft.fftfreq(SIDE) for _ in range(2))
    spectrum = np.fft.fft2(random.normal(size=(count, 3, SIDE, SIDE))) / np.maximum(np.hypot(y[:, None], x), 1 / SIDE)
    waves = np.fft.ifft2(spectrum).real
    waves = waves / waves.std((1, 2, 3), keepdims=True) * random.uniform(20, 50, (count, 1, 1, 1))
    return torch.from_numpy(np.clip(128 + waves, 0, 255).astype(np.uint8))


def through_jpeg(pixels: torch.Tensor, quality: int) -> torch.Tensor:
    found = []
    for one in pixels.permute(0, 2, 3, 1).numpy():
        file = io.BytesIO()
        Image.fromarray(one).save(file, "jpeg", quality=quality)
        found.append(torch.from_numpy(np.asarray(Image.open(file)).copy()))
    return torch.stack(found).permute(0, 3, 1, 2)


def blind(pixels: torch.Tensor, member: np.ndarray) -> tuple[float, float, float]:
    scores = blind_scores(picture_statistics(pixels), member, np.arange(len(member)), seed=0)
    auc, interval = detection_auc(scores, member)
    assert interval is not None
    return auc, interval[0], interval[1]


def test_jpeg_of_quality_50_is_told_from_png_without_any_encoder():
    pixels = photographs(600, 0)
    member = np.arange(600) < 300
    auc, low, _ = blind(torch.cat([through_jpeg(pixels[:300], 50), pixels[300:]]), member)
    assert auc > 0.95 and low > 0.9


def test_random_halves_of_one_pool_are_not_told_apart():
    _, low, high = blind(photographs(600, 1), np.random.default_rng(0).permutation(600) < 300)
    assert low <= 0.5 <= high


def test_statistics_are_finite_for_plain_and_for_tiny_pictures():
    for side in (4, 8, 33):
        found = picture_statistics(torch.zeros(3, 3, side, side, dtype=torch.uint8))
        assert found.shape == (3, 50) and np.isfinite(found).all()
