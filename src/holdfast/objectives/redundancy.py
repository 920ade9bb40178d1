"""Losses without negatives that keep dimensions apart: VICReg (arXiv:2105.04906), Barlow Twins (arXiv:2103.03230)."""

import torch
from torch import Tensor
from torch.nn import functional as F


def vicreg(
    z1: Tensor, z2: Tensor, *, similarity: float = 25.0, variance: float = 25.0, covariance: float = 1.0
) -> Tensor:
    """similarity · S + variance · V + covariance · C of two views' embeddings [n, d] as given, n >= 2.

    S: mean over images and dimensions of the squared difference. V: mean over views and dimensions of how far a
    dimension's standard deviation is below 1. C: over both views, the sum of squared covariances of two dimensions over
    d. The paper's weights 25, 25, 1 belong to these means, as in its released code. A scalar of at least 0, lower is
    better; float32 for half precision. Raises ValueError for shapes that differ and for a single image.
    """
    z1, z2 = _pair(z1, z2)
    agreement = F.mse_loss(z1, z2)
    spread = sum(F.relu(1 - (z.var(0) + 1e-4).sqrt()).mean() for z in (z1, z2)) / 2
    return similarity * agreement + variance * spread + covariance * (_off_diagonal(z1) + _off_diagonal(z2))


def barlow_twins(z1: Tensor, z2: Tensor, *, weight: float = 0.0051) -> Tensor:
    """sum_i (1 - C_ii)² + weight · sum over i != j of C_ij², C [d, d] the correlation of dimensions between two views.

    z1, z2: embeddings [n, d], n >= 2; each dimension is standardised over the batch. A scalar of at least 0, lower is
    better; float32 for half precision. Raises ValueError for shapes that differ and for a single image.
    """
    z1, z2 = _pair(z1, z2)
    one, other = ((z - z.mean(0)) / (z.var(0, correction=0) + 1e-5).sqrt() for z in (z1, z2))
    with torch.autocast(z1.device.type, enabled=False):
        correlation = one.T @ other / len(z1)
    same = correlation.diagonal()
    return (1 - same).square().sum() + weight * (correlation.square().sum() - same.square().sum())


def _pair(z1: Tensor, z2: Tensor) -> tuple[Tensor, Tensor]:
    if z1.shape != z2.shape or z1.ndim != 2:
        raise ValueError(
            f"expected two views of shape [n, d], got {list(z1.shape)} and {list(z2.shape)}; pair them first"
        )
    if len(z1) < 2:
        raise ValueError(f"expected at least 2 images to measure their spread, got {len(z1)}; raise the batch size")
    half = z1.dtype in (torch.bfloat16, torch.float16)
    return (z1.float(), z2.float()) if half else (z1, z2)


def _off_diagonal(z: Tensor) -> Tensor:
    with torch.autocast(z.device.type, enabled=False):
        centred = z - z.mean(0)
        covariance = centred.T @ centred / (len(z) - 1)
    return (covariance.square().sum() - covariance.diagonal().square().sum()) / z.shape[1]
