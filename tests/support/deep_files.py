"""Pictures of more than 8 bits in every format that holds them: encoded, with the values that they stand for."""

import io
import struct
import zlib
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import tifffile
from PIL import Image

SIDE = 8
RAMP = np.linspace(0.02, 0.98, SIDE * SIDE).reshape(SIDE, SIDE)
COLOURS = np.stack([RAMP, RAMP.T, 1 - RAMP], -1)
HALF = np.where(np.arange(SIDE)[:, None] < SIDE // 2, 1.0, 0.5).repeat(SIDE, 1)


class Deep(NamedTuple):
    """An encoded picture."""

    encoded: bytes
    shown: np.ndarray
    """[h, w] or [h, w, 3] in [0, 1]: what it is to look like, with `white` as white."""
    white: float


def of_bits(shares: np.ndarray, top: int) -> np.ndarray:
    """Shares of white as integers up to top."""
    return np.round(shares * top).astype(np.uint16)


def png(values: np.ndarray, kind: int, extra: bytes = b"") -> bytes:
    """A PNG of 16 bits, as no encoder here writes it; kind: 0 grey, 2 RGB, 4 grey and opacity, 6 RGB and opacity."""
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    head = struct.pack(">IIBBBBB", values.shape[1], values.shape[0], 16, kind, 0, 0, 0)
    chunks = chunk(b"IHDR", head) + extra + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


def chunk(name: bytes, data: bytes) -> bytes:
    """A part of a PNG."""
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def tiff(values: np.ndarray, **options: Any) -> bytes:
    """A TIFF by tifffile."""
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, np.ascontiguousarray(values), **options)
    return buffer.getvalue()


def fits(values: np.ndarray, bits: int, **cards: object) -> bytes:
    """A FITS picture, whose rows run upwards."""
    named = {"SIMPLE": "T", "BITPIX": bits, "NAXIS": 2, "NAXIS1": SIDE, "NAXIS2": SIDE, **cards}
    head = "".join(f"{name:8}= {value!s:>20}".ljust(80) for name, value in named.items()) + "END".ljust(80)
    return head.ljust(2880).encode() + values[::-1].tobytes().ljust(2880, b"\0")


def sgi(values: np.ndarray) -> bytes:
    """An SGI picture of 16 bits [h, w, bands], whose rows run upwards."""
    bands = values.shape[2]
    head = struct.pack(">HBBHHHHll", 474, 0, 2, 3 if bands > 1 else 2, SIDE, SIDE, bands, 0, 65535)
    return head.ljust(512, b"\0") + values[::-1].transpose(2, 0, 1).astype(">u2").tobytes()


def pnm(kind: int, values: np.ndarray, top: int) -> bytes:
    """A PGM or PPM: 2 and 3 as words, 5 and 6 as bytes."""
    head = f"P{kind} # a remark\n{SIDE} {SIDE}\n{top}\n".encode()
    return head + (" ".join(map(str, values.ravel())).encode() if kind < 5 else values.astype(">u2").tobytes())


