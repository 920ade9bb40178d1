"""What of a source cannot be used: set aside with its reason, or refused where there is nothing left or --strict."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import cast

import torch
from torch import Tensor

from holdfast.data.files import Encoded, LoadRequest, Rejected, summary, unusable
from holdfast.data.images import Images


def streamed(encoded: Encoded, places: Tensor, request: LoadRequest, source: str) -> tuple[Tensor, dict[int, Rejected]]:
    """Pixels that worker processes decode, and those by position that cannot be used, once all have been looked at."""
    pixels = request.stream(encoded, places)
    rejected = unusable(pixels, places, request.progress)
    if rejected:
        allowed(rejected[min(rejected)], request, source)
    if len(rejected) == len(places):
        raise none_usable(list(rejected.values()), source)
    return cast(Tensor, pixels), rejected


def allowed(rejected: Rejected, request: LoadRequest, source: str) -> Rejected:
    """What cannot be used, where that is no reason to stop. Raises ValueError with request.strict."""
    if request.strict:
        raise ValueError(
            f"expected pictures that can be read in {source}, got {rejected.path!r}: {rejected.reason}; "
            "repair or remove it, or leave --strict out to set such files aside"
        )
    return rejected


def none_usable(rejected: Sequence[Rejected], source: str) -> ValueError:
    """The error for a source of which nothing can be used."""
    return ValueError(
        f"expected a picture that can be read in {source}, got none in {len(rejected):,} files "
        f"({summary(rejected)}); check the path and the files"
    )


def without(images: Images, rejected: Mapping[int, Rejected]) -> Images:
    """The images without those at some positions, which are remembered as .rejected."""
    if not rejected:
        return images
    good = torch.ones(len(images), dtype=torch.bool)
    good[list(rejected)] = False
    aside = tuple(rejected[position] for position in sorted(rejected))
    return replace(images.subset(good.nonzero()[:, 0]), rejected=aside)
