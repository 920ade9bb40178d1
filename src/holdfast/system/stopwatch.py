"""How long work takes: on the clock, and on the processor alone, which other programs do not lengthen."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

SAME = 1.25
"""Longest over shortest estimate up to which one number says both."""


@dataclass(frozen=True)
class Spent:
    """Seconds of one piece of work."""

    clock: float
    own: float
    """Those of them in which the processor worked on it; the same where that is not known."""


@dataclass(frozen=True)
class Pace:
    """How long a piece of work takes on a machine that may do other things too."""

    seconds: float
    """On the clock, as the machine is now: the median of several passes."""
    busy: float
    """How many times longer than on a machine with nothing else to do, as a median; at least 1."""


def timed(work: Callable[[], object], *, threads: int) -> Spent:
    """Runs work once. threads: those that share it on the processor; 0 for work elsewhere, such as on a GPU."""
    clock, thread, process = time.perf_counter(), time.thread_time(), time.process_time()
    work()
    spent = time.perf_counter() - clock
    if not threads:
        return Spent(spent, spent)
    # This thread works or spins while others share its work, so it rests only where another program has its core.
    own = max(time.thread_time() - thread, (time.process_time() - process) / threads)
    return Spent(spent, min(spent, own))


def pace(passes: Sequence[Spent]) -> Pace:
    """The pace of some passes of the same work."""
    busy = median(one.clock / max(one.own, 1e-9) for one in passes)
    return Pace(median(one.clock for one in passes), max(1.0, busy))


def about(low: float, high: float) -> str:
    """'29 minutes' or '6 to 29 minutes': seconds in words, as roughly as they are known."""
    longest, unit = _rough(high)
    if high <= SAME * low:
        return f"{longest} {unit}"
    shortest, other = _rough(low)
    if (shortest, other) == (longest, unit):
        return f"{longest} {unit}"
    return f"{shortest} to {longest} {unit}" if other == unit else f"{shortest} {other} to {longest} {unit}"


def _rough(seconds: float) -> tuple[str, str]:
    """A number and its unit: ten seconds apart under two minutes, then minutes, tenths of hours, days."""
    if seconds < 115:
        return (str(max(1, round(seconds))) if seconds < 10 else f"{round(seconds, -1):.0f}"), "s"
    if seconds < 7200:
        return f"{seconds / 60:.0f}", "minutes"
    hours = seconds / 3600
    if hours >= 48:
        return f"{hours / 24:.0f}", "days"
    return (f"{hours:.0f}" if hours >= 10 else f"{hours:.1f}"), "hours"
