"""Feature averaging: the mean of an image's features over random transformations (arXiv:2010.09515, section 4)."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from holdfast.data import Batch, Images, Views
from holdfast.evaluation.features import extract_features

COUNTS = (1, 2, 5, 10, 30, 100)
"""The paper averages 100 on CIFAR and 30 on Spirograph."""


def averaged_features(
    encoder: nn.Module,
    images: Images,
    make_views: Callable[..., Views],
    *,
    counts: Sequence[int] = COUNTS,
    normalise: bool = False,
    first_pass: int = 0,
    **extraction: Any,
) -> Iterator[tuple[int, Tensor]]:
    """Yields (M, features [n, dim] float32) for each M of counts, ascending: means over the first M of one series of
    passes.

    make_views: (batch, views=1, purpose=...) -> Views, the random transformations, such as data.view_maker gives; pass
    m is keyed by m (from first_pass on) and the image's id. One running sum is held, whatever M. The protocol of the
    paper: features of the encoder in evaluation mode, not normalised before or after, training and test images alike,
    a fresh head for every M; M = 1 is one random transformation, not the clean image. normalise: unit length before
    the sum (ours). extraction: as of extract_features. Raises ValueError for counts below 1.
    """
    if not counts or min(counts) < 1:
        raise ValueError(f"expected counts of at least 1 to average over, got {list(counts)}; for example 1, 5, 30")
    total: Tensor | None = None
    for number in range(max(counts)):
        augment = partial(_view, make_views, images.ids, first_pass + number)
        features = extract_features(encoder, images, augment=augment, **extraction)
        features = F.normalize(features, dim=1) if normalise else features
        total = features if total is None else total.add_(features)
        if number + 1 in counts:
            yield number + 1, total / (number + 1)


def _view(make_views: Callable[..., Views], ids: Tensor, number: int, pixels: Tensor, rows: Tensor) -> Tensor:
    """One random view [n, 3, h, w] of pixels at rows."""
    batch = Batch(images=pixels, ids=ids.to(rows.device)[rows], epoch=number)
    with torch.autocast(pixels.device.type, enabled=False):
        return make_views(batch, views=1, purpose="averaging").images[0]
