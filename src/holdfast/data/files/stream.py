"""Pixels that do not fit into memory: worker processes decode them to the stored size, a bounded number ahead."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from holdfast.data.files.rejects import Rejected
from holdfast.data.files.threads import in_threads
from holdfast.data.files.workers import CHUNK, Blocked, Chunk, Decoder, Encoded, Loader, fill, in_chunks
from holdfast.lazy import deferred
from holdfast.progress import OnProgress
from holdfast.system import give_back_memory

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = deferred("torch")

_LEAN = 4096
"""Images after which freed memory is given back: batches of some MB otherwise leave holes, 1 to 2 KB for each image."""


@dataclass(frozen=True, eq=False)
class Streamed:
    """Pixels [n, 3, size, size] uint8 that are decoded when they are asked for, in place of a tensor of them."""

    encoded: Encoded
    places: np.ndarray
    """int64 [n]: the place in the source of each."""
    size: int
    workers: int = 2
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    """Where decoded pixels go."""
    context: str | None = None
    """How worker processes start: 'fork', 'spawn', 'forkserver', or None for the platform's way."""
    by_block: bool = False
    """Whether each worker process has blocks of its own, so that one is read by one of them alone."""
    _loader: list[Loader] = field(default_factory=list, repr=False)
    """The worker processes, once there are some; shared with every part."""

    ndim = 4

    @property
    def dtype(self) -> torch.dtype:
        return torch.uint8

    @property
    def shape(self) -> torch.Size:
        return torch.Size((len(self.places), 3, self.size, self.size))

    def __len__(self) -> int:
        return len(self.places)

    def take(self, positions: Tensor) -> Streamed:
        """The pixels at positions [m], still to be decoded."""
        return replace(self, places=self.places[positions.cpu().numpy()])

    def to(self, device: torch.device | str) -> Streamed:
        """This stream, whose decoded pixels go to device."""
        return replace(self, device=torch.device(device))

    @property
    def blocked(self) -> Blocked | None:
        """Where the pictures lie, if that is in blocks."""
        return cast("Blocked", self.encoded) if hasattr(type(self.encoded), "by_blocks") else None

    def in_blocks(self, buffer: int) -> Streamed:
        """This stream, read by whole blocks, of which all workers together keep those of twice `buffer` images."""
        blocked = self.blocked
        if blocked is None:
            raise ValueError(f"expected pictures in blocks, got {type(self.encoded).__name__}; leave the buffer out")
        most = math.ceil(2 * buffer * blocked.mean_bytes / max(1, self.workers))
        return replace(self, encoded=blocked.by_blocks(most), by_block=True, _loader=[])

    def __getitem__(self, key: Any) -> Tensor:
        """Decoded pixels, here and now, without worker processes: for few."""
        positions = torch.arange(len(self))[key.cpu() if isinstance(key, torch.Tensor) else key]
        places = self.places[positions.reshape(-1).numpy()]
        pixels = torch.empty(len(places), 3, self.size, self.size, dtype=torch.uint8)

        def put(start: int, piece: np.ndarray) -> None:
            into = pixels.numpy()[start : start + len(piece)]
            fill(self.encoded, piece, into, lambda found: refuse(found[1]))

        in_threads(put, ((start, places[start : start + CHUNK]) for start in range(0, len(places), CHUNK)))
        return pixels.reshape(*positions.shape, 3, self.size, self.size).to(self.device)

    def split(self, count: int) -> Iterator[Tensor]:
        """All pixels in order, count at a time, decoded ahead by the workers."""
        positions = torch.arange(len(self))
        return self.batches(positions[start : start + count] for start in range(0, len(self), count))

    def batches(self, positions: Iterable[Tensor]) -> Iterator[Tensor]:
        """The pixels [m, 3, size, size] at each of some positions [m], in their order, decoded ahead by the workers."""
        for pixels, rejected in self.readable(positions):
            for _, one in rejected:
                refuse(one)
            yield pixels

    def readable(self, positions: Iterable[Tensor]) -> Iterator[Chunk]:
        """As `batches`, each with (position in it, why not) of those that can no longer be read."""
        wanted = (self.places[some.cpu().numpy()] for some in positions)
        return ((pixels.to(self.device), rejected) for pixels, rejected in self._chunks(wanted))

    def survey(self, progress: OnProgress | None = None) -> Iterator[Chunk]:
        """Every chunk of pixels with (position, reason) of those that cannot be used, whose pixels mean nothing."""
        done = 0
        starts = range(0, len(self), CHUNK)
        for pixels, rejected in self._chunks(self.places[start : start + CHUNK] for start in starts):
            yield pixels, [(done + position, one) for position, one in rejected]
            done += len(pixels)
            if progress is not None:
                progress(done, len(self))

    def _chunks(self, wanted: Iterable[np.ndarray]) -> Iterator[Chunk]:
        if self.workers < 1:
            decoder = Decoder(self.encoded, self.size)
            return _lean(decoder[places] for places in wanted)
        if not self._loader:
            blocked = cast("Blocked", self.encoded)
            pieces = partial(_pieces_of_workers, blocked, self.workers) if self.by_block else in_chunks
            self._loader.append(Loader(Decoder(self.encoded, self.size), self.workers, self.context, pieces))
        return _lean(self._loader[0].chunks(wanted))


def _pieces_of_workers(blocked: Blocked, workers: int, places: np.ndarray) -> list[np.ndarray]:
    """As `in_chunks`, each worker's from its own blocks: the pieces go round the workers in turn."""
    own = blocked.blocks(places) % workers
    rounds = max(1, -(-len(places) // (CHUNK * workers)))
    parted = [np.array_split(np.flatnonzero(own == worker), rounds) for worker in range(workers)]
    return [parted[worker][number] for number in range(rounds) for worker in range(workers)]


def refuse(rejected: Rejected) -> None:
    """Raises ValueError for a picture that cannot be read any more."""
    raise ValueError(
        f"expected a picture that can be read, got {rejected.path!r}: {rejected.reason}; it could be read when the "
        "source was checked: restore it, or start again"
    )


def _lean(chunks: Iterator[Chunk]) -> Iterator[Chunk]:
    """Chunks of pixels as they come; what was freed meanwhile is given back now and then."""
    count = 0
    try:
        for chunk in chunks:
            yield chunk
            count += len(chunk[0])
            if count >= _LEAN:
                count = 0
                give_back_memory()
    finally:
        give_back_memory()
