"""From an encoded picture of any kind to upright 8-bit RGB pixels of the stored size, or the reason why not."""

import io
import threading
import warnings
from functools import cache
from pathlib import Path
from typing import BinaryIO, Literal, NamedTuple

import numpy as np
from PIL import Image, UnidentifiedImageError

from holdfast.data.files.deep import (
    Ranges,
    Reach,
    UnscaledError,
    carrier,
    deep_values,
    mend_palette,
    opened,
    page_values,
    ranges_of,
    scaled,
)
from holdfast.data.files.foreign import named_as, untaken

Resize = Literal["crop", "square", "squash", "pad"]
"""How a picture becomes square: see `fit`."""
BACKGROUND = "white"
"""What transparent pixels lie over, and what `pad` fills up with."""
MOST_PIXELS = 50_000_000
"""Pictures of more are refused: with four bytes a pixel, and a copy, they would take over 400 MB."""
LARGEST_WHOLE = 64
"""Up to this size the stored picture is the largest square; above it, `crop` keeps 224 of 256, as ImageNet's do."""
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_ORIENTATION = 0x0112  # EXIF tag
_RUNS_PROGRAMS = {"EPS"}  # Pillow hands these to Ghostscript: no file of a stranger should start a program
_STRIP = 2**22  # pixels that transparency is laid over the background in at a time
_opening = threading.Lock()


def picture(
    encoded: bytes | Path, size: int | None, resize: Resize = "crop", ranges: Ranges | None = None
) -> np.ndarray:
    """uint8 [3, h, w] of an encoded picture, or of the file at a path, in the stored size.

    ranges: how deep pixels are scaled, see `scaled`. Raises ValueError with the reason in a few words; for files,
    whatever Pillow and the system raise (see `reason`).
    """
    if isinstance(encoded, bytes):
        return fit(decode(encoded, size, resize, ranges), size, resize)
    with encoded.open("rb") as file:
        return fit(decode(file, size, resize, ranges), size, resize)


def decode(
    encoded: bytes | BinaryIO, size: int | None = None, resize: Resize = "square", ranges: Ranges | None = None
) -> Image.Image:
    """An encoded picture as upright 8-bit RGB: transparency over white, deep pixels scaled, a film's first frame.

    Where the stored size allows, a JPEG is decoded at a half, a quarter or an eighth of its size ('square' never does).
    """
    file = io.BytesIO(encoded) if isinstance(encoded, bytes) else encoded
    return _upright(_open(file), file, size, resize, ranges)


def _upright(
    image: Image.Image, file: BinaryIO, size: int | None, resize: Resize, ranges: Ranges | None
) -> Image.Image:
    if size is not None and resize != "square":
        _draft(image, size, resize)
    if image.width * image.height > MOST_PIXELS:
        raise ValueError(f"{image.width}×{image.height} pixels, more than {MOST_PIXELS:,}")
    values = deep_values(image, file)
    if values is None and image.format == "TIFF":
        image.load()
        mend_palette(image)
    turn = _UPRIGHT.get(_orientation(image))  # after the pixels: Pillow turns a TIFF itself as it loads it
    upright = image if values is None else Image.fromarray(scaled(values, ranges))
    return to_rgb(upright if turn is None else upright.transpose(turn))


def _orientation(image: Image.Image) -> int:
    """What the picture says of how it is to be turned; 1, upright, where that cannot be read."""
    try:
        return image.getexif().get(_ORIENTATION, 1)
    except Exception:  # Pillow's reader raises what it likes, and the pixels are whole
        return 1


class Look(NamedTuple):
    """What is seen of an encoded picture."""

    kind: tuple[str, str]
    """(format, mode) as it is stored."""
    sides: tuple[int, int]
    """(width, height) as it is stored."""
    thumbnail: np.ndarray
    """uint8 [3, size, size]: the whole of it, squashed; deep pixels by the ranges given, else by their own."""
    reach: Reach | None
    """What its values reach, where they have more than 8 bits."""
    untaken: tuple[str, ...]
    """What the file has beside that picture."""


def look(file: BinaryIO, size: int, ranges: Ranges | None = None) -> Look:
    """What is to be known of an encoded picture. ranges: how deep pixels are scaled; None: each by its own."""
    image = _open(file)
    kind, sides, beside = (image.format or "?", image.mode), image.size, untaken(image)
    reach = None
    try:
        upright = _upright(image, file, size, "squash", {})
    except UnscaledError as error:
        reach = error.reach
        file.seek(0)
        upright = _upright(_open(file), file, size, "squash", ranges_of([reach]) | dict(ranges or {}))
    return Look(kind, sides, fit(upright, size, "squash"), reach, beside)


