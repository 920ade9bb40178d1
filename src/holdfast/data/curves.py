"""Twenty classes of drawn curves under nuisances: labelled pictures that come with the package, too hard to be solved.

A class is a shape: a centre on a circle, and an arm that turns a number of times with it or against it. The strokes are
those of Spirograph (arXiv:2010.09515). Colours, place, size, rotation, width of the stroke, noise and a little of the
arm's length say nothing of the class.
"""

from itertools import product

import torch
from torch import Tensor

from holdfast.data.spirograph import strokes
from holdfast.randomness import fold, key, uniform

TURNS = (-6, -5, -4, -3, -2, 2, 3, 4, 5, 6)
"""Turns of the arm while its centre goes round once; negative ones turn against it."""
ARMS = (0.35, 0.7)
"""Lengths of the arm, for a centre on a circle of radius 1."""
ARM_SPREAD = 0.1
"""An arm is up to this share longer or shorter than its class's."""
SHAPES = tuple(product(TURNS, ARMS))
CURVE_CLASSES = tuple(f"{'against' if turns < 0 else 'with'} {abs(turns)}, arm {arm}" for turns, arm in SHAPES)
POINTS = 64
NUISANCES = (
    *("rotation", "radius", "across", "along", "pen"),
    *(f"{part}_{channel}" for part in ("ink", "paper") for channel in ("red", "green", "blue")),
    *("noise", "arm"),
)
"""What a curve is drawn with beside its class, in the order of its draws; larger draws of a paper are darker ones."""

DRAWS = len(NUISANCES)


def draw_curves(labels: Tensor, ids: Tensor, *, seed: int, size: int) -> Tensor:
    """uint8 [n, 3, size, size] of curves of the classes labels [n]: a function of the seed, the ids [n] and the labels.

    Drawn in float64 and then rounded, so that machines agree on the bytes.
    """
    keys, draws = _keys(ids, seed), torch.stack(list(curve_nuisances(ids, seed=seed).values()), dim=1)
    ink = strokes(*_points(labels, draws), 0.06 + 0.3 * draws[:, 4:5], size=size)
    ink = 1 - (-3 * ink / ink.amax((1, 2), keepdim=True)).exp()  # where the pen is slow it leaves little more
    fore, back = 0.5 * draws[:, 5:8], 1 - 0.4 * draws[:, 8:11]
    contrast = fore - back
    noise = uniform(fold(keys, 1), 3 * size * size).double().view(-1, 3, size, size) - 0.5
    pictures = torch.addcmul(back[..., None, None], contrast[..., None, None], ink[:, None])
    pictures = torch.addcmul(pictures, 0.3 * draws[:, 11, None, None, None], noise)
    return (255 * pictures.clamp(0, 1)).round().to(torch.uint8)


def curve_nuisances(ids: Tensor, *, seed: int) -> dict[str, Tensor]:
    """By name of NUISANCES: float64 [n], uniform in [0, 1), what the curves of ids [n] are drawn with."""
    return dict(zip(NUISANCES, uniform(_keys(ids, seed), len(NUISANCES)).double().unbind(1), strict=True))


def _keys(ids: Tensor, seed: int) -> Tensor:
    return fold(key(seed, "curves"), ids)


def _points(labels: Tensor, draws: Tensor) -> tuple[Tensor, Tensor]:
    """x and y [n, POINTS] of the curves: shaped, turned, sized and placed."""
    turns, arms = torch.tensor(SHAPES, dtype=torch.float64)[labels, :, None].unbind(1)  # [n, 1] each
    arms = arms * (1 + ARM_SPREAD * (2 * draws[:, 12:13] - 1))
    angle = torch.linspace(0, 2 * torch.pi, POINTS, dtype=torch.float64)
    x = angle.cos() + arms * (turns * angle).cos()
    y = angle.sin() + arms * (turns * angle).sin()
    rotation, radius, across, along = draws[:, :4, None].unbind(1)
    rotation, radius = 2 * torch.pi * rotation, (3 + 2 * radius) / (1 + arms)
    return (
        radius * (rotation.cos() * x - rotation.sin() * y) + 2 * across - 1,
        radius * (rotation.sin() * x + rotation.cos() * y) + 2 * along - 1,
    )
