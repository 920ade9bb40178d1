"""What benchmarks share: rounds that take turns, processes with their peak of memory, one result file for each.

A benchmark makes `Ratio`s from one run and hands them to `finish`, which prints them and writes
benchmarks/results/NAME.json with hardware, versions and command; `make numbers` puts them into docs/performance.md.
"""

import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from threading import Event, Thread
from typing import Any, Literal

RESULTS = Path(__file__).parent / "results"
PACKAGES = ("holdfast", "torch", "numpy", "pillow", "scikit-learn", "cleanvision", "faiss-cpu", "lightly")
_EVERY, _SHARE = 0.05, 20  # seconds between two looks at a process's memory, and how many times a look's own, at least


@dataclass(frozen=True)
class Spent:
    """What one call took."""

    wall: float
    """Seconds of the clock."""
    cpu: float
    """Seconds of the processor, of all threads, and of child processes that have ended."""
    peak: float = 0.0
    """MiB that the process and its children held at once at most; 0 where it was not looked at."""
    output: str = ""
    """What a process printed."""


Rounds = Mapping[str, Sequence[Spent]]
"""By contestant: what it took in each round."""


@dataclass(frozen=True, kw_only=True)
class Ratio:
    """A number of a benchmark with its target: a ratio from one run, or seconds where the target is in seconds."""

    what: str
    """What is compared with what, as docs/performance.md prints it."""
    value: float
    low: float
    high: float
    """The least and the largest of the rounds."""
    target: float | None = None
    """What was asked for; None where nothing was."""
    better: Literal["higher", "lower"] = "higher"
    unit: str = "×"
    cpu: float | None = None
    """The same of the processor's time, where that makes sense too."""
    taken: str = "median of rounds"
    """Which round counts."""
    seen: Mapping[str, float] = field(default_factory=dict)
    """By contestant: seconds, MiB or views a second."""

    @property
    def met(self) -> bool | None:
        """Whether the target is reached; None where there is none."""
        if self.target is None:
            return None
        return self.value >= self.target if self.better == "higher" else self.value <= self.target


def cpu_seconds() -> float:
    """Of the processor: this process's, all threads, and those of its children that have ended."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def spent(work: Callable[[], object]) -> Spent:
    """What a call takes."""
    wall, cpu = time.perf_counter(), cpu_seconds()
    work()
    return Spent(time.perf_counter() - wall, cpu_seconds() - cpu)


def take_turns(contestants: Mapping[str, Callable[[], object]], rounds: int, *, warm: int = 1) -> Rounds:
    """What each took in each round, after `warm` rounds that are not counted; contestants take turns, so that a change
    of the machine's speed meets all. One that returns a Spent has measured itself."""
    found: dict[str, list[Spent]] = {name: [] for name in contestants}
    for number in range(warm + rounds):
        for name, work in contestants.items():
            kept: list[object] = []
            clock = spent(lambda work=work, kept=kept: kept.append(work()))
            own = kept[0]
            if number >= warm:
                found[name].append(own if isinstance(own, Spent) else clock)
    return found


def times_faster(what: str, rounds: Rounds, ours: str, theirs: str, **facts: Any) -> Ratio:
    """How many times as fast ours is: their seconds over ours, the median of rounds."""
    return _over(what, rounds, theirs, ours, better="higher", **facts)


def times_as_long(what: str, rounds: Rounds, ours: str, theirs: str, **facts: Any) -> Ratio:
    """How many times as long ours takes: our seconds over theirs, the median of rounds."""
    return _over(what, rounds, ours, theirs, better="lower", **facts)


def best_of(what: str, rounds: Rounds, ours: str, theirs: str, **facts: Any) -> Ratio:
    """How many times as fast ours is, by the best round of each."""
    found = _over(what, rounds, theirs, ours, better="higher", **facts)
    best = {name: min(one.wall for one in rounds[name]) for name in (ours, theirs)}
    cpu = {name: min(one.cpu for one in rounds[name]) for name in (ours, theirs)}
    changed = {"value": best[theirs] / best[ours], "cpu": cpu[theirs] / max(cpu[ours], 1e-9)}
    return Ratio(**{**_fields(found), **changed, "taken": "best round of each", "seen": best})


def _over(what: str, rounds: Rounds, above: str, below: str, **facts: Any) -> Ratio:
    walls = [a.wall / b.wall for a, b in zip(rounds[above], rounds[below], strict=True)]
    cpus = [a.cpu / max(b.cpu, 1e-9) for a, b in zip(rounds[above], rounds[below], strict=True)]
    seen = {name: statistics.median(one.wall for one in rounds[name]) for name in (above, below)}
    ends = {"value": statistics.median(walls), "low": min(walls), "high": max(walls)}
    return Ratio(what=what, **ends, cpu=statistics.median(cpus), seen=seen, **facts)


