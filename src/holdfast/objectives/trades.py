"""TRADES: fit the labels on clean images and answer alike on attacked ones (arXiv:1901.08573)."""

import torch
from torch import Tensor
from torch.nn import functional as F


def divergence(clean: Tensor, attacked: Tensor) -> Tensor:
    """The mean over images of KL(p ‖ q), p and q the softmax of clean and attacked logits [n, classes].

    A scalar in nats, at least 0, 0 where they answer alike; float32 for half precision.
    """
    p, q = (F.log_softmax(_whole(logits), dim=1) for logits in (clean, attacked))
    return F.kl_div(q, p, reduction="batchmean", log_target=True)


def trades(clean: Tensor, attacked: Tensor, labels: Tensor, *, steadiness: float) -> Tensor:
    """Cross-entropy of clean logits [n, classes] with labels [n], plus steadiness times divergence(clean, attacked).

    A scalar in nats, at least 0, lower is better; gradients flow into both logits.
    """
    return F.cross_entropy(_whole(clean), labels) + steadiness * divergence(clean, attacked)


def _whole(logits: Tensor) -> Tensor:
    return logits.float() if logits.dtype in (torch.bfloat16, torch.float16) else logits
