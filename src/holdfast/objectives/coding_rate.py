"""The coding rate and EMP-SSL's objective: spread within a view, agreement between views (arXiv:2304.03977)."""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F


def coding_rate(z: Tensor, *, eps: float) -> Tensor:
    """1/2 logdet(I + d/(n eps) Z'Z) of rows z [..., n, d] as given: a value [...] in nats, at least 0, higher is wider.

    Computed on the smaller of the Gram matrices Z'Z and ZZ', whose determinants agree, by one batched Cholesky
    factorisation; gradients are finite also where all rows coincide, for n = 1 and for n > d. float32 for half
    precision, else the input's dtype. Raises ValueError for fewer than two dimensions or an eps that is not above 0.
    """
    if z.ndim < 2 or not z.shape[-2] or not z.shape[-1]:
        raise ValueError(f"expected embeddings [n, d], got {list(z.shape)}; give a row to each image")
    if not eps > 0:
        raise ValueError(f"expected an eps above 0, got {eps}; EMP-SSL uses 0.2")
    n, d = z.shape[-2:]
    with torch.autocast(z.device.type, enabled=False):
        z = z.float() if z.dtype in (torch.bfloat16, torch.float16) else z
        z = z if n <= d else z.mT
        gram = d / (n * eps) * (z @ z.mT)  # [..., k, k] with k = min(n, d)
        identity = torch.eye(min(n, d), dtype=z.dtype, device=z.device)
        # The unchecked form: what is not finite stays so, and is reported as a loss that is not finite.
        factor = torch.linalg.cholesky_ex(identity + gram).L
        return factor.diagonal(dim1=-2, dim2=-1).log().sum(-1)


def emp_ssl(z: Tensor, *, similarity_weight: float = 200.0, rate_weight: float = 1.0, eps: float = 0.2) -> Tensor:
    """-similarity_weight S - rate_weight R of embeddings z [views, n, d], rows as given (unit by the caller).

    S: mean over views and images of the cosine with the image's mean over views, in [-1, 1]. R: mean over views of the
    coding rate. Returns a scalar, lower is better; float32 for half-precision input, else the input's dtype. Under
    several processes z holds the images of all of them (gathered). Raises ValueError for another shape.
    """
    if z.ndim != 3:
        raise ValueError(f"expected embeddings [views, n, d], got {list(z.shape)}; stack the views")
    with torch.autocast(z.device.type, enabled=False):
        z = z.float() if z.dtype in (torch.bfloat16, torch.float16) else z
        if not 0 < z.shape[1] <= z.shape[2] or not eps > 0:
            return _by_autograd(z, similarity_weight, rate_weight, eps)
        return _EMPSSL.apply(z, similarity_weight, rate_weight, eps)  # type: ignore[return-value]


def _by_autograd(z: Tensor, similarity_weight: float, rate_weight: float, eps: float) -> Tensor:
    similarity = F.cosine_similarity(z, z.mean(0, keepdim=True), dim=-1).mean()
    return -similarity_weight * similarity - rate_weight * coding_rate(z, eps=eps).mean()


_SHORTEST = 1e-8
"""Length below which a cosine divides by this, as torch's does."""


class _EMPSSL(torch.autograd.Function):
    """The objective of z [v, n, d], n <= d, with its gradient in one product a view and four passes over z.

    With unit-free c = d/(n eps), A = I + c ZZ' of a view, m the mean of an image over views: dR/dZ = c A^-1 Z, and
    dS/dz = (m/(|z||m|) - S_z z/|z|² + sum over views (z/(|z||m|) - S_z m/|m|²) / v) / (v n).
    Derivatives of the gradient are autograd's own.
    """

    @staticmethod
    def forward(ctx: Any, z: Tensor, similarity_weight: float, rate_weight: float, eps: float) -> Tensor:
        n, d = z.shape[1:]
        mean, gram = z.mean(0), z @ z.mT
        lengths = gram.diagonal(dim1=1, dim2=2).sqrt().clamp(min=_SHORTEST)  # [v, n]
        mean_lengths = mean.norm(dim=1).clamp(min=_SHORTEST)
        dots = (z.transpose(0, 1) @ mean[..., None])[..., 0].T
        factor = torch.linalg.cholesky_ex(gram.mul_(d / (n * eps)).add_(torch.eye(n, dtype=z.dtype, device=z.device))).L
        ctx.save_for_backward(z, mean, lengths, mean_lengths, dots, factor)
        ctx.weights = similarity_weight, rate_weight, eps
        rate = factor.diagonal(dim1=1, dim2=2).log().sum(-1).mean()
        return -similarity_weight * (dots / (lengths * mean_lengths)).mean() - rate_weight * rate

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None, None]:
        z, mean, lengths, mean_lengths, dots, factor = ctx.saved_tensors
        similarity_weight, rate_weight, eps = ctx.weights
        if torch.is_grad_enabled():  # somebody will differentiate the gradient
            loss = _by_autograd(z, similarity_weight, rate_weight, eps)
            return torch.autograd.grad(loss, z, gradients[0], create_graph=True)[0], None, None, None
        (v, n, d), scale = z.shape, -similarity_weight / (z.shape[0] * z.shape[1])
        pull = scale / (lengths * mean_lengths)  # [v, n], of the mean on each view
        moved = (z.transpose(0, 1).mT @ pull.T[..., None])[..., 0]  # [n, d]: the pulls of all views on the mean
        moved = (moved - ((pull * dots).sum(0) / mean_lengths.square())[:, None] * mean) / v
        # Not cholesky_inverse, which raises where rounding leaves no factor: what is not finite stays so.
        own = torch.cholesky_solve(torch.eye(n, dtype=z.dtype, device=z.device).expand(v, n, n), factor)
        own.mul_(-rate_weight * d / (n * eps * v))
        own.diagonal(dim1=1, dim2=2).sub_(pull * dots / lengths.square())
        found = torch.baddbmm(moved, own, z).addcmul_(pull[..., None], mean)
        return found.mul_(gradients[0]), None, None, None
