"""A first convolution that whitens: filters from the covariance of patches (frozen in K. Jordan's airbench, 2024)."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from holdfast.models.encoders import Encoder

EPS = 5e-4
"""Added to each variance before its root: directions that hardly vary would be noise at full volume."""


def whitening_filters(patches: Tensor, *, eps: float = EPS) -> Tensor:
    """[k, k]: rows that take patches [n, k] to uncorrelated numbers of variance λ / (λ + eps), the largest λ first.

    λ are the eigenvalues of the patches' covariance; rows are its eigenvectors over √(λ + eps).
    """
    centred = (patches - patches.mean(0)).double()
    variances, directions = torch.linalg.eigh(centred.T @ centred / len(patches))
    rows = (directions / (variances.clamp_min(0) + eps).sqrt()).T.flip(0)
    largest = rows.gather(1, rows.abs().argmax(1, keepdim=True))
    return (rows * largest.sign()).to(patches.dtype)  # eigenvectors have no sign of their own


@torch.no_grad()
def whiten_first_convolution(encoder: Encoder, images: Tensor) -> int:
    """Puts whitening filters, then their negatives, into an encoder's first convolution, in place; says how many.

    images: [n, 3, h, w] in [0, 1], whose patches are looked at after the encoder's normalisation. Takes the largest
    variances where the convolution has too few filters, and leaves those beyond 2k as they are; batch norm and ReLU
    behind it see both signs of each direction. Raises ValueError for an encoder whose pixels meet no convolution first.
    """
    first = next((module for module in encoder.network.modules() if isinstance(module, nn.Conv2d)), None)
    if first is None or first.in_channels != 3 or first.groups != 1:
        raise ValueError(
            f"expected an encoder that begins with a convolution of 3 channels, got {encoder.spec.encoder}; "
            "leave --whiten out"
        )
    side = first.kernel_size[0]
    pixels = (images - encoder.mean) / encoder.std
    patches = F.unfold(pixels, first.kernel_size, stride=max(1, side // 2)).mT.flatten(0, 1)
    filters = whitening_filters(patches)[: max(1, first.out_channels // 2)]
    both = torch.cat([filters, -filters])[: first.out_channels].view(-1, *first.weight.shape[1:])
    first.weight[: len(both)] = both
    return len(both)
