"""Random views of test images: drawn and encoded once, for every audit that compares an image's views."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from holdfast.config import VIEWS
from holdfast.data import Batch
from holdfast.data.pool import draw_evenly
from holdfast.data.views import make_views

if TYPE_CHECKING:
    from holdfast.audits.base import Subject

VIEWED_IMAGES = 1000
"""Test images, at most, whose views are compared."""
_SMALL = 64


@dataclass(frozen=True)
class Viewed:
    """Two random views each of some test images."""

    positions: Tensor
    """[m] int64, which test images: evenly over the classes, drawn by the seed; ascending."""
    features: Tensor
    """[m, 2, dim] float32, on the CPU."""
    preset: str
    """The name in VIEWS by which the views were drawn: of small images or of large ones."""


def view_features(subject: "Subject") -> Viewed:
    """Features of two views each of up to 1,000 test images."""
    seed, test = subject.options.seed, subject.test
    preset = "cifar" if test.pixels.shape[-1] <= _SMALL else "imagenet"
    positions = draw_evenly(test, VIEWED_IMAGES, seed=seed, purpose="audit views")
    some, parts = test.subset(positions), []
    for rows in torch.arange(len(some)).split(subject.options.batch_size):
        batch = Batch(images=some.floats(rows), ids=some.ids[rows.to(some.ids.device)], epoch=0)
        views = make_views(batch, VIEWS[preset], seed=seed, size=test.pixels.shape[-1], purpose="audit views").images
        features = subject.features(views.flatten(0, 1), "views").unflatten(0, views.shape[:2])
        parts.append(features.transpose(0, 1).cpu())
    return Viewed(positions, torch.cat(parts), preset)
