"""Pictures that can no longer be read while a run trains: left out of their batch and written down at once, so that the
run goes on, and leaves out the same where it is resumed."""

import csv
import io
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from holdfast.data.batches import LEAST, Batch
from holdfast.system import DamagedError, plain_cell, told

COLUMNS = ("epoch", "batch", "id", "path", "reason")
"""What skipped.csv holds of a visit; epochs, and batches of an epoch, count from 1."""


def skipped_file(folder: Path, rank: int) -> Path:
    """Where a process writes: skipped.csv, or skipped-1.csv and so on for all but the first."""
    return folder / ("skipped.csv" if rank == 0 else f"skipped-{rank}.csv")


@dataclass(frozen=True)
class Skips:
    """Visits to pictures that a run left out."""

    folder: Path
    rank: int
    strict: bool = False
    """Whether the first picture that cannot be read ends the run instead."""
    known: dict[tuple[int, int], set[int]] = field(default_factory=dict)
    """By epoch and batch, from 0: ids that were left out before the run was interrupted, by whichever process."""

    @classmethod
    def of(cls, folder: Path, rank: int, *, strict: bool) -> "Skips":
        """What a run's folder says. Raises DamagedError for a line that says nothing."""
        known: dict[tuple[int, int], set[int]] = {}
        for epoch, batch, place in _visits(folder):
            known.setdefault((epoch - 1, batch - 1), set()).add(place)
        _end_with_a_line(skipped_file(folder, rank))
        return cls(folder, rank, strict, known)

    def of_epoch(self, epoch: int) -> dict[int, set[int]]:
        """By batch, from 0: ids to leave out of an epoch, from 0, without trying to read them."""
        return {batch: ids for (known, batch), ids in self.known.items() if known == epoch}

    def note(self, batch: Batch, number: int) -> None:
        """Writes down what could not be read of a batch, the number-th of its epoch from 0, before it is trained on.

        Raises ValueError where the run is strict, and OSError where fewer pictures are left than a process needs.
        """
        first = batch.skipped[0][1] if batch.skipped else None
        if self.strict and first is not None:
            raise ValueError(
                f"expected pictures that can be read, got {first.path!r}: {first.reason}; restore it and continue with "
                f"holdfast resume {self.folder}, or set strict to false in its config.json to leave such pictures out"
            )
        if len(batch.ids) < LEAST:
            why = "" if first is None else f" ({first.path}: {first.reason})"
            raise OSError(
                f"expected at least {LEAST} pictures of a batch that can be read, got {len(batch.ids)}{why}; see that "
                f"the images are there, then continue with: holdfast resume {self.folder}"
            )
        if first is not None:
            rows = [(batch.epoch + 1, number + 1, place, *map(plain_cell, one)) for place, one in batch.skipped]
            _append(skipped_file(self.folder, self.rank), rows)


def skipped_by_epoch(folder: Path) -> Counter[int]:
    """Visits that a run left out in each epoch, from 1, by all of its processes."""
    return Counter(epoch for epoch, _, _ in _visits(folder))


def _append(file: Path, rows: list[tuple[int | str, ...]]) -> None:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerows([*([] if file.exists() and file.stat().st_size else [COLUMNS]), *rows])
    try:
        with file.open("a", newline="", encoding="utf-8") as stream:
            stream.write(text.getvalue())
    except OSError as error:
        raise told(error, file) from error


def _visits(folder: Path) -> Iterator[tuple[int, int, int]]:
    """(epoch, batch, id) of each line of all processes' files."""
    for file in sorted(folder.glob("skipped*.csv")):
        for number, line in enumerate(_whole_lines(file)[1:], start=2):
            try:
                epoch, batch, place = map(int, line.split(",")[:3])
            except ValueError as error:
                raise DamagedError(
                    f"expected {', '.join(COLUMNS)} in line {number} of {file}, got {line[:60]!r}; remove the line"
                ) from error
            yield epoch, batch, place


def _whole_lines(file: Path) -> list[str]:
    """Without a last line that a killed run left half-written."""
    *lines, _ = file.read_bytes().decode("utf-8", "replace").replace("\r\n", "\n").split("\n")
    return lines


def _end_with_a_line(file: Path) -> None:
    if file.exists():
        content = file.read_bytes()
        whole = content[: content.rfind(b"\n") + 1]
        if len(whole) < len(content):
            with file.open("r+b") as stream:
                stream.truncate(len(whole))
