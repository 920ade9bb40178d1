"""One command on several processes: `--devices`, torchrun and srun share out what is measured."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING

from holdfast.cli.options.errors import EndedElsewhereError, UserError
from holdfast.system import MANY, launched, meeting_place, place, run_many

if TYPE_CHECKING:
    from holdfast.distributed import Crew


def share_out(words: Sequence[str], devices: int, work: "Callable[[Crew], None]") -> None:
    """Does work alone, or in every process of a launcher together; with devices above 1 and no launcher the command
    WORDS is started so many times. The first process alone prints; the first that fails tells why, for all.

    Raises UserError for a number below 1 or another than the launcher's, and EndedElsewhereError where another process
    has told of a failure.
    """
    if devices < 1:
        raise UserError(f"expected --devices of at least 1, got {devices}; leave it out for one process")
    world = launched()
    if world is not None and devices not in (1, world.size):
        raise UserError(
            f"expected --devices {world.size}, as many processes as {world.launcher} started, got {devices}; "
            "leave it out"
        )
    if world is None and devices > 1:
        if code := run_many(words, devices):
            raise EndedElsewhereError(code)
        return
    # What torch's own store says of a process that is gone stands in the line of ours.
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
    if world is None or world.size == 1:
        from holdfast.distributed import ALONE

        work(ALONE)
        return
    with _crew(world.size) as crew:
        work(crew)


@contextmanager
def _crew(size: int) -> "Iterator[Crew]":
    """All processes of the launcher; of errors the first is raised, with `speaks` set, and ends all."""
    from holdfast.distributed import ALONE, LostError, together

    os.environ.update(meeting_place())
    crew = ALONE
    try:
        with together(place(), size) as crew, _first_alone_prints(first=crew.first):
            yield crew
    except Exception as error:
        watched = isinstance(error, LostError) and MANY in os.environ  # whoever watches it knows how the other ended
        if watched or not crew.fails_first():
            raise EndedElsewhereError(2) from error
        error.speaks = True  # type: ignore[attr-defined]
        raise


@contextmanager
def _first_alone_prints(*, first: bool) -> Iterator[None]:
    if first:
        yield
        return
    with Path(os.devnull).open("w") as nothing, redirect_stdout(nothing):
        yield
