"""Pixels that do not fit into memory: worker processes decode them to the stored size, a bounded number ahead."""

from __future__ import annotations

import itertools
import shutil
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from holdfast.data.files.rejects import Rejected
from holdfast.data.files.threads import in_threads
from holdfast.lazy import deferred
from holdfast.progress import OnProgress
from holdfast.system import give_back_memory

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
_LEAN = 4096
"""Images after which freed memory is given back: batches of some MB otherwise leave holes, 1 to 2 KB for each image."""
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
    _loader: list[_Loader] = field(default_factory=list, repr=False)
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

    def __getitem__(self, key: Any) -> Tensor:
        """Decoded pixels, here and now, without worker processes: for few."""
        positions = torch.arange(len(self))[key.cpu() if isinstance(key, torch.Tensor) else key]
        places = self.places[positions.reshape(-1).numpy()]
        pixels = torch.empty(len(places), 3, self.size, self.size, dtype=torch.uint8)

        def fill(start: int, piece: np.ndarray) -> None:
            into = pixels.numpy()[start : start + len(piece)]
            _fill(self.encoded, piece, into, lambda found: refuse(found[1]))

        in_threads(fill, ((start, places[start : start + CHUNK]) for start in range(0, len(places), CHUNK)))
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
            decoder = _Decoder(self.encoded, self.size)
            return _lean(decoder[places] for places in wanted)
        if not self._loader:
            self._loader.append(_Loader(_Decoder(self.encoded, self.size), self.workers, self.context))
        return _lean(self._loader[0].chunks(wanted))


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


def _fill(
    encoded: Encoded, places: np.ndarray, into: np.ndarray, reject: Callable[[tuple[int, Rejected]], None]
) -> None:
    for position, found in encoded.read(places):
        if isinstance(found, Rejected):
            reject((position, found))
        else:
            into[position] = found


@dataclass(frozen=True)
class _Decoder:
    """What runs in a worker, a data set of torch's: places in, pixels and what cannot be used out."""

    encoded: Encoded
    size: int

    def __getitem__(self, places: np.ndarray) -> Chunk:
        pixels = torch.zeros(len(places), 3, self.size, self.size, dtype=torch.uint8)
        rejected: list[tuple[int, Rejected]] = []
        _fill(self.encoded, places, pixels.numpy(), rejected.append)
        return pixels, rejected


class _Loader:
    """Worker processes that stay from one pass over the images to the next."""

    def __init__(self, decoder: _Decoder, workers: int, context: str | None):
        self._decoder, self._workers, self._context = decoder, workers, context
        self._sampler = _Given()
        self._kept: DataLoader | None = None
        self._busy = False

    def chunks(self, wanted: Iterable[np.ndarray]) -> Iterator[Chunk]:
        """Pixels and what cannot be used of each of the wanted, in their order; workers take pieces of CHUNK."""
        sizes: list[int] = []

        def pieces() -> Iterator[np.ndarray]:
            for places in wanted:
                sizes.append(len(places))
                yield from (places[start : start + CHUNK] for start in range(0, max(len(places), 1), CHUNK))

        decoded = self._decoded(pieces())
        for number in itertools.count():
            first = next(decoded, None)
            if first is None:
                return
            yield _joined(first, decoded, -(-sizes[number] // CHUNK) - 1)

    def _decoded(self, pieces: Iterator[np.ndarray]) -> Iterator[Any]:
        if self._busy:  # a pass within a pass: the kept processes follow one order only
            yield from self._new(_Given(pieces), persistent=False)
            return
        self._busy = True
        try:
            if self._kept is None:
                self._kept = self._new(self._sampler, persistent=True)
            self._sampler.pieces = pieces
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", message=".*multi-threaded, use of fork", category=DeprecationWarning)
                decoded = iter(self._kept)
            yield from decoded
        finally:
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


def _joined(first: Any, decoded: Iterator[Any], more: int) -> Chunk:
    """A piece and `more` after it as one."""
    if more < 1:
        return first
    parts = [first, *itertools.islice(decoded, more)]
    rejected = [(number * CHUNK + position, one) for number, (_, aside) in enumerate(parts) for position, one in aside]
    return torch.cat([pixels for pixels, _ in parts]), rejected


class _Given:
    """A sampler of pieces that are given anew for each pass."""

    def __init__(self, pieces: Iterable[np.ndarray] = ()):
        self.pieces = pieces

    def __iter__(self) -> Iterator[np.ndarray]:
        return iter(self.pieces)
