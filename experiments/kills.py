"""Kills commands at drawn moments (SIGKILL), gives them again, and compares what they end in, bit by bit.

    python experiments/kills.py --kills 100 --out results/kills.json

Commands: train, audit, memorization and embed, in turn; export where it is named. Moments are drawn from what a command
does, not from the clock: one of its accesses to its files (an open, a rename, a removal), and half of the time a moment
between that one and the next, so that steps between two writes are met too. A command that ended before its kill is no
kill: another is drawn.
Prints a line for each kill and a count at the end; exits non-zero where a command did not go on or ended in other bits.
"""

import argparse
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SMALL = (
    *("--data", "digits", "--limit", "60", "--holdout", "20", "--encoder", "timm/test_resnet", "--image-size", "16"),
    *("--batch-size", "16", "--epochs", "2", "--precision", "32", "--threads", "1", "--checkpoint-steps", "1"),
    *("--adversary", "free:2", "--signals-every", "1"),
)
AXES = ("quality", "balance")
_ACCESSES = frozenset({"open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.scandir"})


@dataclass(frozen=True)
class Job:
    """A command that is killed: in a copy of a folder, begun and given again in words, compared by what it leaves."""

    begins: Callable[[Path], list[str]]
    again: Callable[[Path], list[str]]
    leaves: Callable[[Path], Mapping[str, Any]]


def again_or_train(folder: Path) -> list[str]:
    """A run that was killed before its configuration was written is started again."""
    run = folder / "run"
    return ["resume", str(run)] if (run / "config.json").is_file() else training(folder)


def training(folder: Path) -> list[str]:
    """The command line of the run."""
    return ["train", "simclr", *SMALL, "--out", str(folder / "run")]


def audit(folder: Path) -> list[str]:
    """Two axes, the cached features and the atlas."""
    return ["audit", str(folder / "run"), "--axes", *AXES, "--no-page"]


def memorization(folder: Path) -> list[str]:
    """One pair of encoders, scored."""
    return ["memorization", str(folder / "run"), "--pairs", "1", "--views", "4", "--epochs", "1"]


def embed(folder: Path) -> list[str]:
    """Features of the run's images."""
    return ["embed", str(folder / "run"), "--out", str(folder / "out" / "features.parquet")]


def exporting(folder: Path) -> list[str]:
    """The encoder for those without holdfast."""
    return ["export", str(folder / "run"), "--out", str(folder / "out" / "exported")]


def again_or_nothing(folder: Path) -> list[str]:
    """What stands under its name is whole, and another export is refused: then nothing is left to do."""
    return ["methods"] if (folder / "out" / "exported").exists() else exporting(folder)


def weights(folder: Path) -> dict[str, Any]:
    """Every encoder's bytes."""
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("encoder.safetensors")}


def trained(folder: Path) -> dict[str, Any]:
    """The encoder, and the rows of metrics without times."""
    rows = [json.loads(line) for line in (folder / "run" / "metrics.jsonl").read_text().splitlines()]
    return weights(folder) | {"metrics": [{k: v for k, v in row.items() if "second" not in k} for row in rows]}


def found(folder: Path) -> dict[str, Any]:
    """Scores, tables and columns of every finding, thumbnails, and every encoder."""
    home, kept = folder / "run" / "findings", weights(folder)
    for file in sorted(home.iterdir()):
        if file.suffix == ".json":
            document = json.loads(file.read_text())
            kept[file.name] = [document["scores"], document["tables"], document["columns"]]
        elif file.is_file():
            kept[file.name] = file.read_bytes()
    return kept


def embedded(folder: Path) -> dict[str, Any]:
    """All that lies where features or an export were to be."""
    return {str(file.relative_to(folder)): file.read_bytes() for file in (folder / "out").rglob("*") if file.is_file()}


JOBS: Mapping[str, Job] = {
    "train": Job(training, again_or_train, trained),
    "audit": Job(audit, audit, found),
    "memorization": Job(memorization, memorization, found),
    "embed": Job(embed, embed, embedded),
    "export": Job(exporting, again_or_nothing, embedded),
}


class Hook:
    """Counts the accesses to files below a folder; what happens at the one that was drawn is the caller's."""

    def __init__(self, folder: Path, at: Callable[[int], None]):
        self.folder, self.at, self.count = str(folder), at, 0

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event in _ACCESSES and any(self.folder in str(argument) for argument in arguments[:2]):
            self.at(self.count)
            self.count += 1


