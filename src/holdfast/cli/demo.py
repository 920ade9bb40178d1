"""`holdfast demo`: SimCLR against SDCLR on a long tail of drawn curves, some seeds each, on all axes, in one report."""

import io
import os
import time
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from holdfast.cli.audit import audit_encoder
from holdfast.cli.audited import AuditOptions
from holdfast.cli.memorization import memorization
from holdfast.cli.options import Help, columns_of, fitted, free_folder, parse
from holdfast.cli.progress import Progress, duration, quiet_fabric
from holdfast.config import MethodConfig, RunConfig, ViewSettings
from holdfast.system import cores, side_by_side

CURVES: Mapping[str, Any] = {
    "data": "curves",
    "long_tail": "exp:100",
    "holdout": 1000,
    "image_size": 32,
    "stem": "standard",
    "views": ViewSettings(crop_min=0.5, hue=0.5, saturation=0.8, grey=0.5),
    "batch_size": 64,
    "lr": 0.03,
}
"""922 curves of 20 classes, the rarest with 2; strong colours, as colour says nothing of the class. All of
this was chosen for headroom with SimCLR alone (linear accuracy 60 to 85 %), on seeds 0 and 10 to 13, and for four
minutes of two cores. Three runs of seed 0 over 16 epochs, apart in rounding alone, ended between 67 and 79 %."""
DIGITS: Mapping[str, Any] = {
    "data": "digits",
    "long_tail": "exp:20",
    "holdout": 450,
    "image_size": 16,
    "views": ViewSettings(crop_min=0.4, flip=0.0, jitter=0.8, grey=0.0, hue=0.0, saturation=0.0),
    "batch_size": 128,
    "lr": 0.3,
}
"""Digits have no colour, and a mirrored 2 is no 2."""
AXES = ("quality", "balance", "tail", "robustness", "invariance", "equivariance", "duplicates")
"""Measured of every run; memorization and privacy need pairs of encoders, which the first seed gets."""
AT_ONCE = 2
"""Encoders at most that are made side by side, on one thread each: the numbers do not depend on how many cores there
are, and two processes are done sooner than one of two threads on networks so small."""

HELP = Help(
    usage="holdfast demo [OPTIONS]",
    says="Trains SimCLR and SDCLR on a long tail of drawn curves, audits both on all axes and writes the report, in "
    "a few minutes.",
    example="holdfast demo --out runs/demo",
    first="out data epochs seeds",
)


@dataclass(frozen=True, kw_only=True)
class DemoOptions:
    """Options of `holdfast demo`."""

    out: Path | None = None
    """Folder for runs and report, new or empty; None: runs/demo-1, or the next number that is free."""
    data: Literal["curves", "digits"] = "curves"
    """What to train on: drawn curves of 20 classes, or scikit-learn's handwritten digits, which are easier."""
    epochs: int = 20
    """Passes over the training images, the same for both methods."""
    seeds: int = 3
    """Runs of each method; each has a split and initial weights of its own, the same for both methods."""


def demo_config(method: MethodConfig, seed: int, epochs: int, data: str = "curves") -> RunConfig:
    """The demo's run, equal for both methods: some images of every class are held out, the others become a tail."""
    return RunConfig(
        method=method,
        **(CURVES if data == "curves" else DIGITS),
        split=seed,
        encoder="timm/test_resnet",
        epochs=epochs,
        precision="32",
        threads=1,
        seed=seed,
        signals_every=max(1, epochs // 4),
    )


def demo(words: Sequence[str]) -> None:
    """Trains, audits and reports; prints what came out, whichever method wins."""
    options = parse(DemoOptions, words, HELP)
    from holdfast.report import compare, report

    started, out = time.perf_counter(), options.out or free_folder(Path("runs"), "demo")
    names = [(name, seed) for seed in range(options.seeds) for name in ("simclr", "sdclr")]
    jobs = [Job(out, name, seed, options, columns_of()) for name, seed in names]
    together = min(AT_ONCE, cores(), len(jobs))
    says = f"{len(jobs)} encoders, {together} at a time on one thread each; what each has to say comes when it is ready"
    print(fitted(says), flush=True)
    for place, said in enumerate(side_by_side(made, jobs, together), 1):
        spent = duration(time.perf_counter() - started)
        print(f"\n{said}{place} of {len(jobs)} encoders are ready after {spent}", flush=True)
    folders = [job.folder for job in jobs]
    page = report(folders, out / "report.html")
    print(f"\n{fitted(compare(folders).shown(columns_of()))}\n")
    print(f"SimCLR and SDCLR on {options.seeds} seeds each in {duration(time.perf_counter() - started)}")
    print(f"report: {page}")


@dataclass(frozen=True)
class Job:
    """An encoder of the demo, to be trained and audited in a process of its own."""

    out: Path
    name: str
    seed: int
    options: DemoOptions
    columns: int | None
    """How wide its lines are at most, as the terminal is; None for a pipe."""

    @property
    def folder(self) -> Path:
        """Its run folder."""
        return self.out / f"{self.name}-seed{self.seed}"


def made(job: Job) -> str:
    """Trains and audits an encoder, with a pair of encoders where it is the first of its method; what was said."""
    import torch

    from holdfast.engine import train
    from holdfast.methods import METHODS

    torch.set_num_threads(1)
    quiet_fabric()
    if job.columns is not None:
        os.environ["COLUMNS"] = str(job.columns)
    config = demo_config(METHODS[job.name].Config(), job.seed, job.options.epochs, job.options.data)
    with redirect_stdout(io.StringIO()) as said:
        with Progress(job.folder, label=job.folder.name) as progress:
            train(config, job.folder, listen=progress)
        _audited(job.folder, pairs=job.seed == 0)
    return said.getvalue()


def _audited(folder: Path, *, pairs: bool) -> None:
    """Findings on the axes that take seconds, and with pairs also on those that need pairs."""
    from holdfast.audits import Choice

    if pairs:
        memorization([str(folder), "--pairs", "1", "--views", "4"])
    options = AuditOptions(encoders=(), axes=AXES, cache=False, page=False)
    audit_encoder(str(folder), options, Choice("quick"))
