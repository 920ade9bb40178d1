"""Processes that share out one measurement: each does some pieces of the work, and all have all results.

A crew has a process group of its own, over gloo and on the CPU, so that what trains inside it still counts as alone.
Results travel as safetensors. A piece is the same whoever does it, so the number of processes changes no result.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from safetensors.torch import load, save
from torch import Tensor

P = TypeVar("P")
MEET = timedelta(minutes=10)
"""How long processes wait for one another to start."""
WORK = timedelta(days=30)
"""How long they wait for one another's work: whoever ends is noticed at once, whoever is slow is waited for."""
_SLICE = 2**28
"""Bytes sent at a time."""


class LostError(ConnectionError):
    """Another process of the crew has ended."""


@dataclass(frozen=True)
class Crew:
    """This process's place among those that share a measurement; alone by default."""

    rank: int = 0
    size: int = 1
    group: Any = None
    store: Any = None

    @property
    def first(self) -> bool:
        """Whether this process writes and speaks for all."""
        return self.rank == 0

    def own(self, pieces: Sequence[P]) -> Sequence[P]:
        """The pieces that this process does: every so-manieth."""
        return pieces[self.rank :: self.size]

    def spread(self, pieces: Sequence[P], work: Callable[[P], Tensor]) -> list[Tensor]:
        """What work gives for each piece, in their order, on every process and there on the CPU; alone it is where work
        left it. Pieces have to be the same on all. Raises LostError where another process ends."""
        if self.size == 1:
            return [work(piece) for piece in pieces]
        return [columns["rows"] for columns in self.spread_columns(pieces, lambda piece: {"rows": work(piece)})]

    def spread_columns(
        self, pieces: Sequence[P], work: Callable[[P], Mapping[str, Tensor]]
    ) -> list[Mapping[str, Tensor]]:
        """As spread, of several tensors by name for each piece."""
        if self.size == 1:
            return [work(piece) for piece in pieces]
        done = {number: work(pieces[number]) for number in self.own(range(len(pieces)))}
        flat = {f"{number}/{name}": value for number, columns in done.items() for name, value in columns.items()}
        payload = save({name: value.detach().cpu().contiguous().clone() for name, value in flat.items()})
        found: list[dict[str, Tensor]] = [{} for _ in pieces]
        for part in self._exchanged(payload):
            for name, value in _loaded(part).items():
                number, _, column = name.partition("/")
                found[int(number)][column] = value
        return list(found)

    def agreed(self, value: Any) -> Any:
        """The first process's JSON value, on every process: for what clocks and folders decide."""
        return value if self.size == 1 else json.loads(self._exchanged(json.dumps(value).encode())[0])

    def of_first(self, columns: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """The first process's tensors by name, on every process and there on the CPU."""
        if self.size == 1:
            return columns
        sent = {name: value.detach().cpu().contiguous() for name, value in columns.items() if self.first}
        return _loaded(self._exchanged(save(sent))[0])

    def wait(self) -> None:
        """Returns once every process is here."""
        if self.size > 1:
            self._lengths(0)

    def fails_first(self) -> bool:
        """Whether this process is the first that fails: it tells why, the others end in silence."""
        if self.store is None:
            return True
        try:
            return self.store.add("failed", 1) == 1
        except RuntimeError:  # the process that keeps the list is gone, and has told why
            return False

    def _lengths(self, length: int) -> list[int]:
        found = [torch.zeros(1, dtype=torch.int64) for _ in range(self.size)]
        with _watched(self.size):
            self.group.allgather([found], [torch.tensor([length])]).wait()
        return [int(one) for one in found]

    def _exchanged(self, payload: bytes) -> list[bytes]:
        """Every process's bytes, in the order of their numbers."""
        received = []
        for root, length in enumerate(self._lengths(len(payload))):
            own = root == self.rank
            buffer = torch.frombuffer(bytearray(payload), dtype=torch.uint8) if own else torch.empty(length).byte()
            options = dist.BroadcastOptions()
            options.rootRank = root
            with _watched(self.size):
                for part in buffer.split(_SLICE):
                    self.group.broadcast([part], options).wait()
            received.append(payload if own else buffer.numpy().tobytes())
        return received


def _loaded(payload: bytes) -> dict[str, Tensor]:
    """Tensors of memory of their own: where in a file one begins would else decide how it is added up."""
    return {name: value.clone() for name, value in load(payload).items()}


ALONE = Crew()
"""A process that shares nothing."""


@contextmanager
def _watched(size: int) -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:
        raise LostError(
            f"expected all {size} processes to the end, got one that ended; see what it says, then give the command "
            "again"
        ) from error


@contextmanager
def together(rank: int, size: int) -> Iterator[Crew]:
    """The crew of all processes that MASTER_ADDR and MASTER_PORT name, as torchrun sets them; it ends with the block.

    Raises LostError where they do not all come.
    """
    with _watched(size):
        store, _, _ = next(dist.rendezvous("env://", rank, size, timeout=MEET))  # type: ignore[attr-defined]
        kept = dist.PrefixStore("crew", store)  # type: ignore[attr-defined]
        group = dist.ProcessGroupGloo(dist.PrefixStore("gloo", kept), rank, size, WORK)  # type: ignore[attr-defined]
    crew = Crew(rank, size, group, kept)
    yield crew
    crew.wait()
