"""Worker processes that decode encoded pictures, a bounded number ahead, and where these pictures lie."""

from __future__ import annotations

import itertools
import shutil
import warnings
import weakref
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from holdfast.data.files.rejects import Rejected
from holdfast.lazy import deferred

if TYPE_CHECKING:
    import torch
    from torch import Tensor
    from torch.utils.data import DataLoader
else:
    torch = deferred("torch")

CHUNK = 64
"""Images that a worker decodes at a time."""
AHEAD = 8
"""Chunks that each worker may have ready, or fewer where shared memory is short."""
_SHARED = "/dev/shm"  # where worker processes leave tensors; containers often have 64 MB of it

Chunk = tuple["Tensor", list[tuple[int, Rejected]]]
"""Pixels [n, 3, size, size] uint8, and (position, why not) of those that mean nothing."""


class Encoded(Protocol):
    """Where encoded pictures lie: what a worker process is sent."""

    def read(self, places: np.ndarray) -> Iterator[tuple[int, np.ndarray | Rejected]]:
        """(position, uint8 [3, size, size] or why not) of each place, in the order that suits the source."""
        ...

    @property
    def identity(self) -> str:
        """Changes where the pictures or the way they are decoded do."""
        ...


class Blocked(Encoded, Protocol):
    """Where neighbours lie in blocks that are best read whole."""

    @property
    def remote(self) -> bool:
        """Whether it lies behind a URL."""
        ...

    @property
    def whole(self) -> bool:
        """Whether a block is read whole for a single picture of it in any case."""
        ...

    @property
    def mean_bytes(self) -> float:
        """About how many bytes an encoded picture has."""
        ...

    def blocks(self, places: np.ndarray) -> np.ndarray:
        """int64 [m]: the block that each place lies in, neighbours in one or in the next."""
        ...

    def by_blocks(self, most_bytes: int) -> Encoded:
        """These, read by whole blocks, of which a process keeps so many bytes."""
        ...


def in_chunks(places: np.ndarray) -> list[np.ndarray]:
    """Places cut into pieces that a worker decodes at a time: the positions in each."""
    positions = np.arange(len(places))
    return [positions[start : start + CHUNK] for start in range(0, max(len(places), 1), CHUNK)]


def fill(
    encoded: Encoded, places: np.ndarray, into: np.ndarray, reject: Callable[[tuple[int, Rejected]], None]
) -> None:
    """Puts the pixels of some places [m] into an array; what cannot be used is told as (position, why not)."""
    for position, found in encoded.read(places):
        if isinstance(found, Rejected):
            reject((position, found))
        else:
            into[position] = found


@dataclass(frozen=True)
class Decoder:
    """What runs in a worker, a data set of torch's: places in, pixels and what cannot be used out."""

    encoded: Encoded
    size: int

    def __getitem__(self, places: np.ndarray) -> Chunk:
        pixels = torch.zeros(len(places), 3, self.size, self.size, dtype=torch.uint8)
        rejected: list[tuple[int, Rejected]] = []
        fill(self.encoded, places, pixels.numpy(), rejected.append)
        return pixels, rejected


class Loader:
    """Worker processes that stay from one pass over the images to the next."""

    def __init__(
        self,
        decoder: Decoder,
        workers: int,
        context: str | None,
        pieces: Callable[[np.ndarray], list[np.ndarray]],
    ):
        self._decoder, self._workers, self._context, self._pieces = decoder, workers, context, pieces
        self._sampler = _Given()
        self._kept: DataLoader | None = None
        self._busy = False

    def chunks(self, wanted: Iterable[np.ndarray]) -> Iterator[Chunk]:
        """Pixels and what cannot be used of each of the wanted, in their order; workers take pieces of them."""
        parted: deque[list[np.ndarray]] = deque()

        def pieces() -> Generator[np.ndarray]:
            for places in wanted:
                parted.append(self._pieces(places))
                yield from (places[positions] for positions in parted[-1])

        decoded = self._decoded(pieces())
        while (first := next(decoded, None)) is not None:
            positions = parted.popleft()
            yield _joined([first, *itertools.islice(decoded, len(positions) - 1)], positions)

    def _decoded(self, pieces: Generator[np.ndarray]) -> Iterator[Any]:
        if self._busy:  # a pass within a pass: the kept processes follow one order only
            yield from self._new(_Given(pieces), persistent=False)
            return
        self._busy = True
        try:
            if self._kept is None:
                self._kept = self._new(self._sampler, persistent=True)
                # Held until the loader is gone, also in a circle of references: torch's iterator and its queues would
                # else be finalised in any order, and each process waited for in vain for five seconds.
                weakref.finalize(self, _let_go, self._kept)
            self._sampler.pieces = pieces
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", message=".*multi-threaded, use of fork", category=DeprecationWarning)
                decoded = iter(self._kept)
            yield from decoded
        finally:
            pieces.close()  # the kept processes hold on to it, and with it to whoever asked for the pieces
            self._busy = False

    def _new(self, sampler: _Given, *, persistent: bool) -> DataLoader:
        each = CHUNK * 3 * self._decoder.size**2
        ahead = AHEAD
        with suppress(OSError):
            ahead = shutil.disk_usage(_SHARED).free // 2 // each // self._workers
        return torch.utils.data.DataLoader(
            self._decoder,  # type: ignore[arg-type]
            batch_size=None,
            sampler=sampler,
            num_workers=self._workers,
            prefetch_factor=max(1, min(AHEAD, ahead)),
            persistent_workers=persistent,
            multiprocessing_context=self._context,
            generator=torch.Generator(),  # else it would draw from torch's global one
        )


def _let_go(kept: DataLoader) -> None:
    """Nothing: whoever calls it no longer holds the processes afterwards, which ends them."""


def _joined(parts: list[Any], positions: list[np.ndarray]) -> Chunk:
    """Pieces as one, each image at its position."""
    if len(parts) == 1:
        return parts[0]
    places = np.concatenate(positions)
    pixels = torch.cat([pixels for pixels, _ in parts])
    if (places[1:] < places[:-1]).any():
        pixels = pixels[torch.from_numpy(np.argsort(places))]
    pairs = zip(parts, positions, strict=True)
    return pixels, [(int(own[place]), one) for (_, aside), own in pairs for place, one in aside]


class _Given:
    """A sampler of pieces that are given anew for each pass."""

    def __init__(self, pieces: Iterable[np.ndarray] = ()):
        self.pieces = pieces

    def __iter__(self) -> Iterator[np.ndarray]:
        return iter(self.pieces)
