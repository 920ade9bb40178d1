"""The coding rate and EMP-SSL's objective: spread within a view, agreement between views (arXiv:2304.03977)."""

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
        similarity = F.cosine_similarity(z, z.mean(0, keepdim=True), dim=-1).mean()
        return -similarity_weight * similarity - rate_weight * coding_rate(z, eps=eps).mean()