def deep_files(top: int) -> Iterator[tuple[str, Deep]]:
    """By name, files whose white is `top`, in 16 bits or more."""
    grey, colours, clear = of_bits(RAMP, top), of_bits(COLOURS, top), of_bits(HALF, 65535)
    over = COLOURS * HALF[..., None] + 1 - HALF[..., None]
    grey_over = RAMP * HALF + 1 - HALF
    yield "png grey", Deep(png(grey, 0), RAMP, top)
    yield "png colour", Deep(png(colours, 2), COLOURS, top)
    yield "png grey, opacity", Deep(png(np.dstack([grey, clear]), 4), grey_over, top)
    yield "png colour, opacity", Deep(png(np.dstack([colours, clear]), 6), over, top)
    key, hit = chunk(b"tRNS", struct.pack(">HHH", *colours[3, 3])), (colours == colours[3, 3]).all(-1)
    yield "png, one colour clear", Deep(png(colours, 2, key), np.where(hit[..., None], 1, COLOURS), top)
    key, hit = chunk(b"tRNS", struct.pack(">H", grey[3, 3])), grey == grey[3, 3]
    yield "png, one grey clear", Deep(png(grey, 0, key), np.where(hit, 1, RAMP), top)
    yield "pgm", Deep(pnm(5, grey, 65535), RAMP, top)
    yield "pgm of words", Deep(pnm(2, grey, 65535), RAMP, top)
    yield "ppm", Deep(pnm(6, colours, 65535), COLOURS, top)
    yield "ppm of words", Deep(pnm(3, colours, 65535), COLOURS, top)
    yield "pgm of its own maximum", Deep(pnm(5, grey, top), RAMP, 65535)
    yield "ppm of its own maximum", Deep(pnm(6, colours, top), COLOURS, 65535)
    yield "sgi grey", Deep(sgi(grey[..., None]), RAMP, top)
    yield "sgi colour", Deep(sgi(colours), COLOURS, top)
    yield "sgi colour, opacity", Deep(sgi(np.dstack([colours, clear])), over, top)
    unsigned = (grey.astype(int) - 32768).astype(">i2")
    yield "fits of 16 bits", Deep(fits(unsigned, 16, BZERO="32768.0", BSCALE="1 / a remark"), RAMP, top)
    yield "fits of floats", Deep(fits(RAMP.astype(">f4"), -32), RAMP, 1.0)
    yield "fits of 32 bits", Deep(fits(grey.astype(">i4"), 32), RAMP, top)
    yield "jpeg 2000", Deep(saved(grey, "JPEG2000"), RAMP, top)
    for order in "<>":
        for compression in (None, "zlib"):
            end = f", {'little' if order == '<' else 'big'} end first, {compression}"
            made = _tiffs(grey, colours, clear, over, grey_over, top, byteorder=order, compression=compression)
            yield from ((f"tiff {name}{end}", one) for name, one in made)


def saved(values: np.ndarray, kind: str) -> bytes:
    """A picture by Pillow."""
    buffer = io.BytesIO()
    Image.fromarray(values).save(buffer, kind)
    return buffer.getvalue()


def _tiffs(
    grey: np.ndarray, colours: np.ndarray, clear: np.ndarray, over: Any, grey_over: Any, top: int, **how: Any
) -> Iterator[tuple[str, Deep]]:
    four = np.dstack([colours, clear])
    times = np.dstack([colours * HALF[..., None], clear]).round().astype(np.uint16)
    rgb = how | {"photometric": "rgb"}
    yield "grey", Deep(tiff(grey, **how), RAMP, top)
    yield "white", Deep(tiff(65535 - grey, photometric="miniswhite", **how), RAMP, top)
    yield "grey, opacity", Deep(tiff(np.dstack([grey, clear]), extrasamples=["unassalpha"], **how), grey_over, top)
    yield "colour", Deep(tiff(colours, **rgb), COLOURS, top)
    yield "colour, opacity", Deep(tiff(four, extrasamples=["unassalpha"], **rgb), over, top)
    yield "colour times opacity", Deep(tiff(times, extrasamples=["assocalpha"], **rgb), over, top)
    yield "a band more", Deep(tiff(four, extrasamples=["unspecified"], **rgb), COLOURS, top)
    yield "planes", Deep(tiff(colours.transpose(2, 0, 1), planarconfig="separate", **rgb), COLOURS, top)
    planes = {"planarconfig": "separate", "extrasamples": ["unassalpha"]}
    yield "planes, opacity", Deep(tiff(four.transpose(2, 0, 1), **planes, **rgb), over, top)
    yield "tiles", Deep(tiff(colours, tile=(16, 16), **rgb), COLOURS, top)
    yield "strips", Deep(tiff(colours, rowsperstrip=3, **rgb), COLOURS, top)
    yield "signed", Deep(tiff(of_bits(RAMP, top // 2).astype(np.int16), **how), RAMP, top // 2)
    yield "signed of 32 bits", Deep(tiff(grey.astype(np.int32), **how), RAMP, top)
    yield "unsigned of 32 bits", Deep(tiff(grey.astype(np.uint32) * 65536, **how), RAMP, top * 65536)
    for kind in (np.float16, np.float32, np.float64):
        yield f"floats of {np.dtype(kind).itemsize} bytes", Deep(tiff(RAMP.astype(kind), **how), RAMP, 1.0)
    yield "colours as floats", Deep(tiff(COLOURS.astype(np.float32), **rgb), COLOURS, 1.0)
    clear_floats = np.dstack([COLOURS, HALF]).astype(np.float32)
    yield "floats, opacity", Deep(tiff(clear_floats, extrasamples=["unassalpha"], **rgb), over, 1.0)
