"""How long commands take before a user reads their first line, each as a process of its own.

    python benchmarks/help.py [--rounds 5]

`--help` and lists until they end; `train`, `audit` and `embed` until their first line. Each against its target in
seconds, by the best round, and beside an interpreter that does nothing. Python's compiled files are there, as after
any first call.
"""

import argparse
import os
import sys
import tempfile
from pathlib import Path

from measuring import Ratio, finish, process, seconds, take_turns, times_as_long

ENDING = {"--help": 0.4, "methods": 0.4, "train simclr --help": 0.4, "audit --help": 0.4, "inspect --help": 0.4}
"""By command: seconds until it ends, at most."""
STARTING = {
    "train simclr --data digits --limit 64 --epochs 1 --out {out}/run": 1.0,
    "audit timm/test_resnet --data digits --limit 64 --axes quality --out {out}/audit": 1.0,
    "embed timm/test_resnet --data digits --limit 64 --out {out}/features.npz": 1.0,
}
"""By command: seconds until its first line, at most."""


def main() -> None:
    """Takes turns and reports."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    program = [sys.executable, "-u", "-m", "holdfast"]
    with tempfile.TemporaryDirectory() as folder:
        os.environ.setdefault("PYTHONPYCACHEPREFIX", f"{folder}/compiled")

        def first_line(command: str, number: list[int]) -> object:
            number[0] += 1
            out = Path(folder) / str(number[0])
            out.mkdir(exist_ok=True)
            return process([*program, *command.format(out=out).split()], until="\n")

        count = [0]
        contestants = {"an idle interpreter": lambda: process([sys.executable, "-c", ""])}
        contestants |= {name: lambda name=name: process([*program, *name.split()]) for name in ENDING}
        contestants |= {name: lambda name=name: first_line(name, count) for name in STARTING}
        rounds = take_turns(contestants, options.rounds)
    ratios: list[Ratio] = []
    for name, target in ENDING.items():
        ratios.append(seconds(f"`holdfast {name}`", rounds, name, target))
    for name, target in STARTING.items():
        ratios.append(seconds(f"first line of `holdfast {name.split()[0]}`", rounds, name, target))
    ratios.append(times_as_long("`holdfast --help` over an idle interpreter", rounds, "--help", "an idle interpreter"))
    finish("help", ratios, settings=f"processes of their own, {options.rounds} rounds in turn")


if __name__ == "__main__":
    main()