def reason(error: BaseException) -> str:
    """Why a picture cannot be used, in a few words without addresses or paths."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return " ".join(str(error).split()) or type(error).__name__


def _open(file: BinaryIO) -> Image.Image:
    # Pillow warns of large pictures as it opens them; what is too large is decided here, once a JPEG's draft is known.
    with _opening, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if file.read(1) == b"":
            raise ValueError("empty file")
        file.seek(0)
        try:
            return opened(file) or Image.open(file, formats=_formats())
        except UnidentifiedImageError as error:
            return _page(file, error)


def _page(file: BinaryIO, error: UnidentifiedImageError) -> Image.Image:
    """The first page of a TIFF that Pillow does not open. Raises the error, with what the file is, for any other."""
    found = page_values(file, MOST_PIXELS)
    if found is None:
        raise UnidentifiedImageError(named_as(file)) from error
    image = carrier(found.values, "TIFF", found.pages)
    image.getexif()[_ORIENTATION] = found.orientation
    return image


@cache
def _formats() -> list[str]:
    Image.init()
    return [name for name in Image.ID if name not in _RUNS_PROGRAMS]


def _draft(image: Image.Image, size: int, resize: Resize) -> None:
    """Has a JPEG decoded smaller where twice the pixels that are needed are left."""
    side = max(image.size) if resize == "pad" else min(image.size)
    factor = side // (2 * (shorter_side(size) if resize == "crop" else size))
    if factor >= 2:
        image.draft(None, (max(image.width // factor, 1), max(image.height // factor, 1)))


def to_rgb(image: Image.Image) -> Image.Image:
    """Any Pillow mode as RGB. Raises ValueError for numbers whose range nobody can tell."""
    if image.mode == "RGB" and "transparency" not in image.info:
        return image
    if image.mode.startswith("I") or image.mode == "F":  # convert() would clip at 255 what runs to 65,535
        return Image.fromarray(scaled(np.asarray(image), None)).convert("RGB")
    if image.has_transparency_data:
        return _over_background(image.convert("RGBA"))
    return image.convert("RGB")


def _over_background(image: Image.Image) -> Image.Image:
    """RGBA over the background, a few rows at a time: three copies of a large picture would be too many."""
    result = Image.new("RGB", image.size)
    rows = max(1, _STRIP // image.width)
    for top in range(0, image.height, rows):
        strip = image.crop((0, top, image.width, min(top + rows, image.height)))
        strip = Image.alpha_composite(Image.new("RGBA", strip.size, BACKGROUND), strip)
        result.paste(strip.convert("RGB"), (0, top))
    return result


def shorter_side(size: int) -> int:
    """To what the shorter side of a picture is brought before `crop` cuts size×size from its centre."""
    return size if size <= LARGEST_WHOLE else round(size * 256 / 224)


def fit(image: Image.Image, size: int | None, resize: Resize = "square") -> np.ndarray:
    """uint8 [3, h, w]: as it is, or resampled to size×size in one step (antialiased bicubic).

    crop: the shorter side to `shorter_side(size)`, then the centre; square: the largest centred square, whatever the
    size; squash: the whole, both sides to size; pad: the whole, the longer side to size, the rest filled up. A picture
    that has the size already is left alone.
    """
    if size is not None and image.size != (size, size):
        image = _padded(image, size) if resize == "pad" else _resized(image, size, resize)
    return np.asarray(image).transpose(2, 0, 1)


def _resized(image: Image.Image, size: int, resize: Resize) -> Image.Image:
    width, height = image.size
    if resize == "squash":
        return image.resize((size, size), Image.Resampling.BICUBIC)
    if resize == "crop" and size > LARGEST_WHOLE:
        side = min(width, height) * size / shorter_side(size)
        left, top = (width - side) / 2, (height - side) / 2
    else:
        side = min(width, height)
        left, top = (width - side) // 2, (height - side) // 2
    return image.resize((size, size), Image.Resampling.BICUBIC, box=(left, top, left + side, top + side))


def _padded(image: Image.Image, size: int) -> Image.Image:
    scale = size / max(image.size)
    width, height = (max(1, round(side * scale)) for side in image.size)
    result = Image.new("RGB", (size, size), BACKGROUND)
    small = image.resize((width, height), Image.Resampling.BICUBIC)
    result.paste(small, ((size - width) // 2, (size - height) // 2))
    return result
