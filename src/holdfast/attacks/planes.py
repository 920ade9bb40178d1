"""The nearest point of a hyperplane inside the pixel range, in the l-infinity and l2 norms."""

from typing import NamedTuple

import torch
from torch import Tensor

from holdfast.attacks.lp import Norm

ROUNDS = 64
"""Rounds of Newton's method, at most: each fixes at least one pixel at the end of its room, and 2 to 9 are usual."""


class Slope(NamedTuple):
    """What planes of the same normals [m, d] have in common."""

    push: Tensor
    """[m, d]: the displacement that a multiplier of one makes."""
    gain: Tensor
    """[m]: how far it brings a point towards the plane."""


def slope(normals: Tensor, *, norm: Norm) -> Slope:
    """What planes with normals [m, d] share."""
    if norm == "linf":
        return Slope(normals.sign(), normals.abs().sum(1))
    return Slope(normals, normals.square().sum(1))


def onto_plane(points: Tensor, normals: Tensor, gaps: Tensor, *, norm: Norm, of: Slope | None = None) -> Tensor:
    """Displacements [m, d] of least norm that bring points [m, d] in [0, 1] onto a plane each, inside [0, 1].

    normals [m, d]; gaps [m]: <normal, point> less the plane's offset; of: the normals' `slope`, where it is known.
    Where no point of the box lies on the plane, the corner nearest to it. One multiplier solves it, where no pixel
    reaches the end of its room in closed form.
    """
    gaps = gaps.nan_to_num(nan=0.0, posinf=0.0, neginf=0.0)
    push, gain = slope(normals, norm=norm) if of is None else of
    moves = push * torch.where(gain > 0, -gaps / gain, 0.0)[:, None]
    arrived = points + moves
    rows = ((arrived.amin(1) < 0) | (arrived.amax(1) > 1)).nonzero()[:, 0]
    if len(rows):
        held = _held_onto_plane(points[rows], normals[rows], gaps[rows], linf=norm == "linf")
        moves.index_copy_(0, rows, held)
    return moves


def _held_onto_plane(points: Tensor, normals: Tensor, gaps: Tensor, *, linf: bool) -> Tensor:
    """Such displacements where some pixels are held at the ends of their rooms: by Newton's method, from zero.

    The reached value is concave in the multiplier, so the method never overshoots.
    """
    ways = normals.sign().mul_(-gaps.sign()[:, None])
    gaps, weight = gaps.abs(), normals.abs()
    room = torch.where(ways < 0, points, 1 - points).mul_(ways != 0)
    speed = torch.ones_like(weight) if linf else weight
    worth, pace = weight * room, weight * speed
    multiplier = torch.zeros_like(gaps)
    held = torch.zeros_like(weight, dtype=torch.bool)
    for _ in range(ROUNDS):
        value, slope = worth.where(held, 0).sum(1), pace.where(~held, 0).sum(1)
        multiplier = torch.where(slope > 0, (gaps - value) / slope, torch.inf)
        now = speed * multiplier[:, None] >= room
        if torch.equal(now, held):
            break
        held = now
    return torch.minimum((speed * multiplier[:, None]).nan_to_num(nan=0.0), room).mul_(ways)
