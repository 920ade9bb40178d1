"""Random views of test images: drawn and encoded once, for every audit that compares an image's views."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from holdfast.config import VIEWS
from holdfast.data import Batch, Images
from holdfast.data.pool import draw_evenly
from holdfast.data.views import make_views
from holdfast.evaluation.feature_table import FeatureTable

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
    """The name in VIEWS by which the views were drawn, of small images or of large ones; '' where there are none."""


def view_features(test: Images, features: Callable[[Tensor], Tensor], *, seed: int, batch_size: int) -> Viewed:
    """Features of two views each of up to 1,000 test images.

    features: of pixels [m, 3, size, size] in [0, 1], [m, dim] float32. batch_size: images whose views are encoded at
    a time.
    """
    preset = "cifar" if test.pixels.shape[-1] <= _SMALL else "imagenet"
    positions = draw_evenly(test, VIEWED_IMAGES, seed=seed, purpose="audit views")
    some, parts = test.subset(positions), []
    for rows in torch.arange(len(some)).split(batch_size):
        batch = Batch(images=some.floats(rows), ids=some.ids[rows.to(some.ids.device)], epoch=0)
        views = make_views(batch, VIEWS[preset], seed=seed, size=test.pixels.shape[-1], purpose="audit views").images
        encoded = features(views.flatten(0, 1)).unflatten(0, views.shape[:2])
        parts.append(encoded.transpose(0, 1).cpu())
    return Viewed(positions, torch.cat(parts), preset)


def given_views(test: Images, table: FeatureTable, *, seed: int) -> Viewed:
    """The first two random views that came with features of up to 1,000 test images; none where none came."""
    if table.views is None:
        return Viewed(torch.empty(0, dtype=torch.int64), torch.empty(0, 2, table.dim), "")
    positions = draw_evenly(test, VIEWED_IMAGES, seed=seed, purpose="audit views")
    rows = table.rows(test.subset(positions).pixels)
    return Viewed(positions, table.views[rows, :2], "given with the features")
