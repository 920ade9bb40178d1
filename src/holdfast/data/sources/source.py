"""What every kind of source can be asked: its images, labels, columns, encoded items, and how its views are made."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

import numpy as np
import pyarrow as pa

from holdfast.config import ViewSettings
from holdfast.data.files import LoadRequest, Rejected
from holdfast.data.images import Images

if TYPE_CHECKING:
    from torch import Tensor

    from holdfast.data.views import Views

_PIECE = 32
ViewMaker: TypeAlias = "Callable[..., Views]"
"""(batch, views=2, purpose='views') -> Views."""
Labels: TypeAlias = "tuple[Tensor | None, tuple[str, ...] | None]"
"""Class numbers [n] int64 and the classes' names, or None."""
Column = tuple[pa.Array, tuple[str, ...] | None]
"""Values [n], and what its numbers are called where the source says so."""
Piece = tuple[int, list[tuple[int, Any]]]
"""(position of the first, [(place, bytes | Path | pixels [3, h, w] | why not)])."""


@dataclass(frozen=True)
class Items:
    """A source's images one by one, each with its place: files or bytes as they are stored, or pixels."""

    total: int
    pieces: Callable[[np.ndarray], Iterator[Piece]]
    """The images at some places [m], ascending, piece by piece."""
    name: Callable[[int], str]
    """What people call the image at a place."""
    paths: Callable[[np.ndarray], Any] | None = None
    """Paths of the images at some places, where the source is a folder."""
    left_out: tuple[str, ...] = ()
    """What else the source holds, a line for each kind."""
    holds: tuple[str, ...] = ()
    """What its files hold in all, a line each."""


@dataclass(frozen=True)
class Source(ABC):
    """One source of a kind, by what the user wrote. A kind is a subclass in a file of its own and a line in SOURCES."""

    name: str
    """As written."""
    unread: tuple[Rejected, ...] = ()
    """Files and pictures that a run could not read as it began: left out again, without trying them."""

    written: ClassVar[str]
    """How a user writes such a source; messages list it."""
    on_disk: ClassVar[bool] = True
    """Whether the name is a path that must be there."""
    in_folders: ClassVar[bool] = False
    """Whether its images lie in folders, which --labels folder takes for classes."""

    in_blocks: ClassVar[bool] = False
    """Whether its images lie in blocks, row groups or tar files, which --shuffle-buffer reads one by one."""

    @staticmethod
    @abstractmethod
    def matches(name: str) -> bool:
        """Whether a source is of this kind, by its name and, where that is a path, by what is there."""

    @abstractmethod
    def load(self, request: LoadRequest) -> Images:
        """Its images, in memory or streamed, with the labels that it has itself."""

    def left_out(self, file: str) -> Rejected | None:
        """What a run that could not read a file, or one of its name elsewhere, said of it."""
        name = Path(file).name
        return next((one for one in self.unread if Path(one.path).name == name), None)

    def labels(self, request: LoadRequest) -> Labels:
        """Labels [n] of all its images, by place, and the classes' names; decodes only what it must."""
        images = self.load(request)
        return images.labels, images.classes

    def column(self, name: str) -> Column:
        """A column by its name, all rows. Raises ValueError where there is none."""
        raise ValueError(
            f"expected labels or groups 'folder' or a .csv file for {self.name}, which has no columns, got {name!r}; "
            f"as in --labels folder, or --labels {name}.csv"
        )

    def survey(self, request: LoadRequest) -> Items:
        """Its images to look at one by one; request's limit and size are not heeded."""
        images = self.load(LoadRequest(download=request.download))
        return items_of(len(images), lambda place: images.pixels[place].numpy(), lambda place: f"id {place}")

    def views(self, settings: ViewSettings, *, seed: int, size: int) -> ViewMaker:
        """What makes the views of its images: crops and colours by the settings."""
        from holdfast.data.views import make_views  # it needs torch, which most of what is asked of sources does not

        return partial(make_views, settings=settings, seed=seed, size=size)

    def targets(self, images: Images) -> tuple[str, ...]:
        """Names of those factors of its images that an encoder should tell: what views of an image share."""
        return tuple(images.factors)


def items_of(
    total: int,
    item: Callable[[int], Any],
    name: Callable[[int], str],
    paths: Any = None,
    left_out: tuple[str, ...] = (),
) -> Items:
    """Items that are had one at a time, by their place."""

    def pieces(places: np.ndarray) -> Iterator[Piece]:
        for start in range(0, len(places), _PIECE):
            yield start, [(place, item(place)) for place in places[start : start + _PIECE].tolist()]

    return Items(total, pieces, name, paths, left_out)
