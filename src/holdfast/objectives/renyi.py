"""RényiCL's skew Rényi divergence between pairs of one image and pairs of any two (arXiv:2208.06270)."""

import math

import torch
from torch import Tensor

from holdfast.objectives.contrastive import positives, require_negatives, same_image, similarities

SKEW = 1 / 65536


def renyi(z1: Tensor, z2: Tensor, *, temperature: float, order: float = 2.0, skew: float = SKEW) -> Tensor:
    """-J, J = log(mean_pos e^{(g-1)c})/(g-1) - log(a mean_pos e^{gc} + (1-a) mean_neg e^{gc})/g, of order g and skew a.

    c: cosine over temperature; the means run over all pairs of views of one image and of two images in the batch, not
    by row. At order 1 the first term is the mean of the positives. J is a lower bound of the divergence, at most log(1
    / a); the released code minimises another value with the same gradient. z1, z2: embeddings [n, d], n >= 2. A scalar
    in nats, lower is better; float32 for half precision. Raises ValueError as nt_xent does, for a single image, an
    order below 1 and a skew outside (0, 1).
    """
    if not order >= 1 or not 0 < skew < 1:
        raise ValueError(
            f"expected an order >= 1 and a skew in (0, 1), got {order} and {skew}; the paper has 2, 1/65536"
        )
    similarity = similarities(z1, z2, temperature=temperature)
    require_negatives(similarity)
    alike, unlike = positives(similarity), similarity[~same_image(similarity)]
    first = alike.mean() if order == 1 else _log_mean_exp((order - 1) * alike) / (order - 1)
    both = torch.stack(
        [math.log(skew) + _log_mean_exp(order * alike), math.log1p(-skew) + _log_mean_exp(order * unlike)]
    )
    return both.logsumexp(0) / order - first


def _log_mean_exp(values: Tensor) -> Tensor:
    return values.logsumexp(0) - math.log(len(values))
