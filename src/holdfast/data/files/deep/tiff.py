"""TIFF: what tags say of values, and by tifffile (an extra) the pages that Pillow does not read, or reads wrongly."""

import logging
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from PIL import Image

MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
PLANAR = 284
"""The tag that says whether the bands of a pixel lie together (1) or in planes (2)."""
FULL = 65535
_MOST_INK = 16383
_BITS, _PHOTOMETRIC, _ORIENTATION, _COLOURMAP = 258, 262, 274, 320
_MIN_IS_WHITE, _GREY, _RGB = 0, 1, 2  # photometric interpretations
_PREMULTIPLIED, _STRAIGHT = 1, 2  # extra samples that are opacity
_EXTRA = "pip install 'holdfast[tiff]'"


def tag(image: Image.Image, number: int, default: Any = None) -> Any:
    """A tag of a TIFF's page."""
    tags = getattr(image, "tag_v2", None)
    return default if tags is None else tags.get(number, default)


def upright_black(values: np.ndarray, image: Image.Image) -> np.ndarray:
    """Values of a grey picture with 0 as black, also where the file says that 0 is white."""
    if tag(image, _PHOTOMETRIC) != _MIN_IS_WHITE:
        return values
    return _inverted(values, int(tag(image, _BITS, (16,))[0]))


def _inverted(values: np.ndarray, bits: int) -> np.ndarray:
    if values.dtype.kind == "f" or bits > 16 or values.min() < 0:
        raise ValueError(f"{bits}-bit pixels of which the least is white; store them with black as the least")
    return (2**bits - 1 - values.astype(np.int64)).astype(np.uint16)


def mend_palette(image: Image.Image) -> None:
    """Palettes of TIFF have 16 bits; where none of a file's values has more than 8, they are taken for 8, as libtiff
    does, and not for black."""
    colours = tag(image, _COLOURMAP)
    if image.mode in ("P", "PA") and colours and max(colours) < 256:
        image.putpalette(bytes(colours), "RGB;L")


def straight(values: np.ndarray) -> np.ndarray:
    """Colours [h, w, 4] of 16 bits that were multiplied by their opacity, divided by it again."""
    opacity = values[..., 3:].astype(np.int64)
    colours = np.round(values[..., :3] * (FULL / np.maximum(opacity, 1))).clip(0, FULL)
    return np.concatenate([np.where(opacity > 0, colours, 0), opacity], -1).astype(np.uint16)


def inks_as_colours(inks: np.ndarray) -> np.ndarray:
    """Cyan, magenta, yellow and black [h, w, 4] of 16 bits as red, green and blue [h, w, 3].

    Raises ValueError where no ink reaches a quarter of its range: whether that is a pale picture or one of fewer bits
    in 16, nobody can tell.
    """
    if inks.max() <= _MOST_INK:
        raise ValueError(f"inks (CMYK) of 16 bits that reach {inks.max():,} of 65,535; convert the picture to RGB")
    light = (FULL - inks.astype(np.float64)) / FULL
    return np.round(light[..., :3] * light[..., 3:] * FULL).astype(np.uint16)


def in_planes(file: BinaryIO) -> np.ndarray:
    """Colours [h, w, 3 or 4] of a TIFF whose planes have more than 8 bits: Pillow 13 takes bytes of them for pixels
    where they are not compressed, and keeps 8 bits of the others."""
    try:
        page = _page(file)
    except ImportError:
        raise ValueError(
            f"a TIFF with planes of more than 8 bits, which Pillow reads wrongly; {_EXTRA}, or store the colours of a "
            "pixel together"
        ) from None
    return _values(page)


class Page(NamedTuple):
    """What is read of a TIFF."""

    values: np.ndarray
    orientation: int
    pages: int
    """How many there are."""


def page_values(file: BinaryIO, most_pixels: int) -> Page | None:
    """The first page of a TIFF that Pillow does not open; None for another file, or a damaged one.

    As `deep_values` gives them. Raises ValueError for a page of too many pixels, or that may be no picture.
    """
    file.seek(0)
    if file.read(4) not in MAGIC:
        return None
    try:
        page = _page(file)
        pages = len(page.parent.pages)
    except ImportError:
        raise ValueError(f"a TIFF that Pillow does not read, unless it is damaged; {_EXTRA}") from None
    except Exception:  # a damaged file may raise anything
        return None
    if page.imagewidth * page.imagelength > most_pixels:
        raise ValueError(f"{page.imagewidth}×{page.imagelength} pixels, more than {most_pixels:,}")
    turn = page.tags.get(_ORIENTATION)
    return Page(_values(page), 1 if turn is None else int(turn.value), pages)


def _page(file: BinaryIO) -> Any:
    import tifffile

    logging.getLogger("tifffile").addHandler(logging.NullHandler())  # what it says of a file is said by us, once
    file.seek(0)
    return tifffile.TiffFile(file).pages[0]


def _values(page: Any) -> np.ndarray:
    try:
        values = page.asarray()
    except Exception as error:  # a damaged file may raise anything
        raise ValueError(f"a TIFF that tifffile does not read ({error})") from error
    values = np.moveaxis(values, 0, -1) if page.axes.startswith("S") else values
    return _picture(values, int(page.photometric), tuple(page.extrasamples))


def _picture(values: np.ndarray, photometric: int, extra: tuple[int, ...]) -> np.ndarray:
    """Values [h, w] or [h, w, bands] of a page as grey or colours, with opacity where it has one."""
    if values.dtype.kind not in "uif" or values.ndim not in (2, 3) or photometric not in (_MIN_IS_WHITE, _GREY, _RGB):
        raise ValueError(f"a TIFF of {values.dtype} {list(values.shape)} in other colours; store grey or RGB")
    values = values.astype(np.float32) if values.dtype == np.float16 else values
    bands = 1 if values.ndim == 2 else values.shape[2]
    usual = 3 if photometric == _RGB else 1
    clear = bool(extra) and int(extra[0]) in (_PREMULTIPLIED, _STRAIGHT)
    if bands < usual or (usual == 1 and bands > 1 + clear):
        raise ValueError(f"a TIFF of {bands} bands that are not said to be colours; store grey, or three as RGB")
    colours = values if values.ndim == 2 else values[..., :3] if usual == 3 else values[..., 0]
    if photometric == _MIN_IS_WHITE:
        colours = _inverted(colours, 8 * values.dtype.itemsize)
    return _laid(colours, values[..., usual], int(extra[0])) if clear and bands > usual else colours


def _laid(colours: np.ndarray, opacity: np.ndarray, kind: int) -> np.ndarray:
    """Colours [h, w] or [h, w, 3] with opacity of 16 bits. Raises ValueError for opacity in other numbers."""
    colours = np.repeat(colours[..., None], 3, -1) if colours.ndim == 2 else colours
    if opacity.dtype == np.uint16:
        both = np.concatenate([colours, opacity[..., None]], -1)
        return straight(both) if kind == _PREMULTIPLIED else both
    if opacity.dtype.kind != "f":
        raise ValueError(f"a TIFF with opacity of {opacity.dtype}; store 8 or 16 bits")
    opacity = opacity[..., None].clip(0, 1)
    if kind == _PREMULTIPLIED:
        colours = np.where(opacity > 0, colours / np.maximum(opacity, 1e-9), 0)
    return np.concatenate([colours, np.round(opacity * FULL)], -1)
