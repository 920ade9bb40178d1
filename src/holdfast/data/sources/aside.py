"""What of a source cannot be used: set aside with its reason, or refused where there is nothing left or --strict."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias, cast

from holdfast.data.files import (
    Encoded,
    LoadRequest,
    Ranges,
    Rejected,
    ranges_of,
    reach_in,
    said,
    summary,
    unread_rows,
    unusable,
)
from holdfast.data.images import Images
from holdfast.lazy import deferred

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = deferred("torch")

Decoded: TypeAlias = "tuple[Tensor, dict[int, Rejected]]"
"""Pixels [n, 3, h, w], in memory or streamed, and by position what cannot be used."""


def scaled_alike(
    decode: Callable[[LoadRequest], Decoded], request: LoadRequest, count: int, source: str
) -> tuple[Tensor, dict[int, Rejected], Ranges]:
    """What decode gives; once more where deep pictures were found, with one scale for all of a kind; and these scales.

    Raises ValueError where none of `count` pictures can be used, and with request.strict where one cannot.
    """
    pixels, rejected = decode(request)
    ranges: Ranges = {}
    found = [reach for one in rejected.values() if (reach := reach_in(one.reason)) is not None]
    if found:
        ranges = ranges_of(found)
        pixels, rejected = decode(replace(request, ranges={**request.ranges, **ranges}))
    if len(rejected) == count:
        raise none_usable(list(rejected.values()), source)
    for position in sorted(rejected)[:1]:
        allowed(rejected[position], request, source)
    return pixels, rejected, ranges


def held(rejected: Mapping[int, Rejected], unread: Sequence[Rejected], places: Tensor) -> dict[int, Rejected]:
    """Those that cannot be used by position, and those of some places that a run could not read as it began."""
    again = unread_rows(unread)
    if not again:
        return dict(rejected)
    here = {int(place): position for position, place in enumerate(places.tolist()) if place in again}
    return {**rejected, **{position: again[place] for place, position in here.items()}}


def streamed(encoded: Encoded, places: Tensor, request: LoadRequest) -> Decoded:
    """Pixels that worker processes decode, and those by position that cannot be used, once all have been looked at."""
    pixels = request.stream(encoded, places)
    return cast("Tensor", pixels), unusable(pixels, places, request.progress)


def allowed(rejected: Rejected, request: LoadRequest, source: str) -> Rejected:
    """What cannot be used, where that is no reason to stop. Raises ValueError with request.strict, but for a picture
    that only waits for its collection's scale."""
    if request.strict and reach_in(rejected.reason) is None:
        raise ValueError(
            f"expected pictures that can be read in {source}, got {rejected.path!r}: {rejected.reason}; "
            "repair or remove it, or leave --strict out to set such files aside"
        )
    return rejected


def none_usable(rejected: Sequence[Rejected], source: str) -> ValueError:
    """The error for a source of which nothing can be used."""
    return ValueError(
        f"expected a picture that can be read in {source}, got {len(rejected):,} that cannot be "
        f"({summary(rejected)}); check the path and the files"
    )


def without(images: Images, rejected: Mapping[int, Rejected], ranges: Ranges) -> Images:
    """The images without those at some positions, which are remembered as .rejected, as the scales are."""
    images = replace(images, ranges=ranges).noted(said(ranges))
    if not rejected:
        return images
    good = torch.ones(len(images), dtype=torch.bool)
    good[list(rejected)] = False
    aside = tuple(rejected[position] for position in sorted(rejected))
    return replace(images.subset(good.nonzero()[:, 0]), rejected=aside)
