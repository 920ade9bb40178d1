"""Makes a folder of odd files, and knows what becomes of each: pixels, or a reason. Run it to look at them.

python tests/data/odd_files.py FOLDER
"""

import io
import os
import struct
import sys
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms

SIDE = 24
RAMP = np.linspace(8, 247, SIDE * SIDE).astype(np.uint8).reshape(SIDE, SIDE)
COLOURS = np.stack([RAMP, RAMP.T, 255 - RAMP], axis=-1)
ALPHA = np.where(np.arange(SIDE)[:, None] < SIDE // 2, 255, 0).astype(np.uint8).repeat(SIDE, 1)
OVER_WHITE = np.where(ALPHA[..., None] > 0, COLOURS, 255).astype(np.uint8)
LOSSY = {"JPEG", "WEBP", "AVIF", "JPEG2000"}


@dataclass(frozen=True)
class Odd:
    """A file that was made: its name, and what it holds."""

    name: bytes
    pixels: np.ndarray | None = None
    """uint8 [h, w, 3] that it must give; None where that is not known."""
    tolerance: float = 0.0
    """Mean difference of pixels that is allowed."""
    reason: str | None = None
    """Words of the reason for which it must be set aside; '' for any; None where it must load, '?' where either will
    do."""


def grey(values: np.ndarray) -> np.ndarray:
    return np.repeat(values[..., None], 3, -1)


def modes() -> dict[str, tuple[Image.Image, np.ndarray]]:
    """A picture of each mode, and the RGB pixels that it stands for."""
    colour = Image.fromarray(COLOURS)
    palette = colour.quantize(32)
    clear = Image.fromarray(np.dstack([COLOURS, ALPHA]))
    lab = ImageCms.profileToProfile(
        colour, ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), outputMode="LAB"
    )
    assert lab is not None
    wide = (RAMP.astype(np.uint16) * 257).astype(np.uint16)
    return {
        "1": (Image.fromarray(RAMP > 100), grey(np.where(RAMP > 100, 255, 0).astype(np.uint8))),
        "L": (Image.fromarray(RAMP), grey(RAMP)),
        "LA": (Image.merge("LA", [Image.fromarray(RAMP), Image.fromarray(ALPHA)]), grey(np.where(ALPHA, RAMP, 255))),
        "P": (palette, np.asarray(palette.convert("RGB"))),
        "PA": (palette.convert("PA"), np.asarray(palette.convert("RGB"))),
        "RGB": (colour, COLOURS),
        "RGBA": (clear, OVER_WHITE),
        "RGBX": (colour.convert("RGBX"), COLOURS),
        "CMYK": (colour.convert("CMYK"), COLOURS),
        "YCbCr": (colour.convert("YCbCr"), COLOURS),
        "HSV": (colour.convert("HSV"), COLOURS),
        "LAB": (lab, COLOURS),
        "I;16": (Image.fromarray(wide), grey(RAMP)),
        "I;16B": (Image.frombytes("I;16B", (SIDE, SIDE), wide.astype(">u2").tobytes()), grey(RAMP)),
        "I": (Image.fromarray(wide.astype(np.int32)), grey(RAMP)),
        "F": (Image.fromarray((RAMP / 255).astype(np.float32)), grey(RAMP)),
    }


