"""The nearest point of a hyperplane inside the pixel range, in the l-infinity and l2 norms."""

import torch
from torch import Tensor

from holdfast.attacks.lp import Norm

ROUNDS = 64
"""Rounds of Newton's method, at most: each fixes at least one pixel at the end of its room, and 2 to 9 are usual."""


def onto_plane(points: Tensor, normals: Tensor, offsets: Tensor, *, norm: Norm) -> Tensor:
    """Displacements [m, d] of least norm that bring points [m, d] in [0, 1] onto <normal, x> = offset, inside [0, 1].

    normals [m, d], offsets [m]. Where no point of the box lies on the plane, the corner nearest to it. Solved by
    Newton's method on the one multiplier, from zero: the reached value is concave in it, so it never overshoots.
    """
    gap = (normals * points).sum(1) - offsets
    normals = torch.where(gap[:, None] < 0, -normals, normals)
    gap, weight = gap.abs(), normals.abs()
    room = torch.where(normals > 0, points, 1 - points) * (normals != 0)
    speed = torch.ones_like(weight) if norm == "linf" else weight
    multiplier = torch.zeros_like(gap)
    held = torch.zeros_like(weight, dtype=torch.bool)
    for _ in range(ROUNDS):
        value = (weight * room).where(held, 0).sum(1)
        slope = (weight * speed).where(~held, 0).sum(1)
        multiplier = torch.where(slope > 0, (gap - value) / slope, torch.inf)
        now = speed * multiplier[:, None] >= room
        if torch.equal(now, held):
            break
        held = now
    length = torch.minimum((speed * multiplier[:, None]).nan_to_num(nan=0.0), room)
    return -normals.sign() * length
