"""The score of SSLMem's released scripts (sprintml/MemorizationSSL@232559f), to compare with published numbers only.

It compares the image itself with each view, not the views with one another, and divides by a range or maximum that
depends on the set that is scored, so that its values can exceed 1. No audit uses it.
"""

import torch.nn.functional as F
from torch import Tensor


def anchor_distance(anchors: Tensor, views: Tensor) -> Tensor:
    """Mean distance [n] of the unit features of views [n, k, dim] from those of the images as they are [n, dim]."""
    unit = F.normalize(anchors, dim=-1, eps=1e-12)[:, None]
    return (F.normalize(views, dim=-1, eps=1e-12) - unit).norm(dim=-1).mean(1)


def range_scaled(distance_f: Tensor, distance_g: Tensor) -> Tensor:
    """distance_g - distance_f [n] over its own largest minus smallest value (memorization_scores.py)."""
    difference = distance_g - distance_f
    return difference / (difference.max() - difference.min())


def maximum_scaled(distance_f: Tensor, distance_g: Tensor) -> Tensor:
    """The order of removal [n] (remove_samples.py): distances over their maximum, their difference over its maximum."""
    difference = distance_g / distance_g.max() - distance_f / distance_f.max()
    return difference / difference.max()
