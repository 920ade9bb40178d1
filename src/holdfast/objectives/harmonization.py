"""Geometric harmonization: even regions of the sphere, filled by surrogate classes of any size (arXiv:2310.17622)."""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from holdfast.randomness import generator


def simplex_frame(count: int, dim: int, *, seed: int = 0) -> Tensor:
    """[count, dim] float64: unit rows with cosines -1 / (count - 1) to one another, turned at random by the seed.

    Raises ValueError for fewer than 2 rows and for more than dim + 1, which do not fit.
    """
    if not 2 <= count <= dim + 1:
        raise ValueError(f"expected 2 to {dim + 1} rows in {dim} dimensions, got {count}; lower the number of classes")
    centred = torch.eye(count, dtype=torch.float64) - 1 / count
    corners = math.sqrt(count / (count - 1)) * torch.linalg.eigh(centred).eigenvectors[:, 1:]
    turn = torch.randn(dim, dim, dtype=torch.float64, generator=generator(seed, "simplex frame"))
    return corners @ torch.linalg.qr(turn).Q[: count - 1]


def sinkhorn(logits: Tensor, marginal: Tensor, *, iterations: int) -> Tensor:
    """[n, k] of logits [n, k]: the nearest plan whose rows sum to 1 / n and whose columns to the marginal [k], above 0.

    In logarithms; the last iteration sets the rows. Raises ValueError for a marginal that is not above 0.
    """
    if not bool((marginal > 0).all()):
        raise ValueError("expected a marginal above 0 everywhere, got a 0; raise it to a floor first")
    plan, columns = logits, marginal.log()
    for _ in range(iterations):
        plan = plan + columns - plan.logsumexp(0, keepdim=True)
        plan = plan - math.log(len(plan)) - plan.logsumexp(1, keepdim=True)
    return plan.exp()


def harmonization(
    z1: Tensor, z2: Tensor, *, frame: Tensor, marginal: Tensor, iterations: int = 300, sharp: float = 0.05
) -> Tensor:
    """-mean [q(l1) log p(l2) + q(l2) log p(l1)]: each view foretells the other's surrogate class.

    z1, z2: embeddings [n, d]; l: their products with the frame [k, d] at unit length; p = softmax(l / 0.1); q: rows of
    Sinkhorn's plan of l / sharp, without gradient, classes as large as the marginal [k] says. A scalar in nats, at
    least 0, lower is better; float32 for half precision. Raises ValueError as sinkhorn does and for shapes that differ.
    """
    if z1.shape != z2.shape or z1.ndim != 2:
        raise ValueError(
            f"expected two views of shape [n, d], got {list(z1.shape)} and {list(z2.shape)}; pair them first"
        )
    l1, l2 = (surrogate_logits(z, frame) for z in (z1, z2))
    with torch.no_grad(), torch.autocast(z1.device.type, enabled=False):
        q1, q2 = (len(each) * sinkhorn(each / sharp, marginal.to(each), iterations=iterations) for each in (l1, l2))
    p1, p2 = ((each / 0.1).log_softmax(1) for each in (l1, l2))
    return -((q1 * p2).sum(1) + (q2 * p1).sum(1)).mean()


def surrogate_logits(z: Tensor, frame: Tensor) -> Tensor:
    """[n, k] at unit length: products of embeddings [n, d] with a frame [k, d]; float32 for half precision."""
    with torch.autocast(z.device.type, enabled=False):
        z = z.float() if z.dtype in (torch.bfloat16, torch.float16) else z
        return F.normalize(z @ frame.to(z).T, dim=1)
