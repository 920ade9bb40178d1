"""One command on several processes of this machine: started, watched, and ended together. No torch here."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

MANY = "HOLDFAST_STARTED"
"""Set in the environment of processes that run_many started and watches."""
_LOOK_SECONDS = 0.05
_PATIENCE = 5.0
"""Seconds that others have to end by themselves once one has failed."""


def run_many(words: Sequence[str], processes: int) -> int:
    """Runs `holdfast WORDS` in so many processes, which find one another as under torchrun; returns the exit code of
    the first that failed, else 0. Where one fails, the others are ended. Raises ChildProcessError where a signal ended
    one, which could not say so itself."""
    shared = {"WORLD_SIZE": str(processes), "LOCAL_WORLD_SIZE": str(processes), "MASTER_ADDR": "127.0.0.1"}
    shared |= {"MASTER_PORT": str(_free_port()), MANY: "1"}
    shared |= {"OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS") or str(max(1, cores() // processes))}
    command = [sys.executable, "-m", "holdfast", *words]
    started: list[subprocess.Popen[bytes]] = []
    with _all_ended(started):
        for number in range(processes):
            own = {"RANK": str(number), "LOCAL_RANK": str(number)}
            started.append(subprocess.Popen(command, env={**os.environ, **shared, **own}))
        while any(one.poll() is None for one in started):
            if any(one.poll() for one in started):
                break
            time.sleep(_LOOK_SECONDS)
        failed = [(number, one.returncode) for number, one in enumerate(started) if one.returncode]
    for number, code in failed:
        if code < 0:
            raise ChildProcessError(
                f"expected all {processes} processes to the end, got {signal.Signals(-code).name} for process "
                f"{number + 1}; where memory is short, give fewer --devices or a smaller --batch-size"
            )
    return failed[0][1] if failed else 0


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def cores() -> int:
    """Cores that this process may use: a container, SLURM or taskset may leave it fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def _all_ended(started: Sequence[subprocess.Popen[bytes]]) -> Iterator[None]:
    """Nothing of what was started outlives the block, also where a signal ends it."""

    def ended(number: int, frame: Any) -> None:
        interrupt = KeyboardInterrupt()
        interrupt.number = number  # type: ignore[attr-defined]
        raise interrupt

    before = signal.signal(signal.SIGTERM, ended)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
        until = time.monotonic() + _PATIENCE
        while any(one.poll() is None for one in started) and time.monotonic() < until:
            time.sleep(_LOOK_SECONDS)
        for one in started:
            if one.poll() is None:
                with suppress(OSError):
                    one.terminate()
        for one in started:
            try:
                one.wait(_PATIENCE)
            except subprocess.TimeoutExpired:
                one.kill()
