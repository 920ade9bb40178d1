"""The pictures of a folder, decoded: what cannot be used is set aside with its reason."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from holdfast.data.files import (
    NO_FILE,
    NOT_REGULAR,
    FolderIndex,
    LoadRequest,
    Paths,
    Rejected,
    in_threads,
    of_shape,
    open_index,
    picture,
    reason,
)
from holdfast.data.images import Images
from holdfast.data.sources.aside import Decoded, allowed, scaled_alike, streamed, without
from holdfast.data.sources.shards import holds_shards, holds_tars
from holdfast.data.sources.source import Items, Labels, Source, items_of
from holdfast.lazy import deferred

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = deferred("torch")

_PIECE = 32  # files that a thread takes at once
_SPECIAL = "a pipe, socket or device"


class PictureFolder(Source):
    """A folder of pictures: one that holds no parquet shards or tar files."""

    written = "a folder of pictures"
    in_folders = True

    @staticmethod
    def matches(name: str) -> bool:
        return Path(name).is_dir() and not holds_shards(Path(name)) and not holds_tars(Path(name))

    def load(self, request: LoadRequest) -> Images:
        """Every picture below it, recursively; an id is a file's place among the sorted paths of all candidates.

        Files that cannot be used are in .rejected and keep their ids. Raises ValueError where none can be used, and
        with request.strict at the first that cannot; FileNotFoundError where there are no files at all.
        """
        index = self._index()
        files = request.checked((("", len(index)),), self.name)
        places = request.places(len(index), self.name)

        def decode(request: LoadRequest) -> Decoded:
            if request.is_streamed(len(places)):
                return streamed(FolderFiles(index, request), places, request)
            return _decode(index, places.numpy(), request, self.name)

        pixels, rejected, ranges = scaled_alike(decode, request, len(places), self.name)
        images = Images(pixels, places, source=self.name, paths=Paths(index, places.numpy()), files=files)
        return without(images, rejected, ranges).noted(index.left_out)

    def labels(self, request: LoadRequest) -> Labels:
        return None, None

    def _index(self) -> FolderIndex:
        index = open_index(Path(self.name))
        if not len(index):
            raise FileNotFoundError(_nothing(index, self.name))
        return index

    def survey(self, request: LoadRequest) -> Items:
        index = self._index()

        def item(place: int) -> Path | Exception:
            return ValueError(_SPECIAL) if index.sizes[place] == NOT_REGULAR else index.path(place)

        return items_of(len(index), item, index.printable, lambda ids: Paths(index, ids), index.left_out)


@dataclass(frozen=True)
class FolderFiles:
    """The files of an index, an `Encoded`."""

    index: FolderIndex
    request: LoadRequest

    def read(self, places: np.ndarray) -> Iterator[tuple[int, np.ndarray | Rejected]]:
        """Each file in turn: files are read in any order at the same cost."""
        for position, place in enumerate(places.tolist()):
            yield position, read_file(self.index, place, self.request)

    @property
    def identity(self) -> str:
        """What the pixels depend on: the files' names, sizes and times of change, and how they are decoded."""
        return f"{self.index.root}/{self.index.checksum}/{self.request.identity}"


def _nothing(index: FolderIndex, source: str) -> str:
    """What to say of a folder without pictures: what else is in it, shards and tar files further down above all."""
    for kind in (".parquet", ".tar"):
        below = sorted({path.parent for path in index.root.glob(f"*/**/*{kind}")})[:3]
        if below:
            return (
                f"expected .parquet files or pictures in {source}, got none but {kind} files in "
                f"{', '.join(str(Path(source) / path.relative_to(index.root)) for path in below)}; name the folder of "
                "one split"
            )
    beside = f" ({'; '.join(index.left_out)})" if index.left_out else ""
    return f"expected .parquet files or pictures in {source}, got none{beside}; check the path"


def _decode(
    index: FolderIndex, places: np.ndarray, request: LoadRequest, source: str
) -> tuple[Tensor, dict[int, Rejected]]:
    """uint8 [files, 3, h, w], rows of files that cannot be used left as they are, and those by position."""
    rejected: dict[int, Rejected] = {}
    shape = _shape(index, places, request)
    request.check_budget(len(places), shape[1], shape[2], source)
    pixels = torch.empty(len(places), *shape, dtype=torch.uint8)
    into = pixels.numpy()

    def fill(start: int, piece: np.ndarray) -> None:
        for position, place in enumerate(piece.tolist(), start):
            found = read_file(index, place, request)
            if isinstance(found, Rejected):
                rejected[position] = allowed(found, request, source)
            else:
                into[position] = of_shape(found, shape, f"{printable_name(index, place)} of {source}")

    in_threads(fill, _pieces(places))
    return pixels, rejected


def printable_name(index: FolderIndex, place: int) -> str:
    """A file's name for a message."""
    return repr(index.printable(place))


def _shape(index: FolderIndex, places: np.ndarray, request: LoadRequest) -> tuple[int, ...]:
    """[3, h, w] of the first picture that can be used; of one pixel where there is none."""
    found = (read_file(index, place, request) for place in places.tolist())
    return next((pixels.shape for pixels in found if not isinstance(pixels, Rejected)), (3, 1, 1))


def read_file(index: FolderIndex, place: int, request: LoadRequest) -> np.ndarray | Rejected:
    """uint8 [3, h, w] of a file in the stored size, or why not. Never raises for what a file holds."""
    size = int(index.sizes[place])
    if size == NOT_REGULAR:
        return Rejected(index.printable(place), _SPECIAL)
    try:
        return picture(index.path(place), request.size, request.resize, request.ranges)
    except Exception as error:  # damaged files raise almost anything in Pillow's plugins
        dead = "a link that leads nowhere: " if size == NO_FILE and index.path(place).is_symlink() else ""
        return Rejected(index.printable(place), dead + reason(error))


def _pieces(places: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    for start in range(0, len(places), _PIECE):
        yield start, places[start : start + _PIECE]