@contextmanager
def _quiet() -> Iterator[None]:
    """Pillow warns of formats that it will drop one day."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def written(image: Image.Image, kind: str, **options: object) -> bytes | None:
    """The encoded picture, or None where Pillow does not write this mode in this format."""
    buffer = io.BytesIO()
    try:
        with _quiet():
            image.save(buffer, kind, **options)  # type: ignore[arg-type]
    except (OSError, ValueError, KeyError, SystemError, TypeError, AttributeError):
        return None
    return buffer.getvalue()


class Folder:
    """Files as they are made."""

    def __init__(self, root: Path):
        self.root, self.made = root, []

    def add(self, name: str | bytes, content: bytes, **facts: object) -> None:
        raw = os.fsencode(name)
        path = self.root / os.fsdecode(raw)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        self.made.append(Odd(raw, **facts))  # type: ignore[arg-type]


def make(root: Path) -> list[Odd]:
    """Makes the folder and returns what is in it, one entry for each file that an index must list."""
    root.mkdir(parents=True, exist_ok=True)
    folder = Folder(root)
    for step in (_modes, _broken, _named, _shaped, _turned, _lying, _special):
        step(folder)
    return folder.made


def _modes(folder: Folder) -> None:
    """Every mode in every format that Pillow writes it in."""
    Image.init()
    for kind in sorted(set(Image.SAVE) & set(Image.OPEN)):
        for mode, (image, truth) in modes().items():
            content = written(image, kind)
            if content is None:
                continue
            name = f"modes/{mode.replace(';', '_')}.{kind.lower()}"
            folder.add(name, content, **_expected(kind, mode, content, truth))


def _expected(kind: str, mode: str, content: bytes, truth: np.ndarray) -> dict[str, object]:
    """What a mode in a format must give: Pillow's own reading says what of it the format keeps."""
    if kind == "EPS":
        return {"reason": "no picture"}
    try:
        with _quiet(), Image.open(io.BytesIO(content)) as again:
            again.load()
            kept = again.mode
            size = again.size
    except (OSError, ValueError, SyntaxError, NotImplementedError):
        return {"reason": ""}  # formats that Pillow writes and cannot read
    lossy = 12.0 if kind in LOSSY else 0.0
    # Where the format keeps another mode (no alpha, a palette of 256) or another size, only that it loads is asked.
    if size != (SIDE, SIDE) or kept != mode or kind in ("GIF", "IM", "SPIDER"):
        return {}
    rounding = {"CMYK": 1.0, "YCbCr": 2.0, "LAB": 3.0, "HSV": 3.0, "F": 0.6}
    return {"pixels": truth, "tolerance": max(lossy, rounding.get(mode, 0.0))}


def _broken(folder: Folder) -> None:
    """Files cut short, of nothing, and of noise."""
    colour = Image.fromarray(np.kron(COLOURS, np.ones((4, 4, 1), np.uint8)))
    for kind in ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM", "TGA", "JPEG2000", "AVIF", "ICO", "PCX", "SGI"):
        content = written(colour, kind)
        assert content is not None
        folder.add(f"empty/empty.{kind.lower()}", b"", reason="empty file")
        folder.add(f"short/half.{kind.lower()}", content[: len(content) // 2], reason="?")
        folder.add(f"short/head.{kind.lower()}", content[:10], reason="")
        folder.add(f"short/noise.{kind.lower()}", content[:16] + os.urandom(400), reason="?")
    folder.add("short/zeros.jpg", bytes(4096), reason="")
    folder.add("short/text.jpg", b"<html>not found</html>", reason="a web page; download the file itself")
    folder.add("short/random.png", np.random.default_rng(0).bytes(4096), reason="")


def _named(folder: Folder) -> None:
    """Names that break what splits, quotes or decodes them."""
    picture = written(Image.fromarray(COLOURS), "PNG")
    assert picture is not None
    names: list[str | bytes] = [
        "names/with space.png",
        "names/new\nline.png",
        "names/tab\t.png",
        "names/comma, quote\" apostrophe'.png",
        "names/😀 emoji.png",
        "names/ünïcödé.png",
        "names/\u202eright-to-left.png",
        "names/<script>alert(1)</script>.png".replace("</", "<"),
        "names/%s {0} $HOME.png",
        "names/-dash.png",
        "names/back\\slash.png",
        "names/UPPER.PNG",
        "names/none",
        "names/dots...png",
        b"names/latin-\xe9.png",
        b"names/\xff\xfe.png",
        "names/" + "n" * 200 + ".png",
        "/".join(["names", *(["deep"] * 30), "down.png"]),
        "folder.png/inside.png",
    ]
    for name in names:
        folder.add(name, picture, pixels=COLOURS)


def claims(width: int, height: int) -> bytes:
    """A PNG that says it is so large, and holds next to nothing."""
    parts = [
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)),
        (b"IDAT", zlib.compress(b"")),
        (b"IEND", b""),
    ]
    chunks = [struct.pack(">I", len(d)) + k + d + struct.pack(">I", zlib.crc32(k + d)) for k, d in parts]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def _shaped(folder: Folder) -> None:
    """Sizes at both ends."""
    for width, height in [(1, 1), (1, 20000), (20000, 1), (2, 3), (3, 2), (5000, 7)]:
        truth = np.full((height, width, 3), (10, 200, 30), np.uint8)
        for kind in ("PNG", "BMP"):
            content = written(Image.fromarray(truth), kind)
            assert content is not None
            folder.add(f"sizes/{width}x{height}.{kind.lower()}", content, pixels=truth)
    wide = written(Image.new("RGB", (6000, 4500), "red"), "JPEG", quality=30)
    assert wide is not None
    folder.add("sizes/bomb.png", claims(30000, 30000), reason="decompression bomb")
    folder.add("sizes/81-megapixels.png", claims(9000, 9000), reason="more than")
    folder.add("sizes/27-megapixels.jpg", wide)


