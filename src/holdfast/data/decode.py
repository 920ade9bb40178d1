"""From an encoded picture to 8-bit RGB pixels of the wanted size, and what all sources share on the way there."""

import io
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from holdfast import randomness

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

Row = tuple[int, bytes]
"""An image's id and its encoded bytes."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What of a source is wanted: the arguments of `load_images`, checked."""

    size: int | None = None
    limit: int | None = None
    seed: int = 0
    budget_gib: float = 4.0
    image_column: str | None = None
    label_column: str | None = None

    def __post_init__(self) -> None:
        for name, value in (("size", self.size), ("limit", self.limit)):
            if value is not None and value < 1:
                raise ValueError(f"expected {name} of at least 1, got {value}; leave it out to take all there is")

    def places(self, rows: int, source: str) -> Tensor:
        """The ids to load, ascending: all 0..rows-1, or a seeded draw of `limit`. Raises ValueError without rows."""
        if rows == 0:
            raise ValueError(f"expected images in {source}, got no rows; check that it is the file you meant")
        if self.limit is None or self.limit >= rows:
            return torch.arange(rows)
        return randomness.permutation(randomness.key(self.seed, "limit"), rows)[: self.limit].sort().values

    def check_budget(self, images: int, height: int, width: int, source: str) -> None:
        """Raises ValueError, with numbers, where images × 3 × height × width bytes exceed the budget."""
        each, budget = 3 * height * width, int(self.budget_gib * 2**30)
        if images * each > budget:
            raise ValueError(
                f"expected at most {self.budget_gib:g} GiB of decoded pixels, got {images * each / 2**30:.1f} GiB: "
                f"{images:,} images of {height}×{width} in {source}; use --limit {budget // each}, "
                "a smaller --image-size, or a larger budget_gib in load_images"
            )


def decode(encoded: bytes) -> Image.Image:
    """An encoded picture as upright 8-bit RGB: transparency over white, 16-bit greys scaled, a film's first frame."""
    image = Image.open(io.BytesIO(encoded))
    turn = _UPRIGHT.get(image.getexif().get(_ORIENTATION, 1))
    return to_rgb(image if turn is None else image.transpose(turn))


def to_rgb(image: Image.Image) -> Image.Image:
    """Any Pillow mode as RGB. Raises ValueError for floating-point pixels, whose range nobody states."""
    if image.mode == "RGB" and "transparency" not in image.info:
        return image
    if image.mode.startswith("I"):  # convert() would clip at 255 what runs to 65,535
        return Image.fromarray(_from_16_bit(np.asarray(image))).convert("RGB")
    if image.mode == "F":
        raise ValueError("floating-point pixels; store 8 or 16 bits")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    return image.convert("RGB")


def _from_16_bit(grey: np.ndarray) -> np.ndarray:
    return np.round(grey.astype(np.float64).clip(0, 65535) / 257).astype(np.uint8)


def fit(image: Image.Image, size: int | None) -> np.ndarray:
    """uint8 [3, h, w]: as it is, or its largest centred square resampled to size (antialiased bicubic).

    That is the shorter side to `size`, then a centre crop, in one resampling.
    """
    if size is not None and image.size != (size, size):
        width, height = image.size
        side = min(width, height)
        left, top = (width - side) // 2, (height - side) // 2
        image = image.resize((size, size), Image.Resampling.BICUBIC, box=(left, top, left + side, top + side))
    return np.asarray(image).transpose(2, 0, 1)


def decode_rows(blocks: Iterable[list[Row]], *, images: int, wanted: Wanted, source: str) -> Tensor:
    """All rows decoded into one uint8 tensor [images, 3, h, w], in order, by a pool of threads.

    Raises ValueError, naming the row, for one that cannot be decoded or has another size than the first.
    """
    stream = iter(blocks)
    first = next(stream)
    shape = _decode_row(first[0], wanted.size, source).shape
    wanted.check_budget(images, shape[1], shape[2], source)
    pixels = torch.empty(images, *shape, dtype=torch.uint8)
    into = pixels.numpy()

    def fill(start: int, rows: list[Row]) -> None:
        for position, row in enumerate(rows, start):
            into[position] = _of_shape(_decode_row(row, wanted.size, source), shape, row[0], source)

    _fill_in_threads(fill, _pieces(chain([first], stream)))
    return pixels


def _pieces(blocks: Iterable[list[Row]], rows: int = 64) -> Iterator[tuple[int, list[Row]]]:
    """Blocks cut into pieces a thread takes at once, each with the position of its first row."""
    position = 0
    for block in blocks:
        for start in range(0, len(block), rows):
            yield position + start, block[start : start + rows]
        position += len(block)


def _fill_in_threads(fill: Callable[[int, list[Row]], None], pieces: Iterator[tuple[int, list[Row]]]) -> None:
    """Runs fill over pieces, a bounded number ahead, so that encoded bytes do not pile up in memory."""
    workers = min(8, os.cpu_count() or 1)
    with ThreadPoolExecutor(workers) as pool:
        waiting = []
        for start, rows in pieces:
            waiting.append(pool.submit(fill, start, rows))
            if len(waiting) > 4 * workers:
                waiting.pop(0).result()
        for future in waiting:
            future.result()


def _decode_row(row: Row, size: int | None, source: str) -> np.ndarray:
    place, encoded = row
    if not encoded:
        raise ValueError(
            f"expected encoded bytes in row {place} of {source} (counted from 0), got none; "
            "embed the image files in the parquet file, or drop the row"
        )
    try:
        return fit(decode(encoded), size)
    except (
        Exception
    ) as error:  # damaged files raise almost anything in Pillow's plugins; the row is what the user needs
        raise ValueError(
            f"expected an image that Pillow can read in row {place} of {source} (counted from 0), got {error}; "
            "drop or repair the row"
        ) from error


def _of_shape(pixels: np.ndarray, shape: tuple[int, ...], place: int, source: str) -> np.ndarray:
    if pixels.shape != shape:
        raise ValueError(
            f"expected images of one size, got {shape[1]}×{shape[2]} and, in row {place} of {source}, "
            f"{pixels.shape[1]}×{pixels.shape[2]}; choose one size for all with --image-size (size= in Python)"
        )
    return pixels
