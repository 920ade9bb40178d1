"""Peak memory of training against the bare model's: what a run adds to its network's forward, backward and step.

    python benchmarks/training_memory.py [--batch-size 256] [--encoder timm/resnet18] [--rounds 2]

Each in a process of its own, on the same noise at the same precision: the engine's own loop (loading, views, losses,
metrics), and the network, head and optimiser alone on one resident batch of views. The images in memory are the stated
budget: their bytes are taken off the run's peak before the ratio.
"""

import argparse
import os
import resource
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from measuring import Ratio, Spent, finish, memory_over, process, take_turns

SIDE, STEPS = 32, 2


def step(kind: str, encoder: str, batch_size: int) -> None:
    """The process that is measured."""
    from holdfast.config import RunConfig
    from holdfast.engine.speed import bare_speed, trained_speed
    from holdfast.methods import METHODS

    config = RunConfig(
        method=METHODS["simclr"].Config(), encoder=encoder, stem="small", image_size=SIDE, batch_size=batch_size
    )
    with tempfile.TemporaryDirectory() as folder:
        work = bare_speed(config, steps=STEPS) if kind == "bare" else trained_speed(config, Path(folder), steps=STEPS)
        work()
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def main() -> None:
    """Takes turns and reports."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--batch-size", type=int, default=256)
    parser.add_argument("--encoder", default="timm/resnet18")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--step", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step:
        step(options.step, options.encoder, options.batch_size)
        return
    images = STEPS * options.batch_size * 3 * SIDE**2 / 2**20
    given = ["--encoder", options.encoder, "--batch-size", str(options.batch_size)]

    def measure(kind: str) -> Spent:
        took = process([sys.executable, __file__, "--step", kind, *given])
        return replace(took, peak=float(took.output.split()[-1]))

    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    rounds = take_turns({kind: lambda kind=kind: measure(kind) for kind in ("run", "bare")}, options.rounds, warm=0)
    size = f"{options.encoder}, {SIDE} px, batch {options.batch_size}"
    whole = memory_over(
        f"peak memory of a SimCLR run, {size}, over the bare model's", rounds, "run", "bare", target=1.15
    )
    less = images / whole.seen["bare, MiB"]
    ends = {"value": whole.value - less, "low": whole.low - less, "high": whole.high - less}
    ratio = Ratio(what=whole.what, **ends, target=1.15, better="lower", seen=whole.seen)
    finish(
        "training_memory", [ratio], settings=f"{size}, {images:.1f} MiB of images taken off, the interpreter in both"
    )


if __name__ == "__main__":
    main()
