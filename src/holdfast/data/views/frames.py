"""Two frames of one view, and how what was seen in one is carried into the other: SER (arXiv:2603.06693)."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from holdfast.data.views.resample import resized
from holdfast.randomness import fold, uniform

RATIO = 4 / 3
"""Largest width over height of a resized view, and height over width."""


@dataclass(frozen=True, kw_only=True)
class Frame:
    """How images are seen: each turned upside down and mirrored or not, then all resized, then all turned by quarters.

    A cell is a place of the map that a network makes of an image, `stride` pixels wide and high.
    """

    rows: int
    columns: int
    """Cells of the resized image, before it is turned by quarters."""
    quarters: int
    """Quarter turns, counter-clockwise."""
    upside_down: Tensor
    """bool [n]."""
    mirrored: Tensor
    """bool [n]."""

    def seen(self, images: Tensor, stride: int) -> Tensor:
        """Images [n, c, s, s] in [0, 1] in this frame: [n, c, stride · rows, stride · columns] before the quarters."""
        images = torch.where(self.upside_down[:, None, None, None], images.rot90(2, (-2, -1)), images)
        images = torch.where(self.mirrored[:, None, None, None], images.flip(-1), images)
        images = resized(images, height=self.rows * stride, width=self.columns * stride)
        return images.clamp(0, 1).rot90(self.quarters, (-2, -1))

    def carried(self, maps: Tensor, *, of: "Frame") -> Tensor:
        """Maps [n, c, ., .], a value for each cell, of images that the other of two frames saw, as this one sees."""
        upright = maps.rot90(-of.quarters, (-2, -1)).flip(-2)  # upside down and mirrored are opposite in the two
        return resized(upright, height=self.rows, width=self.columns).rot90(self.quarters, (-2, -1))


def two_frames(anchor: Tensor, keys: Tensor, *, cells: int, resize: float) -> tuple[Frame, Frame]:
    """Two frames for images whose maps have cells by cells places.

    Whether an image is upside down, and whether it is mirrored, is drawn by its key [n] for the first frame and is
    opposite in the second; sizes and quarter turns are drawn for all images by the scalar key anchor.

    resize: areas are drawn from 1 ± it and the sides' ratio from 3/4 to 4/3; 0: both stay.
    """
    common = uniform(fold(anchor, 1), 6).double().tolist()
    down, mirrored = (uniform(keys, 2) < 0.5).unbind(-1)
    first, second = (_sides(area, ratio, cells, resize) for area, ratio in (common[:2], common[2:4]))
    one = Frame(rows=first[0], columns=first[1], quarters=int(4 * common[4]), upside_down=down, mirrored=mirrored)
    other = Frame(rows=second[0], columns=second[1], quarters=int(4 * common[5]), upside_down=~down, mirrored=~mirrored)
    return one, other


def _sides(area: float, ratio: float, cells: int, resize: float) -> tuple[int, int]:
    """Rows and columns in cells, of draws in [0, 1); at least 1."""
    if not resize:
        return cells, cells
    places = cells**2 * (1 + resize * (2 * area - 1))
    wide = math.exp(math.log(RATIO) * (2 * ratio - 1))
    return max(1, round(math.sqrt(places / wide))), max(1, round(math.sqrt(places * wide)))
