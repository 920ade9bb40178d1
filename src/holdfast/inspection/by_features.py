"""Near-duplicates by an encoder's features, within a collection and in another one; a threshold from random pairs."""

from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from holdfast.data import Images, load_images
from holdfast.data.survey import Survey
from holdfast.evaluation import extract_features
from holdfast.evaluation.alike import Alike, alike, directions, threshold_of
from holdfast.models import loaded_of, own_size
from holdfast.progress import OnStage

_NAMED, _SIDE = 20, 224
MOST = 100_000
"""Images of a source that are compared, at most: all pairs of so many take minutes."""


def by_features(
    seen: Survey, other: Survey | None, encoder: str, module: nn.Module, *, seed: int, progress: OnStage | None = None
) -> dict[str, Any]:
    """What is alike by the features of an encoder, loaded from where `encoder` says, as JSON values.

    Under "within" pairs of the source, under "against" images of the source that are in the other one too, each with
    the most alike first; "cosine" is the threshold, None where no cosine tells duplicates apart. Raises ValueError
    for sources of more than MOST images.
    """
    sets = [_features(one, module, progress, stage) for one, stage in _looked_at(seen, other)]
    rows, first = directions(*sets), sets[0]
    theirs = 0 if other is None else len(rows[1])
    compared = len(first) * (len(first) - 1) // 2 + len(first) * theirs
    threshold = threshold_of(torch.cat(rows), compared=compared, seed=seed)
    document: dict[str, Any] = {
        "encoder": encoder,
        "load": None if (loaded := loaded_of(module)) is None else loaded.to_dict(),
        "cosine": threshold.cosine,
        "random_pairs": threshold.random_pairs,
        "compared": compared,
        "within": None,
        "against": None,
    }
    if threshold.cosine is None:
        return document
    within = alike(rows[0], None, threshold.cosine, kept=_NAMED)
    document["within"] = _described(within, seen, seen)
    if other is not None:
        document["against"] = _described(alike(rows[0], rows[1], threshold.cosine, kept=_NAMED), seen, other)
    return document


def _looked_at(seen: Survey, other: Survey | None) -> list[tuple[Survey, str]]:
    both = [(seen, "features"), *([] if other is None else [(other, "features against")])]
    for one, _ in both:
        if len(one) > MOST:
            raise ValueError(
                f"expected at most {MOST:,} images to compare by features, got {len(one):,} in {one.source}; look at a "
                "draw: --limit"
            )
    return both


def _features(seen: Survey, module: nn.Module, progress: OnStage | None, stage: str) -> Tensor:
    """Features [n, dim] of the images that a survey looked at, in its order."""
    images = _images(seen, own_size(module) or min(_SIDE, int(min(seen.width.min(), seen.height.min()))))
    told = None if progress is None else partial(progress, stage)
    return extract_features(module, images, batch_size=64, progress=told)


def _images(seen: Survey, size: int) -> Images:
    loaded = load_images(seen.source, size=size, labels="none", pixel_range=seen.ranges or None)
    return loaded.select(torch.from_numpy(seen.ids))


def _described(found: Alike, seen: Survey, other: Survey) -> dict[str, Any]:
    places = zip(found.pairs.tolist(), found.cosines.tolist(), strict=True)
    return {
        "images": int(found.left.sum()),
        "pairs": found.count,
        "first": [
            {
                "image": seen.names(int(seen.ids[a])),
                "other": other.names(int(other.ids[b])),
                "ids": [int(seen.ids[a]), int(other.ids[b])],
                "cosine": cosine,
            }
            for (a, b), cosine in places
        ],
    }
