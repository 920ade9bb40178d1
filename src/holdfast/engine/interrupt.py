"""Signals that ask a run to stop: it finishes the step, writes a checkpoint and says how it goes on."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

ASKING = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGINT", "SIGUSR1", "SIGUSR2") if hasattr(signal, name))
"""What ends a run early: `kill` and most schedulers, Ctrl-C, and the warnings that SLURM's --signal sends."""


class Interrupted(KeyboardInterrupt):
    """A run that a signal ended after a checkpoint; `number` is the signal's, `command` goes on with this run."""

    def __init__(self, number: int, ended: str, command: str):
        super().__init__(f"{ended}; continue with: {command}")
        self.number, self.ended, self.command = number, ended, command


@dataclass
class Asked:
    """Which signal has asked to stop; 0: none yet."""

    number: int = 0


@contextmanager
def listening() -> Iterator[Asked]:
    """Inside the block the first signal of ASKING is noted instead of ending the process; the second ends it.

    Where the block is not in the main thread, nothing is noted: Python delivers signals to that one alone.
    """
    asked = Asked()
    if threading.current_thread() is not threading.main_thread():
        yield asked
        return

    def note(number: int, frame: FrameType | None) -> None:
        if asked.number:
            for one in ASKING:
                signal.signal(one, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        asked.number = number

    before = {one: signal.signal(one, note) for one in ASKING}
    try:
        yield asked
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
