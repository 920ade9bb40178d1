"""Gradient reversal, by which features forget what an adversary reads (arXiv:2102.04140, after 1409.7495)."""

from torch import Tensor


def reversed_gradient(features: Tensor, *, weight: float) -> Tensor:
    """The features themselves; whatever gradient reaches them goes on times -weight."""
    held = features.detach()
    return held + weight * (held - features)
