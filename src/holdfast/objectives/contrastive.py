"""NT-Xent, the normalised temperature-scaled cross-entropy of SimCLR (arXiv:2002.05709, equation 1), on any views."""

from itertools import combinations

import torch
from torch import Tensor
from torch.nn import functional as F


def nt_xent(z1: Tensor, z2: Tensor, *, temperature: float) -> Tensor:
    """-1/(2n) sum_i log [exp(s_ip/t) / sum_{j != i} exp(s_ij/t)] over the 2n rows of both views, p the other view of i.

    z1, z2: embeddings [n, d] of two views of the same n images, of any length; s is the cosine similarity.
    Returns a scalar in nats, at least 0, lower is better; float32 for half-precision input, else the input's dtype.
    Raises ValueError for shapes that differ or a temperature that is not above 0.
    """
    return nt_xent_by_image(z1, z2, temperature=temperature).mean()


def nt_xent_by_image(z1: Tensor, z2: Tensor, *, temperature: float) -> Tensor:
    """[n]: each image's part of nt_xent, the mean over its two rows; their mean is nt_xent. Raises as it does."""
    # In place and with the softmax that is kept as its output: one matrix [2n, 2n] between the passes, three at most.
    similarity = similarities(z1, z2, temperature=temperature).fill_diagonal_(-torch.inf)
    other = torch.arange(len(similarity), device=similarity.device).roll(len(z1))
    return F.cross_entropy(similarity, other, reduction="none").unflatten(0, (2, -1)).mean(0)


def multi_view_nt_xent(z: Tensor, *, temperature: float) -> Tensor:
    """The mean of nt_xent over all pairs of views of embeddings z [views, n, d]; for two views, nt_xent itself.

    Returns a scalar in nats, at least 0. Raises ValueError for fewer than two views, and as nt_xent does.
    """
    if z.ndim != 3 or len(z) < 2:
        raise ValueError(f"expected embeddings [views, n, d] of at least 2 views, got {list(z.shape)}; stack the views")
    pairs = list(combinations(range(len(z)), 2))
    return torch.stack([nt_xent(z[one], z[other], temperature=temperature) for one, other in pairs]).mean()


def joint_nt_xent(z: Tensor, *, temperature: float) -> Tensor:
    """NT-Xent of views z [views, n, d] all at once: each row has views - 1 positives, and every other row below it.

    The mean over rows i and their positives p of -log [exp(s_ip/t) / sum_{j != i} exp(s_ij/t)]; nt_xent for two views.
    A scalar in nats, at least 0, lower is better; float32 for half precision. Raises as multi_view_nt_xent.
    """
    if z.ndim != 3 or len(z) < 2:
        raise ValueError(f"expected embeddings [views, n, d] of at least 2 views, got {list(z.shape)}; stack the views")
    _check_temperature(temperature)
    views, n = z.shape[:2]
    similarity = _cosines(z.flatten(0, 1)) / temperature
    own = torch.eye(views * n, dtype=torch.bool, device=z.device)
    alike = torch.eye(n, dtype=torch.bool, device=z.device).repeat(views, views) & ~own
    rows = similarity.masked_fill(own, -torch.inf).logsumexp(dim=1)
    return rows.mean() - similarity[alike].mean()


def grouped_nt_xent(z: Tensor, ways: Tensor, *, temperature: float) -> Tensor:
    """NT-Xent of views z [views, n, d] whose positives are views of the same image and way; ways [views] int64.

    Views of the same image and another way are negatives, so that embeddings tell the ways apart. With one way it is
    joint_nt_xent. A scalar in nats, at least 0, lower is better; float32 for half precision. Raises ValueError for a
    way with a single view, and as joint_nt_xent.
    """
    if z.ndim != 3 or ways.shape != z.shape[:1]:
        shapes = f"{list(z.shape)} and {list(ways.shape)}"
        raise ValueError(
            f"expected embeddings [views, n, d] and a way for each of {len(z)} views, got {shapes}; fit them"
        )
    if int(torch.bincount(ways).clamp(max=2)[ways].min()) < 2:
        raise ValueError(f"expected two views or more of each way, got ways {ways.tolist()}; draw another of it")
    _check_temperature(temperature)
    views, n = z.shape[:2]
    similarity = _cosines(z.flatten(0, 1)) / temperature
    own = torch.eye(views * n, dtype=torch.bool, device=z.device)
    way = ways.repeat_interleave(n)
    alike = torch.eye(n, dtype=torch.bool, device=z.device).repeat(views, views) & (way == way[:, None]) & ~own
    rows = similarity.masked_fill(own, -torch.inf).logsumexp(dim=1)
    return (rows[:, None] - similarity)[alike].mean()


def _check_temperature(temperature: float) -> None:
    if not temperature > 0:
        raise ValueError(f"expected a temperature above 0, got {temperature}; SimCLR and SDCLR use 0.2 to 0.5")


def _cosines(z: Tensor) -> Tensor:
    with torch.autocast(z.device.type, enabled=False):
        z = F.normalize(z.float() if z.dtype in (torch.bfloat16, torch.float16) else z, dim=1)
        return z @ z.T


def similarities(z1: Tensor, z2: Tensor, *, temperature: float) -> Tensor:
    """[2n, 2n]: cosine similarity over temperature of all rows of both views, view 1 first.

    float32 for half precision, else the input's dtype. Raises ValueError as nt_xent does.
    """
    if z1.shape != z2.shape or z1.ndim != 2:
        raise ValueError(
            f"expected two views of shape [n, d], got {list(z1.shape)} and {list(z2.shape)}; pair them first"
        )
    _check_temperature(temperature)
    return _cosines(torch.cat([z1, z2])) / temperature


def positives(similarity: Tensor) -> Tensor:
    """[2n] of similarities [2n, 2n]: each row's with the other view of its image."""
    n = len(similarity) // 2
    return torch.cat([similarity.diagonal(n), similarity.diagonal(-n)])


def same_image(similarity: Tensor) -> Tensor:
    """bool [2n, 2n]: which pairs of rows are views of one image, a row with itself too."""
    n = len(similarity) // 2
    return torch.eye(n, dtype=torch.bool, device=similarity.device).repeat(2, 2)


def require_negatives(similarity: Tensor) -> None:
    """Raises ValueError where there is no other image to contrast with."""
    if len(similarity) < 4:
        raise ValueError(f"expected at least 2 images to contrast, got {len(similarity) // 2}; raise the batch size")
