"""Transformation Coding's term for rotations (arXiv:2202.10930), as CARE has it (2306.13924)."""

import torch
from torch import Tensor


def transformation_coding(z: Tensor, moved: Tensor, kinds: Tensor) -> Tensor:
    """The mean of (z_i · z_j - z'_i · z'_j)² over pairs of images i, j that were moved by the same kind; 0 without any.

    z, z' = moved: rows [n, d] as given, before and after; kinds [n] int64. CARE sums over j and doubles it, which ties
    the weight to the number of images: theirs is 2 (n - 1) times this for one kind.
    """
    pairs = (kinds == kinds[:, None]) & ~torch.eye(len(z), dtype=torch.bool, device=z.device)
    change = (z @ z.T - moved @ moved.T).square()
    return change[pairs].sum() / pairs.sum().clamp(min=1)
