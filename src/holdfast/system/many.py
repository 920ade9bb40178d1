"""Several processes of this machine: one command on all, or a function on each of some items. No torch here."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from multiprocessing import active_children, get_context
from typing import Any, TypeVar

MANY = "HOLDFAST_STARTED"
"""Set in the environment of processes that run_many started and watches."""
Item = TypeVar("Item")
Result = TypeVar("Result")
_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
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


def side_by_side(function: Callable[[Item], Result], items: Sequence[Item], processes: int) -> Iterator[Result]:
    """What a function of a module gives for each item, as they get ready, in so many processes that are started anew
    and keep to one thread. Function, items and results are pickled. An error or a signal ends it all: nothing is begun
    any more, and what runs is ended. Raises ChildProcessError where a signal ended one of the processes."""
    before = set(active_children())
    with _sigterm_interrupts(), _single_threads():
        pool = ProcessPoolExecutor(processes, mp_context=get_context("spawn"))
        try:
            for done in as_completed([pool.submit(function, item) for item in items]):
                yield done.result()
        except BaseException as error:
            for process in set(active_children()) - before:
                process.terminate()
            if isinstance(error, BrokenProcessPool):
                raise ChildProcessError(
                    f"expected {processes} processes to the end, got one that was killed; where memory is short, leave "
                    "it more"
                ) from None
            raise
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


@contextmanager
def _single_threads() -> Iterator[None]:
    """Processes that begin within the block compute on one thread each."""
    before = {name: os.environ.get(name) for name in _THREADS}
    os.environ.update(dict.fromkeys(_THREADS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


@contextmanager
def _sigterm_interrupts() -> Iterator[None]:
    """Within the block SIGTERM raises a KeyboardInterrupt with its number."""

    def ended(number: int, frame: Any) -> None:
        interrupt = KeyboardInterrupt()
        interrupt.number = number  # type: ignore[attr-defined]
        raise interrupt

    before = signal.signal(signal.SIGTERM, ended)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


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
    try:
        with _sigterm_interrupts():
            yield
    finally:
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