def seconds(what: str, rounds: Rounds, name: str, target: float) -> Ratio:
    """Seconds of a contestant by its best round, against a target in seconds."""
    walls = [one.wall for one in rounds[name]]
    ends = {"value": min(walls), "low": min(walls), "high": max(walls), "cpu": min(one.cpu for one in rounds[name])}
    return Ratio(
        what=what, **ends, target=target, better="lower", unit="s", taken="best round", seen={name: min(walls)}
    )


def memory_over(what: str, rounds: Rounds, ours: str, theirs: str, **facts: Any) -> Ratio:
    """Our peak of memory over theirs, the median of rounds."""
    peaks = [a.peak / b.peak for a, b in zip(rounds[ours], rounds[theirs], strict=True)]
    seen = {f"{name}, MiB": statistics.median(one.peak for one in rounds[name]) for name in (ours, theirs)}
    ends = {"value": statistics.median(peaks), "low": min(peaks), "high": max(peaks)}
    return Ratio(what=what, **ends, better="lower", seen=seen, **facts)


def _fields(found: Ratio) -> dict[str, Any]:
    return {name: getattr(found, name) for name in found.__dataclass_fields__}


def process(words: Sequence[str], *, until: str | None = None, **environment: str) -> Spent:
    """What a command takes as a process of its own: clock, processor, peak of memory and what it printed.

    until: stop it after the first line that holds this, and count up to there. Raises RuntimeError where it fails.
    """
    wall, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    with subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env={**os.environ, **environment}
    ) as child:
        assert child.stdout is not None
        with _Watch(child.pid) as watch:
            lines: list[str] = []
            for line in child.stdout:
                lines.append(line)
                if until is not None and until in line:
                    break
            end = time.perf_counter() - wall
            if until is not None:
                child.kill()
            code = child.wait()
    if code and until is None:
        raise RuntimeError(f"expected {words[0]} to end well, got {code}: {''.join(lines)[-500:]}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    end = end if until is not None else time.perf_counter() - wall
    return Spent(end, cpu, watch.peak, "".join(lines))


class _Watch:
    """The most memory that a process and its children hold at once, in MiB: shared pages count once (PSS)."""

    def __init__(self, pid: int):
        self.pid, self.peak, self._over = pid, 0.0, Event()
        self._thread = Thread(target=self._look, daemon=True)

    def __enter__(self) -> "_Watch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        pause = _EVERY
        while not self._over.wait(pause):
            begun = time.perf_counter()
            self.peak = max(self.peak, sum(map(_held, _family(self.pid))) / 1024)
            pause = max(_EVERY, _SHARE * (time.perf_counter() - begun))


def _family(pid: int) -> list[int]:
    found, left = [], [pid]
    while left:
        found.append(one := left.pop())
        for task in Path(f"/proc/{one}/task").glob("*/children"):
            try:
                left += map(int, task.read_text().split())
            except OSError:
                continue
    return found


def _held(pid: int) -> int:
    """KiB of a process, its share of shared pages; 0 where it has ended."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:")), 0)


def finish(name: str, ratios: Sequence[Ratio], *, settings: str, left_out: Sequence[str] = ()) -> None:
    """Prints the ratios, and writes them to benchmarks/results/NAME.json.

    settings: in words, what all of them were measured on. left_out: what could not be measured here, such as a peer
    that is not installed.
    """
    print(f"{hardware()['processor']}, {os.cpu_count()} cores: {settings}")
    for one in ratios:
        asked = "" if one.target is None else f" ({'at least' if one.better == 'higher' else 'at most'} {one.target:g})"
        cpu = "" if one.cpu is None else f", by processor time {one.cpu:.3g}"
        print(f"  {one.what}: {one.value:.3g} {one.unit} [{one.low:.3g}, {one.high:.3g}]{cpu}{asked}")
    for line in left_out:
        print(f"  not measured: {line}")
    document = {
        "command": " ".join(["python", f"benchmarks/{Path(sys.argv[0]).name}", *sys.argv[1:]]),
        "settings": settings,
        "hardware": hardware(),
        "versions": {"python": platform.python_version(), **versions()},
        "code": os.environ.get("HOLDFAST_BENCH_CODE"),
        "ratios": [{**asdict(one), "met": one.met} for one in ratios],
        "not_measured": list(left_out),
    }
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n")


def hardware() -> dict[str, Any]:
    """The processor, its cores and the machine's memory."""
    found = {"processor": platform.machine(), "cores": os.cpu_count(), "threads": os.environ.get("OMP_NUM_THREADS")}
    cpus = Path("/proc/cpuinfo")
    names = [line.partition(":")[2].strip() for line in _lines(cpus) if line.startswith("model name")]
    total = [int(line.split()[1]) for line in _lines(Path("/proc/meminfo")) if line.startswith("MemTotal")]
    return found | ({"processor": names[0]} if names else {}) | ({"memory_gib": total[0] >> 20} if total else {})


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def versions() -> dict[str, str]:
    """Of the packages that take part and are there."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
