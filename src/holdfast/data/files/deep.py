"""Pictures of more than 8 bits: their values as stored, what these reach, and one scale for a whole collection."""

import json
import re
import sys
from collections.abc import Iterable, Mapping
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from PIL import Image

Ranges = Mapping[str, tuple[float, float]]
"""By kind, 'integers' and 'floats': what becomes black and what becomes white."""
BITS = (8, 10, 12, 14, 16)
"""Depths of integers: the least that holds all values of a collection is its scale."""
TOPS = (1.0, 255.0, 65535.0)
"""Usual white of floating-point pixels."""
_DEEP_COLOUR = re.compile(r"^RGB[AX]?;16[BLN]$")
_SWAPPED = {"B": "L", "L": "B", "N": "B" if sys.byteorder == "little" else "L"}
_UNSCALED = "values to be scaled: "
_PLANAR, _RAW, _MIN_IS_WHITE = 2, 1, 0
_BITS, _COMPRESSION, _PHOTOMETRIC, _SAMPLES, _LAYOUT = 258, 259, 262, 277, 284  # TIFF tags


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


def deep_values(image: Image.Image, file: BinaryIO) -> np.ndarray | None:
    """The values of a picture of more than 8 bits, upright as Pillow has it; None for one of 8.

    image: opened from file, not loaded. Raises ValueError where Pillow reads such a picture wrongly.
    """
    if image.format == "JPEG2000":
        _check_jpeg_2000(image, file)
    if image.format == "TIFF" and _is_planar(image):
        return _planar(image, file)
    if image.mode.startswith("I") or image.mode == "F":
        return _upright_black(np.asarray(image), image)
    rawmode = _rawmode(image)
    if image.format in ("PNG", "TIFF") and _DEEP_COLOUR.match(rawmode):
        return _deep_colour(image, file, rawmode)
    return None


def _rawmode(image: Image.Image) -> str:
    tiles = getattr(image, "tile", None)
    if not tiles:
        return ""
    args = tiles[0][3]
    return str(args if isinstance(args, str) else args[0] if args else "")


def _tag(image: Image.Image, number: int, default: Any = None) -> Any:
    tags = getattr(image, "tag_v2", None)
    return default if tags is None else tags.get(number, default)


def _upright_black(values: np.ndarray, image: Image.Image) -> np.ndarray:
    """Values of a grey picture with 0 as black, also where the file says that 0 is white."""
    if image.format != "TIFF" or _tag(image, _PHOTOMETRIC) != _MIN_IS_WHITE:
        return values
    bits = int(_tag(image, _BITS, (16,))[0])
    if values.dtype.kind == "f" or bits > 16 or values.min() < 0:
        raise ValueError(f"{bits}-bit pixels of which the least is white; store them with black as the least")
    return (2**bits - 1 - values.astype(np.int64)).astype(np.uint16)


def _deep_colour(image: Image.Image, file: BinaryIO, rawmode: str) -> np.ndarray:
    """Colours of 16 bits: Pillow keeps one byte of the two, so the file is read once for each."""
    file.seek(0)
    other = Image.open(file, formats=[image.format or ""])
    other.tile = [_with_rawmode(tile, rawmode[:-1] + _SWAPPED[rawmode[-1]]) for tile in other.tile]
    low = np.asarray(other).astype(np.uint16)
    file.seek(0)
    high = np.asarray(Image.open(file, formats=[image.format or ""])).astype(np.uint16)
    image.load()
    values = high * 256 + low
    return values if rawmode.startswith("RGBA") else values[..., :3]


def _with_rawmode(tile: Any, rawmode: str) -> Any:
    return tile._replace(args=rawmode if isinstance(tile.args, str) else (rawmode, *tile.args[1:]))


def _is_planar(image: Image.Image) -> bool:
    """Whether colours of more than 8 bits lie in separate planes: Pillow 13 takes bytes of them for pixels."""
    return _tag(image, _LAYOUT) == _PLANAR and int(_tag(image, _SAMPLES, 1)) > 1 and max(_tag(image, _BITS, (8,))) > 8


def _planar(image: Image.Image, file: BinaryIO) -> np.ndarray:
    try:
        import tifffile
    except ImportError:
        raise ValueError(
            "a TIFF with planes of more than 8 bits, which Pillow reads wrongly; pip install 'holdfast[tiff]', or "
            "store the colours of a pixel together"
        ) from None
    file.seek(0)
    values = tifffile.imread(file, key=0)
    if values.ndim != 3 or values.shape[0] not in (3, 4) or values.dtype != np.uint16:
        raise ValueError(f"a TIFF with planes {list(values.shape)} of {values.dtype}; store 3 of 16 bits")
    return values[:3].transpose(1, 2, 0)


def _check_jpeg_2000(image: Image.Image, file: BinaryIO) -> None:
    """Raises ValueError for colours of more than 8 bits: Pillow 13 wraps their white to black."""
    if image.mode.startswith(("I", "L;")) or len(image.getbands()) < 2:
        return
    file.seek(0)
    head = file.read(2**22)
    start = head.find(b"\xff\x4f\xff\x51")
    if start < 0:
        return
    bands = int.from_bytes(head[start + 40 : start + 42], "big")
    depth = max((head[start + 42 + 3 * band] & 0x7F) + 1 for band in range(bands))
    if depth > 8:
        raise ValueError(
            f"a JPEG 2000 picture with colours of {depth} bits, which Pillow reads wrongly; store 16-bit PNG"
        )
