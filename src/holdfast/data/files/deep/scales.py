"""Pixels of more than 8 bits: what their values reach, and one scale for a whole collection."""

import json
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np

Ranges = Mapping[str, tuple[float, float]]
"""By kind, 'integers' and 'floats': what becomes black and what becomes white."""
BITS = (8, 10, 12, 14, 16)
"""Depths of integers: the least that holds all values of a collection is its scale."""
TOPS = (1.0, 255.0, 65535.0)
"""Usual white of floating-point pixels."""
_UNSCALED = "values to be scaled: "


def given_ranges(given: tuple[float, float] | Ranges | None) -> Ranges:
    """The scale of each kind that a user sets: a pair for all, or by kind. Raises ValueError unless low < high."""
    if given is None:
        return {}
    ranges = given if isinstance(given, Mapping) else dict.fromkeys(("integers", "floats"), given)
    for low, high in ranges.values():
        if not low < high:
            raise ValueError(f"expected --pixel-range LOW HIGH with LOW below HIGH, got {low:g} and {high:g}")
    return {kind: (float(low), float(high)) for kind, (low, high) in ranges.items()}


class Reach(NamedTuple):
    """What values of a picture, or of many, reach."""

    kind: str
    low: float
    high: float


class UnscaledError(ValueError):
    """A deep picture whose collection's scale is not known yet."""

    def __init__(self, reach: Reach):
        super().__init__(_UNSCALED + json.dumps(reach))
        self.reach = reach


def reach_in(reason: str) -> Reach | None:
    """What an UnscaledError says, from its text; None for another reason."""
    return Reach(*json.loads(reason.removeprefix(_UNSCALED))) if reason.startswith(_UNSCALED) else None


def ranges_of(found: Iterable[Reach]) -> dict[str, tuple[float, float]]:
    """The scale of each kind that was found: all of a kind have one.

    Integers from 0 are of the least of BITS that holds them; floats run from 0 to the usual white, where they come to
    more than half of it or it is 1; anything else from its lowest value, or 0, to its highest.
    """
    reaches: dict[str, tuple[float, float]] = {}
    for kind, low, high in found:
        before = reaches.get(kind, (low, high))
        reaches[kind] = (min(low, before[0]), max(high, before[1]))
    return {kind: _scale(kind, *reach) for kind, reach in sorted(reaches.items())}


def _scale(kind: str, low: float, high: float) -> tuple[float, float]:
    if low >= 0:
        whites = [2.0**bits - 1 for bits in BITS] if kind == "integers" else TOPS
        usual = next((white for white in whites if high <= white), None)
        if usual is not None and (kind == "integers" or usual == TOPS[0] or high > usual / 2):
            return 0.0, usual
    return min(low, 0.0), max(high, min(low, 0.0) + 1e-30)


def said(ranges: Ranges) -> list[str]:
    """A line for each kind: how the collection's deep pixels become 8 bits."""
    return [
        f"pixels that are {kind} of more than 8 bits are scaled alike: {low:,.6g} is black, {high:,.6g} is white; "
        "--pixel-range LOW HIGH sets others"
        for kind, (low, high) in ranges.items()
    ]


def scaled(values: np.ndarray, ranges: Ranges | None) -> np.ndarray:
    """uint8 of deep values [h, w] or [h, w, channels], a fourth channel being opacity of 16 bits.

    ranges: of the collection; None is for a picture alone, and takes a usual scale that holds it. Raises UnscaledError
    where the kind is not among them, and ValueError for values that are no numbers, or that no usual scale holds.
    """
    colours, opacity = (values[..., :3], values[..., 3:]) if values.ndim == 3 else (values, None)
    kind = "floats" if values.dtype.kind == "f" else "integers"
    reach = Reach(kind, float(colours.min()), float(colours.max()))
    if not np.isfinite(reach[1:]).all():
        raise ValueError("floating-point pixels that are no numbers; store finite values")
    ranges = _usual(reach) if ranges is None else ranges
    if kind not in ranges:
        raise UnscaledError(reach)
    low, high = ranges[kind]
    pixels = _to_bytes(colours, low, high)
    return pixels if opacity is None else np.concatenate([pixels, _to_bytes(opacity, 0, 65535)], -1)


def _usual(reach: Reach) -> dict[str, tuple[float, float]]:
    whites = [65535.0] if reach.kind == "integers" else TOPS
    white = next((white for white in whites if reach.low >= 0 and reach.high <= white), None)
    if white is None:
        kind = "integers" if reach.kind == "integers" else "floating-point pixels"
        raise ValueError(f"{kind} from {reach.low:.6g} to {reach.high:.6g}; store 8 or 16 bits")
    return {reach.kind: (0.0, white)}


def _to_bytes(values: np.ndarray, low: float, high: float) -> np.ndarray:
    if values.dtype.itemsize <= 2 and values.dtype.kind == "u":
        steps = (np.arange(65536) - low) * (255 / (high - low))
        return np.round(steps.clip(0, 255)).astype(np.uint8)[values]
    return np.round(((values.astype(np.float64) - low) * (255 / (high - low))).clip(0, 255)).astype(np.uint8)


def array_pixels(values: np.ndarray, ranges: Ranges | None) -> np.ndarray:
    """uint8 [h, w, 3] of an image [3, h, w] from an array: bytes as they are, truths as black and white, and other
    numbers as `scaled` has them."""
    if values.dtype.kind == "b":
        values = values.astype(np.uint8) * np.uint8(255)
    image = np.ascontiguousarray(values.transpose(1, 2, 0))
    return image if image.dtype == np.uint8 else scaled(image, ranges)
