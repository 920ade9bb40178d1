"""Objectives between a prediction and a teacher's embedding: BYOL (arXiv:2006.07733), MoCo v3 (arXiv:2104.02057)."""

import torch
from torch import Tensor
from torch.nn import functional as F


def byol(predicted: Tensor, target: Tensor) -> Tensor:
    """Mean squared distance of unit rows, 2 - 2 cos, of predictions and targets [..., d]; targets carry no gradient.

    A scalar in [0, 4], lower is better; float32 for half precision. It does not tell collapse from agreement.
    """
    predicted, target = _unit(predicted), _unit(target.detach())
    return 2 - 2 * (predicted * target).sum(-1).mean()


def moco(predicted: Tensor, target: Tensor, *, temperature: float) -> Tensor:
    """2t times the mean cross-entropy of each prediction's own target among all targets of the batch, both [n, d].

    Logits are cosine similarities over the temperature t; targets carry no gradient. A scalar of at least 0, lower is
    better; float32 for half precision. Raises ValueError for shapes that differ or a temperature that is not above 0.
    """
    if predicted.shape != target.shape or predicted.ndim != 2:
        raise ValueError(
            f"expected predictions and targets [n, d], got {list(predicted.shape)} and {list(target.shape)}; pair them"
        )
    if not temperature > 0:
        raise ValueError(f"expected a temperature above 0, got {temperature}; MoCo v3 uses 0.2 and 1.0")
    predicted, target = _unit(predicted), _unit(target.detach())
    with torch.autocast(predicted.device.type, enabled=False):
        logits = predicted @ target.T / temperature
    labels = torch.arange(len(logits), device=logits.device)
    return 2 * temperature * F.cross_entropy(logits, labels)


def _unit(z: Tensor) -> Tensor:
    return F.normalize(z.float() if z.dtype in (torch.bfloat16, torch.float16) else z, dim=-1)
