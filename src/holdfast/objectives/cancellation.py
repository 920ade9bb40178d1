"""NT-Xent without each image's likeliest false negatives (arXiv:2207.10862)."""

import torch
from torch import Tensor

from holdfast.objectives.contrastive import positives, require_negatives, same_image, similarities


def cancelling_nt_xent(z1: Tensor, z2: Tensor, *, temperature: float, cancelled: int) -> Tensor:
    """nt_xent whose denominator leaves out, for each row, both views of the `cancelled` most similar other images.

    An image is as similar to a row as the nearer of its two views; the ranking carries no gradient. With 0 it is
    nt_xent. z1, z2: embeddings [n, d], n >= 2. A scalar in nats, at least 0; float32 for half precision. Raises
    ValueError as nt_xent does, for a single image, and unless one negative is left: 0 <= cancelled <= n - 2.
    """
    similarity = similarities(z1, z2, temperature=temperature)
    require_negatives(similarity)
    n = len(similarity) // 2
    if not 0 <= cancelled <= n - 2:
        raise ValueError(f"expected to cancel 0 to {n - 2} of {n - 1} other images, got {cancelled}; raise the batch")
    own = torch.eye(2 * n, dtype=torch.bool, device=similarity.device)
    hidden = own | likeliest_false(similarity.detach(), cancelled)
    return (similarity.masked_fill(hidden, -torch.inf).logsumexp(dim=1) - positives(similarity)).mean()


def likeliest_false(similarity: Tensor, count: int) -> Tensor:
    """bool [2n, 2n] of similarities: for each row, both views of the `count` most similar other images."""
    n = len(similarity) // 2
    nearest = similarity.masked_fill(same_image(similarity), -torch.inf).view(2 * n, 2, n).amax(1)
    chosen = torch.zeros_like(nearest, dtype=torch.bool)
    chosen.scatter_(1, nearest.topk(count, dim=1).indices, True)
    return chosen.repeat(1, 2)
