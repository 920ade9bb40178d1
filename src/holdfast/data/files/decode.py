"""What is asked of a source, and many encoded pictures decoded at once into one tensor."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
import PIL

from holdfast import randomness
from holdfast.data.files.deep import Ranges
from holdfast.data.files.pictures import Resize, picture, reason
from holdfast.data.files.rejects import Rejected
from holdfast.data.files.stream import Streamed
from holdfast.data.files.threads import in_threads
from holdfast.data.files.workers import Encoded
from holdfast.lazy import deferred
from holdfast.progress import OnProgress
from holdfast.system import cores

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = deferred("torch")

_MOST_WORKERS = 8
Row = tuple[int, bytes | OSError]
"""An image's id and its encoded bytes, or why they could not be read."""


Files = tuple[tuple[str, int], ...]
"""(name without its folder, images in it) of each file of a source, in order; of a folder of pictures ('', images)."""


@dataclass(frozen=True, kw_only=True)
class LoadRequest:
    """What of a source is asked for: the arguments of `load_images`, checked."""

    size: int | None = None
    limit: int | None = None
    seed: int = 0
    memory_gib: float = 4.0
    image_column: str | None = None
    label_column: str | None = None
    resize: Resize = "crop"
    strict: bool = False
    workers: int | None = None
    streamed: bool = False
    """Whether pixels are streamed although they would fit into memory."""
    ranges: Ranges = field(default_factory=dict, compare=False)
    """How deep pixels are scaled; a kind that is not among them is an UnscaledError."""
    download: bool = False
    labels: bool = True
    """Whether the labels that the source has itself are asked for: they are not looked at otherwise."""
    files: Files = ()
    """What a run was read from; other files are refused before anything is decoded."""
    progress: OnProgress | None = field(default=None, compare=False)

    def __reduce__(self) -> Any:
        # Worker processes are sent this, and nobody to tell of progress.
        return partial(LoadRequest, **{**self.__dict__, "progress": None}), ()

    def __post_init__(self) -> None:
        for name, value in (("size", self.size), ("limit", self.limit)):
            if value is not None and value < 1:
                raise ValueError(f"expected {name} of at least 1, got {value}; leave it out to take all there is")
        if self.resize not in get_args(Resize):
            raise ValueError(f"expected resize of {', '.join(get_args(Resize))}, got {self.resize!r}; set --resize")

    def places(self, rows: int, source: str) -> Tensor:
        """The ids to load, ascending: all 0..rows-1, or a seeded draw of `limit`. Raises ValueError without rows."""
        return torch.from_numpy(self.numbers(rows, source))

    def checked(self, found: Files, source: str) -> Files:
        """What is read. Raises ValueError, naming files, where a run was read from others, or others in number."""
        if self.files and [count for _, count in self.files] != [count for _, count in found]:
            raise ValueError(
                f"expected the images that the run used, {_images_in(self.files)}, got {_images_in(found)} in {source}"
                f"{_other_files(self.files, found)}; restore the files or train again"
            )
        return found

    def numbers(self, rows: int, source: str) -> np.ndarray:
        """As `places`, int64 [m] without torch."""
        if rows == 0:
            raise ValueError(f"expected images in {source}, got no rows; check that it is the file you meant")
        if self.limit is None or self.limit >= rows:
            return np.arange(rows)
        return np.sort(randomness.order_of(self.seed, "limit", rows)[: self.limit])

    @property
    def identity(self) -> str:
        """Changes where the way that pictures are decoded does."""
        scales = "".join(f"/{kind} {low:g} {high:g}" for kind, (low, high) in sorted(self.ranges.items()))
        return f"{self.size}/{self.resize}/{PIL.__version__}{scales}"

    @property
    def budget(self) -> int:
        """Most bytes of decoded pixels in memory."""
        return int(self.memory_gib * 2**30)

    def is_streamed(self, images: int) -> bool:
        """Whether so many images of the asked size are too many for memory."""
        return self.size is not None and (self.streamed or images * 3 * self.size**2 > self.budget)

    def stream(self, encoded: Encoded, places: Tensor) -> Streamed:
        """Pixels that worker processes decode."""
        workers = min(cores(), _MOST_WORKERS) if self.workers is None else self.workers
        return Streamed(encoded, places.numpy(), self.size or 0, workers)

    def check_budget(self, images: int, height: int, width: int, source: str) -> None:
        """Raises ValueError, with numbers, where images × 3 × height × width bytes exceed the budget."""
        each = 3 * height * width
        if images * each > self.budget:
            raise ValueError(
                f"expected at most {self.memory_gib:g} GiB of decoded pixels, got {images * each / 2**30:.1f} GiB: "
                f"{images:,} images of {height}×{width} in {source}; use --limit {self.budget // each}, "
                "or a larger --memory-gib; files are streamed where there is an --image-size"
            )


