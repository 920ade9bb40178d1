"""Metrics for TensorBoard, where it is installed (the tensorboard extra); metrics.jsonl is always written."""

import itertools
import os
import socket
import time
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from holdfast.system import told

_NUMBERS = itertools.count()


def tensorboard(
    folder: Path, step: int, tell: Callable[[Mapping[str, Any]], None] = lambda event: None
) -> Callable[[Mapping[str, Any]], None] | None:
    """A listener that writes numbers of 'epoch' and 'signals' events to folder/tensorboard; None without TensorBoard.

    step: what a resumed run starts from; numbers after it are dropped, as they are measured again. A disk that takes no
    more ends the curves and not the run: tell is given a caution once, and what has to be written tells for itself.
    """
    if find_spec("tensorboard") is None:
        return None
    place, board = folder / "tensorboard", _Board(folder / "tensorboard", step)
    taking = True

    def listen(event: Mapping[str, Any]) -> None:
        nonlocal taking
        try:
            if taking:
                board.add(event)
        except OSError as error:
            taking = False
            text = f"curves for TensorBoard end here, metrics.jsonl has them all: {told(error, place)}"
            tell({"kind": "caution", "text": text})

    return listen


class _Board:
    """One file of TensorBoard's records. Its own writer has a thread, whose errors come late and as a traceback."""

    def __init__(self, folder: Path, step: int) -> None:
        self.step, name = step, f"{int(time.time()):010d}.{socket.gethostname()}.{os.getpid()}.{next(_NUMBERS)}"
        self.path = folder / f"events.out.tfevents.{name}"

    def _begin(self) -> None:
        """A new file, which drops all after the step that a resumed run starts from."""
        from tensorboard.compat.proto.event_pb2 import Event, SessionLog  # type: ignore[attr-defined]

        self.path.parent.mkdir(exist_ok=True)  # a run that was deleted is not made anew
        session = SessionLog(status=SessionLog.START)
        self._write(
            Event(wall_time=time.time(), file_version="brain.Event:2"),
            Event(wall_time=time.time(), step=self.step + 1, session_log=session),
        )

    def add(self, event: Mapping[str, Any]) -> None:
        """Writes the numbers of an event to the file."""
        if event["kind"] not in ("epoch", "signals"):
            return
        from tensorboard.compat.proto.event_pb2 import Event  # type: ignore[attr-defined]
        from tensorboard.compat.proto.summary_pb2 import Summary  # type: ignore[attr-defined]

        if not self.path.exists():
            self._begin()
        values = [
            Summary.Value(tag=f"{event['kind']}/{name}", simple_value=float(value))
            for name, value in event.items()
            if name not in ("kind", "step", "epoch") and not isinstance(value, str)
        ]
        self._write(Event(wall_time=time.time(), step=event["step"], summary=Summary(value=values)))

    def _write(self, *events: Any) -> None:
        from tensorboard.summary.writer.record_writer import RecordWriter

        with self.path.open("ab") as file:
            records = RecordWriter(file)
            for event in events:
                records.write(event.SerializeToString())
