"""Values of pictures of more than 8 bits as their files hold them, also where Pillow keeps one byte in silence."""

import re
import sys
from collections.abc import Callable
from typing import Any, BinaryIO

import numpy as np
from PIL import Image

from holdfast.data.files.deep.tiff import PLANAR, in_planes, inks_as_colours, straight, tag, upright_black

VALUES = "holdfast values"
"""Where in an image's info a reader of ours puts values that Pillow has no mode for."""
FULL = 65535
_COLOUR = re.compile(r"^(RGB[AaX]?|CMYK);16[BLN]$")
_SWAPPED = {"B": "L", "L": "B", "N": "B" if sys.byteorder == "little" else "L"}
_NATIVE = {"I;16S": "I;16NS", "I;16BS": "I;16NS", "I;32S": "I;32NS", "I;32BS": "I;32NS", "F;32F": "F;32NF"}
_NATIVE["F;32BF"] = "F;32NF"
_SAMPLE_BITS, _SAMPLES, _SAMPLE_KIND, _SIGNED = 258, 277, 339, 2  # TIFF tags, and a value


def deep_values(image: Image.Image, file: BinaryIO) -> np.ndarray | None:
    """The values of a picture of more than 8 bits, upright as Pillow has it; None for one of 8.

    [h, w] or [h, w, 3], or with a fourth channel of opacity from 0 to 65,535. image: opened from file, not loaded.
    Raises ValueError where such a picture can only be read wrongly.
    """
    if VALUES in image.info:
        return image.info[VALUES]
    return _READERS.get(image.format or "", _numbers)(image, file)


def carrier(values: np.ndarray, kind: str, pages: int = 1) -> Image.Image:
    """An image that stands for values [h, w] or [h, w, channels] that Pillow has no mode for."""
    image: Any = Image.new("L", (values.shape[1], values.shape[0]))
    image.format, image.n_frames, image.info[VALUES] = kind, pages, values
    return image


def _numbers(image: Image.Image, file: BinaryIO) -> np.ndarray | None:
    return np.asarray(image) if image.mode.startswith("I") or image.mode == "F" else None


def _png(image: Image.Image, file: BinaryIO) -> np.ndarray | None:
    clear, rawmode = image.info.get("transparency"), _rawmode(image)
    if rawmode == "LA;16B":
        return _grey_and_opacity(image)
    values = _both_bytes(image, file, rawmode)[..., :4] if _COLOUR.match(rawmode) else _numbers(image, file)
    if values is None:
        return None
    values = values[..., :3] if values.ndim == 3 and not rawmode.startswith("RGBA") else values
    return values if clear is None else _clear_where(values, np.asarray(clear))


def _grey_and_opacity(image: Any) -> np.ndarray:
    """A PNG's grey and opacity of 16 bits, of which Pillow keeps the high bytes: its four bytes read as four bands."""
    image.tile = [_with_rawmode(tile, "RGBA") for tile in image.tile]
    both = np.asarray(image).astype(np.uint16)
    return _with_opacity(both[..., 0] * 256 + both[..., 1], both[..., 2] * 256 + both[..., 3])


def _clear_where(values: np.ndarray, colour: np.ndarray) -> np.ndarray:
    """Values with opacity: none where they are the one colour that a PNG calls transparent."""
    same = values == colour
    return _with_opacity(values, np.where(same.all(-1) if same.ndim == 3 else same, 0, FULL))


def _with_opacity(values: np.ndarray, opacity: np.ndarray) -> np.ndarray:
    colours = np.repeat(values[..., None], 3, -1) if values.ndim == 2 else values
    return np.concatenate([colours, opacity[..., None].astype(colours.dtype)], -1)


def _tiff(image: Any, file: BinaryIO) -> np.ndarray | None:
    bits = max(tag(image, _SAMPLE_BITS, (8,)))
    if bits > 8 and tag(image, PLANAR) == 2 and int(tag(image, _SAMPLES, 1)) > 1:
        return in_planes(file)
    rawmode = _rawmode(image)
    if _COLOUR.match(rawmode):
        return _tiff_colours(image, file, rawmode)
    if image.tile and image.tile[0][0] == "libtiff" and rawmode in _NATIVE:
        # libtiff has turned the bytes already, and Pillow 13 turns them once more where a file begins with MM.
        image.tile = [_with_rawmode(tile, _NATIVE[rawmode]) for tile in image.tile]
    if image.mode == "L" and bits == 8 and tag(image, _SAMPLE_KIND, (1,))[0] == _SIGNED:
        return np.asarray(image).view(np.int8).astype(np.int16)
    values = _numbers(image, file)
    if values is not None and bits == 32 and tag(image, _SAMPLE_KIND, (1,))[0] == 1:
        values = values.view(np.uint32).astype(np.int64)
    return None if values is None else upright_black(values, image)


def _tiff_colours(image: Image.Image, file: BinaryIO, rawmode: str) -> np.ndarray:
    values = _both_bytes(image, file, rawmode.replace("RGBa", "RGBA"))
    if rawmode.startswith("CMYK"):
        return inks_as_colours(values)
    if rawmode.startswith("RGBa"):
        return straight(values)
    return values if rawmode.startswith("RGBA") else values[..., :3]