def _images_in(files: Files) -> str:
    named = [name for name, _ in files if name]
    return f"{sum(count for _, count in files):,}" + (f" in {len(named):,} files" if named else "")


def _other_files(before: Files, now: Files) -> str:
    """Which files are gone, new, or hold another number of images; the first three of each."""
    old, new = dict(before), dict(now)
    gone, more = ([name for name in one if name not in other] for one, other in ((old, new), (new, old)))
    other = [
        f"{name} ({old[name]:,} then, {new[name]:,} now)"
        for name in old
        if name and old[name] != new.get(name, old[name])
    ]
    kinds = (("not there or not read", gone), ("new", more), ("with another number", other))
    said = [
        f"{what}: {', '.join(names[:3])}{f' and {len(names) - 3:,} more' * (len(names) > 3)}"
        for what, names in kinds
        if names
    ]
    return f" ({'; '.join(said)})" if said else ""


def decode_rows(
    blocks: Iterable[list[Row]], *, images: int, request: LoadRequest, source: str, name: Callable[[int], str]
) -> tuple[Tensor, dict[int, Rejected]]:
    """All rows decoded into one uint8 tensor [images, 3, h, w], in order, by a pool of threads; and, by position, those
    that cannot be decoded, whose pixels mean nothing. name: what the row at a place is called.

    Raises ValueError, naming the row, for one that has another size than the first that can be decoded, and with
    request.strict for the first that cannot.
    """
    stream, waiting = iter(blocks), []
    shape = None
    for block in stream:
        waiting.append(block)
        found = (decode_cell(encoded, place, request, name) for place, encoded in block)
        shape = next((pixels.shape for pixels in found if not isinstance(pixels, Rejected)), None)
        if shape is not None:
            break
    rejected: dict[int, Rejected] = {}
    shape = shape or (3, request.size or 1, request.size or 1)
    request.check_budget(images, shape[1], shape[2], source)
    pixels = torch.empty(images, *shape, dtype=torch.uint8)
    into = pixels.numpy()

    def fill(start: int, rows: list[Row]) -> None:
        for position, (place, encoded) in enumerate(rows, start):
            found = decode_cell(encoded, place, request, name)
            if isinstance(found, Rejected):
                rejected[position] = found
            else:
                into[position] = of_shape(found, shape, name(place))

    in_threads(fill, _pieces(chain(waiting, stream)))
    return pixels, rejected


def _pieces(blocks: Iterable[list[Row]], rows: int = 64) -> Iterator[tuple[int, list[Row]]]:
    """Blocks cut into pieces a thread takes at once, each with the position of its first row."""
    position = 0
    for block in blocks:
        for start in range(0, len(block), rows):
            yield position + start, block[start : start + rows]
        position += len(block)


def decode_cell(
    encoded: bytes | OSError | None, place: int, request: LoadRequest, name: Callable[[int], str]
) -> np.ndarray | Rejected:
    """uint8 [3, h, w] of a row's encoded picture in the stored size, or why not."""
    try:
        if isinstance(encoded, OSError):
            raise encoded
        if not encoded:
            raise ValueError("no bytes of a picture; embed the file in the row")
        return picture(encoded, request.size, request.resize, request.ranges)
    except Exception as error:  # damaged files raise almost anything in Pillow's plugins
        return Rejected(name(place), reason(error))


def of_shape(pixels: np.ndarray, shape: tuple[int, ...], where: str) -> np.ndarray:
    """The pixels. Raises ValueError where they are of another shape than the first image's."""
    if pixels.shape != shape:
        raise ValueError(
            f"expected images of one size, got {shape[1]}×{shape[2]} and, in {where}, "
            f"{pixels.shape[1]}×{pixels.shape[2]}; choose one size for all with --image-size (size= in Python)"
        )
    return pixels