def _turned(folder: Folder) -> None:
    """A camera's eight orientations, and films."""
    turns = [None, None, 0, 3, 1, 5, 4, 6, 2]
    stored = Image.fromarray(COLOURS[:14])
    for orientation in range(1, 9):
        turn = turns[orientation]
        exif = Image.Exif()
        exif[0x0112] = orientation
        truth = stored if turn is None else stored.transpose(Image.Transpose(turn))
        content = written(stored, "PNG", exif=exif)
        assert content is not None
        folder.add(f"turned/{orientation}.png", content, pixels=np.asarray(truth))
    frames = [Image.fromarray(np.full((8, 8, 3), shade, np.uint8)) for shade in (30, 220)]
    for kind in ("PNG", "WEBP", "TIFF", "GIF"):
        content = written(frames[0], kind, save_all=True, append_images=frames[1:], **_lossless(kind))
        assert content is not None
        folder.add(f"turned/film.{kind.lower()}", content, pixels=np.asarray(frames[0]), tolerance=1.0)


def _lossless(kind: str) -> dict[str, bool]:
    return {"lossless": True} if kind == "WEBP" else {}


def _lying(folder: Folder) -> None:
    """Suffixes that say another format: the content decides."""
    suffixes = ["jpg", "png", "gif", "tiff", "bmp", "txt", "xyz"]
    for kind in ("PNG", "BMP", "TIFF"):
        content = written(Image.fromarray(COLOURS), kind)
        assert content is not None
        for suffix in suffixes:
            if suffix != kind.lower() and not (kind == "BMP" and suffix == "txt"):
                folder.add(f"lying/{kind.lower()}.{suffix}", content, pixels=COLOURS)


def _special(folder: Folder) -> None:
    """Links to nothing and in circles, a pipe, a file that may not be read."""
    special = folder.root / "special"
    special.mkdir()
    (special / "dangling.png").symlink_to(special / "nothing.png")
    (special / "itself.png").symlink_to(special / "itself.png")
    (special / "there.png").symlink_to(special / "back.png")
    (special / "back.png").symlink_to(special / "there.png")
    (special / "circle").symlink_to(folder.root)
    os.mkfifo(special / "pipe.png")
    for name, why in [
        ("dangling", "a link that leads nowhere: no such file"),
        ("itself", "a link that leads nowhere: too many levels"),
        ("there", "too many levels"),
        ("back", "too many levels"),
        ("pipe", "a pipe"),
    ]:
        folder.made.append(Odd(f"special/{name}.png".encode(), reason=why))
    picture = written(Image.fromarray(COLOURS), "PNG")
    assert picture is not None
    folder.add("special/secret.png", picture, reason="permission denied")
    (special / "secret.png").chmod(0)
    if os.access(special / "secret.png", os.R_OK):  # root may read what nobody may
        folder.made[-1] = Odd(b"special/secret.png", pixels=COLOURS)


def main() -> None:
    """Makes the folder named on the command line and counts its files."""
    print(f"{len(make(Path(sys.argv[1]))):,} odd files in {sys.argv[1]}")  # noqa: T201


if __name__ == "__main__":
    main()