def _both_bytes(image: Image.Image, file: BinaryIO, rawmode: str) -> np.ndarray:
    """Bands of 16 bits: Pillow keeps one byte of the two, so the file is read once for each."""
    name, order = rawmode[:-1], rawmode[-1]
    high, low = (_read_as(image, file, name + one) for one in (order, _SWAPPED[order]))
    image.load()
    return high * 256 + low


def _read_as(image: Image.Image, file: BinaryIO, rawmode: str) -> np.ndarray:
    file.seek(0)
    other: Any = Image.open(file, formats=[image.format or ""])
    other.tile = [_with_rawmode(tile, rawmode) for tile in other.tile]
    return np.asarray(other).astype(np.uint16)


def _rawmode(image: Image.Image) -> str:
    tiles = getattr(image, "tile", None)
    if not tiles:
        return ""
    args = tiles[0][3]
    return str(args if isinstance(args, str) else args[0] if args else "")


def _with_rawmode(tile: Any, rawmode: str) -> Any:
    return tile._replace(args=rawmode if isinstance(tile.args, str) else (rawmode, *tile.args[1:]))


def _ppm(image: Any, file: BinaryIO) -> np.ndarray | None:
    """Colours of a PPM with a maximum over 255, which Pillow brings to 8 bits; grey ones it brings to 16."""
    args = image.tile[0][3] if image.tile else None
    top = args[1] if image.mode == "RGB" and isinstance(args, tuple) else 0
    if not isinstance(top, int) or top < 256:
        return _numbers(image, file)
    file.seek(image.tile[0][2])
    count = 3 * image.width * image.height
    if image.tile[0][0] == "ppm_plain":
        words = re.sub(rb"#[^\r\n]*", b" ", file.read()).split()[:count]
        values = np.array([int(word) for word in words])
    else:
        values = np.frombuffer(file.read(2 * count), ">u2").astype(np.int64)
    if len(values) < count:
        raise ValueError("a PPM that is cut short")
    values = np.minimum(np.round(values * (FULL / top)), FULL).astype(np.uint16)
    return values.reshape(image.height, image.width, 3)


def _sgi(image: Image.Image, file: BinaryIO) -> np.ndarray | None:
    file.seek(2)
    compressed, depth = file.read(2)
    if depth < 2:
        return None
    if compressed:
        raise ValueError("a compressed SGI picture of 16 bits, of which Pillow keeps 8; store 16-bit PNG")
    file.seek(512)
    bands, shape = len(image.getbands()), (image.height, image.width)
    values = np.frombuffer(file.read(2 * bands * shape[0] * shape[1]), ">u2").reshape(bands, *shape)
    values = values[:, ::-1].transpose(1, 2, 0).astype(np.uint16)
    return values[..., 0] if bands == 1 else values


def _fits(image: Any, file: BinaryIO) -> np.ndarray:
    """A FITS picture as BZERO + BSCALE times what is stored: Pillow does not, and takes signed for unsigned numbers."""
    start = image.tile[0][2]
    values = np.asarray(image)
    file.seek(0)
    cards = _cards(file.read(start))
    values = values.view(np.int16) if image.mode == "I;16" else values
    zero, scale = (float(cards.get(name, default)) for name, default in ((b"BZERO", b"0"), (b"BSCALE", b"1")))
    if (zero, scale) == (0.0, 1.0):
        return values
    shifted = values.astype(np.float64) * scale + zero
    whole = values.dtype.kind != "f" and zero.is_integer() and scale.is_integer()
    return shifted.astype(np.int64) if whole else shifted


def _cards(head: bytes) -> dict[bytes, bytes]:
    """Values by name of a FITS file's header."""
    cards = (head[start : start + 80] for start in range(0, len(head), 80))
    return {
        card[:8].strip(): card[10:].split(b"/")[0].strip().replace(b"D", b"E") for card in cards if card[8:9] == b"="
    }


def _jpeg_2000(image: Image.Image, file: BinaryIO) -> np.ndarray | None:
    """Grey as it is. Raises ValueError for colours of more than 8 bits: Pillow 13 wraps their white to black."""
    if image.mode.startswith(("I", "L;")) or len(image.getbands()) < 2:
        return _numbers(image, file)
    file.seek(0)
    head = file.read(2**22)
    start = head.find(b"\xff\x4f\xff\x51")
    if start < 0:
        return None
    bands = int.from_bytes(head[start + 40 : start + 42], "big")
    depth = max((head[start + 42 + 3 * band] & 0x7F) + 1 for band in range(bands))
    if depth > 8:
        raise ValueError(
            f"a JPEG 2000 picture with colours of {depth} bits, which Pillow reads wrongly; store 16-bit PNG"
        )
    return None


_READERS: dict[str, Callable[[Any, BinaryIO], np.ndarray | None]] = {
    "PNG": _png,
    "TIFF": _tiff,
    "PPM": _ppm,
    "SGI": _sgi,
    "FITS": _fits,
    "JPEG2000": _jpeg_2000,
}
