"""DCL and DCLW: contrastive losses whose denominator leaves the positive out (arXiv:2110.06848)."""

import torch
from torch import Tensor

from holdfast.objectives.contrastive import positives, require_negatives, same_image, similarities


def dcl(z1: Tensor, z2: Tensor, *, temperature: float) -> Tensor:
    """Mean over the 2n rows of -s_i/t + log sum over both views of all other images of exp(s_ij/t).

    z1, z2: embeddings [n, d] of two views of the same n images, of any length, n >= 2; s is the cosine similarity. A
    scalar in nats, which may be negative; lower is better; float32 for half precision, else the input's dtype. Raises
    ValueError as nt_xent does, and for a single image.
    """
    similarity = similarities(z1, z2, temperature=temperature)
    return (_negatives(similarity) - positives(similarity)).mean()


def dclw(z1: Tensor, z2: Tensor, *, temperature: float, sigma: float = 0.5) -> Tensor:
    """dcl with the positive of image i weighted by 2 - exp(s_i/sigma) / mean over images of it, held constant.

    The weights average 1: hard positives count more. Raises ValueError as dcl does, and for a sigma that is not above
    0.
    """
    if not sigma > 0:
        raise ValueError(f"expected a sigma above 0, got {sigma}; the paper uses 0.5")
    similarity = similarities(z1, z2, temperature=temperature)
    alike = positives(similarity)
    weights = positive_weights(alike.detach() * temperature, sigma=sigma)
    return (_negatives(similarity) - weights * alike).mean()


def positive_weights(cosines: Tensor, *, sigma: float) -> Tensor:
    """2 - exp(s/sigma) / mean exp(s/sigma) of the positives' cosines [m]: mean 1, at most 2."""
    return 2 - len(cosines) * torch.softmax(cosines / sigma, dim=0)


def _negatives(similarity: Tensor) -> Tensor:
    """[2n]: log of the sum over all views of other images."""
    require_negatives(similarity)
    return similarity.masked_fill(same_image(similarity), -torch.inf).logsumexp(dim=1)
