"""How far features move: cosine, whitened cosine (arXiv:2111.11398), within-image over total variance
(arXiv:2010.09515)."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.autograd.forward_ad as fwAD
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from holdfast.evaluation.features import pooled

ESTIMATOR = "Ledoit and Wolf"
"""How a covariance is shrunk, however many images there are: a rule that begins at a number makes a jump there."""
STEP = 0.01
"""Share of a direction that an encoder without forward-mode derivatives is moved by."""
_SMALLEST_SHARE = 1e-8
"""Directions with less than this share of the largest variance are left out: dead units have none to whiten."""


def cosines(features: Tensor, moved: Tensor) -> Tensor:
    """Cosine [n] in [-1, 1] of rows of two tensors [n, dim], float64: 1 for equal rows (also of zeros), 0 beside a
    zero row."""
    a, b = features.double(), moved.double()
    unit = (F.normalize(a, dim=1, eps=1e-30) * F.normalize(b, dim=1, eps=1e-30)).sum(1).clamp(-1, 1)
    return torch.where((a == b).all(1), 1.0, unit)


@dataclass(frozen=True)
class Whitening:
    """The affine map after which clean features have mean 0 and, in the directions they use, covariance 1."""

    mean: Tensor
    """[dim] float64."""
    matrix: Tensor
    """[dim, rank] float64: matrix matrix' is the (pseudo-)inverse of the covariance."""
    shrinkage: float
    """Share of the covariance that was replaced by its mean variance in all directions."""

    def __call__(self, features: Tensor) -> Tensor:
        """[n, rank] float64 of features [n, dim]."""
        return (features.double() - self.mean) @ self.matrix


def whitening(features: Tensor) -> Whitening:
    """The whitening of clean features [n, dim], their covariance shrunk to a multiple of the identity (Ledoit and Wolf,
    doi:10.1016/S0047-259X(03)00096-4), the less the more images there are."""
    if len(features) < 2:
        raise ValueError(f"expected features of at least two images, got {len(features)}; give more clean images")
    x = features.double()
    mean = x.mean(0)
    variances, vectors = torch.linalg.eigh((x - mean).T @ (x - mean) / (len(x) - 1))
    vectors = vectors[:, variances > _SMALLEST_SHARE * variances[-1]]
    rows = (x - mean) @ vectors  # dead units are left out before the rest is drawn towards one variance
    covariance = rows.T @ rows / (len(x) - 1)
    share = _shrinkage(rows, covariance) if rows.shape[1] else 0.0
    values = (1 - share) * covariance.diagonal() + share * covariance.diagonal().mean()
    return Whitening(mean, vectors * values.rsqrt(), share)


def _shrinkage(centred: Tensor, covariance: Tensor) -> float:
    """Ledoit and Wolf's share in [0, 1] for a multiple of the identity, from centred rows and their covariance."""
    n, dim = centred.shape
    sample = covariance * ((n - 1) / n)
    distance = sample.square().sum() - sample.diagonal().sum().square() / dim
    noise = (centred.square().sum(1).square().sum() / n - sample.square().sum()) / n
    return float((noise / distance).clamp(0, 1)) if distance > 0 else 0.0


def whitened_cosines(features: Tensor, moved: Tensor, whiten: Whitening) -> Tensor:
    """Cosine [n] in [-1, 1] of rows after whitening; unchanged by shifts, rotations and one scale of the features, and
    the more changed by another invertible map the worse conditioned it is."""
    return cosines(whiten(features), whiten(moved))


def within_variance(features: Tensor) -> Tensor:
    """[n] in [0, 2]: trace of the unbiased covariance over k passes of each image's unit features [n, k, dim]."""
    if features.ndim != 3 or features.shape[1] < 2:
        raise ValueError(
            f"expected features [n, passes, dim] of two or more passes, got {list(features.shape)}; encode again"
        )
    return F.normalize(features.double(), dim=-1).var(1, correction=1).sum(-1)


def variance_report(features: Tensor) -> dict[str, float]:
    """within, total and ratio of features [n, passes, dim], L2-normalised first; a ratio of 0 is invariant.

    within: mean over images of the trace of the covariance over passes; total: trace of the covariance over all rows;
    both unbiased; ratio: within / total, 0 where nothing moves. (The authors' script groups rows of different images,
    so what it calls conditional variance is nearly the total.)
    """
    within = float(within_variance(features).mean())
    total = float(F.normalize(features.double(), dim=-1).flatten(0, 1).var(0, correction=1).sum())
    return {"within": within, "total": total, "ratio": within / total if within > 0 else 0.0}


@torch.no_grad()
def directional_derivative(
    encoder: nn.Module, images: Tensor, directions: Tensor, *, approximated: Callable[[], object] = lambda: None
) -> Tensor:
    """[n, dim] float32: how features of images [n, 3, h, w] change per unit of directions of the same shape.

    Forward-mode differentiation in the encoder's own precision, attention by its plain formula, which alone has it; an
    encoder without it is moved by STEP of the direction instead, and `approximated` is called. The caller puts it in
    evaluation mode.
    """
    plain = torch.autocast(images.device.type, enabled=False)  # under autocast derivatives err by more than half
    try:
        with warnings.catch_warnings(), plain, sdpa_kernel(SDPBackend.MATH), fwAD.dual_level():
            warnings.simplefilter("ignore", FutureWarning)  # torch 2.15 loads deprecated scripts of its own
            features = pooled(encoder(fwAD.make_dual(images, directions)))
            tangent = fwAD.unpack_dual(features).tangent
            return torch.zeros_like(features.detach()) if tangent is None else tangent.clone()
    except (NotImplementedError, RuntimeError):  # torch raises either for a missing rule; any other error comes again
        with plain:
            before, after = pooled(encoder(images)), pooled(encoder(images + STEP * directions))
        approximated()
        return (after - before) / STEP