def begun(words: list[str], folder: Path, at: Callable[[int], None]) -> int:
    """A process of its own that runs a command with a hook on its files; its id. Its output goes to a log."""
    pid = os.fork()
    if pid:
        return pid
    log = os.open(folder.with_suffix(".log"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(log, 1)
    os.dup2(log, 2)
    from holdfast.cli import main

    sys.addaudithook(Hook(folder, at))
    code = main(words)
    sys.stdout.flush()
    os._exit(code)


def ended(pid: int) -> int:
    """The exit code of a process; minus the signal that killed it."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def moments(words: list[str], folder: Path) -> list[float]:
    """When an uninterrupted command accessed its files, in seconds from its start, and when it ended."""
    reading, writing = os.pipe()
    start = time.monotonic()

    def at(_: int) -> None:
        os.write(writing, f"{time.monotonic() - start}\n".encode())

    pid = begun(words, folder, at)
    os.close(writing)
    with os.fdopen(reading) as lines:
        times = [float(line) for line in lines]
    if code := ended(pid):
        raise RuntimeError(f"expected {words[0]} to end well, got {code}: {folder.with_suffix('.log').read_text()}")
    return [*times, time.monotonic() - start]


def killed(words: list[str], folder: Path, number: int, seconds: float) -> bool:
    """Whether a command was killed so long after its number-th access; False where it had ended by then."""
    reading, writing = os.pipe()

    def at(count: int) -> None:
        if count == number:
            if not seconds:
                os.kill(os.getpid(), signal.SIGKILL)
            os.write(writing, b"!")

    pid = begun(words, folder, at)
    os.close(writing)
    reached = os.read(reading, 1)
    os.close(reading)
    if reached:
        time.sleep(seconds)
        os.kill(pid, signal.SIGKILL)
    return ended(pid) == -signal.SIGKILL


class Bench:
    """One command, what it ends in when nothing happens, and copies of its folder to kill it in."""

    def __init__(self, name: str, place: Path, before: Path | None):
        self.job, self.place, self.before = JOBS[name], place / name, before
        self.folder = self.place / "work"
        self.fresh()
        self.times = moments(self.job.begins(self.folder), self.folder)
        self.expected = self.job.leaves(self.folder)

    def fresh(self) -> None:
        """The folder as it is before the command."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        if self.before is None:
            self.folder.mkdir()
        else:
            shutil.copytree(self.before, self.folder)

    def kill(self, draw: random.Random) -> tuple[str, str]:
        """(moment, 'same bits' or what went wrong) of one kill."""
        while True:
            number = draw.randrange(len(self.times) - 1)
            seconds = draw.choice((0.0, draw.random() * (self.times[number + 1] - self.times[number])))
            self.fresh()
            if killed(self.job.begins(self.folder), self.folder, number, seconds):
                break
        words = self.job.again(self.folder)
        moment = f"{seconds * 1000:.0f} ms after access {number + 1} of {len(self.times) - 1}"
        if code := ended(begun(words, self.folder, lambda _: None)):
            last = self.folder.with_suffix(".log").read_text().strip().splitlines()[-1:]
            return moment, f"{words[0]} ended with {code}: {''.join(last)}"
        return moment, self.compared()

    def compared(self) -> str:
        """'same bits', or the first thing that differs from an uninterrupted command's."""
        now = self.job.leaves(self.folder)
        names = sorted(set(now) | set(self.expected))
        odd = [name for name in names if now.get(name) != self.expected.get(name)]
        left = [path.name for path in self.folder.rglob("*") if path.name.endswith((".tmp", ".parts"))]
        return f"other {odd[0]}" if odd else f"left {left[0]}" if left else "same bits"


def kills(names: list[str], count: int, seed: int, place: Path) -> Iterator[tuple[str, str, str]]:
    """(command, moment, outcome) of each of so many kills, the commands in turn."""
    warm()
    whole = place / "whole"
    whole.mkdir()
    if set(names) - {"train"} and (code := ended(begun(training(whole), whole, lambda _: None))):
        raise RuntimeError(f"expected train to end well, got {code}: {whole.with_suffix('.log').read_text()}")
    benches = [(name, Bench(name, place, None if name == "train" else whole)) for name in names]
    draws = {name: random.Random(f"{seed} {name}") for name in names}
    for number in range(count):
        name, bench = benches[number % len(benches)]
        yield (name, *bench.kill(draws[name]))


def warm() -> None:
    """Imports what the commands need once, so that a kill costs no start of Python and torch."""
    os.environ["OMP_NUM_THREADS"] = "1"  # before torch: a fork of a process with threads would wait for them forever
    import torch

    torch.set_num_threads(1)
    for name in JOBS:
        __import__(f"holdfast.cli.{name}")
    __import__("holdfast.cli.methods")


def main() -> int:
    """Kills and counts."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument(
        "--commands", nargs="+", choices=sorted(JOBS), default=[name for name in JOBS if name != "export"]
    )
    parser.add_argument("--minutes", type=float, default=1e9, help="stop after so many, with the kills that fitted")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    counts: dict[str, Counter[str]] = {name: Counter() for name in options.commands}
    until = time.monotonic() + 60 * options.minutes
    with tempfile.TemporaryDirectory() as place:
        for name, moment, outcome in kills(options.commands, options.kills, options.seed, Path(place)):
            counts[name][outcome] += 1
            print(f"{name}, killed {moment}: {outcome}", flush=True)
            if options.out:
                made = sum(sum(outcomes.values()) for outcomes in counts.values())
                document = {"kills": made, "seed": options.seed, "counts": counts}
                options.out.write_text(json.dumps(document, indent=1) + "\n")
            if time.monotonic() > until:
                break
    print(json.dumps(counts))
    return 0 if all(set(outcomes) <= {"same bits"} for outcomes in counts.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
