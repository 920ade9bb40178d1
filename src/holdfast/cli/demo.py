"""`holdfast demo`: SimCLR against SDCLR on long-tailed digits, three seeds each, audited, in one report."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from holdfast.cli.audit import audit_encoder
from holdfast.cli.audited import AuditOptions
from holdfast.cli.options import Help, free_folder, parse
from holdfast.cli.progress import Progress, duration, quiet_fabric
from holdfast.config import MethodConfig, RunConfig, ViewSettings

DIGIT_VIEWS = ViewSettings(crop_min=0.4, flip=0.0, jitter=0.8, grey=0.0, hue=0.0, saturation=0.0)
"""Digits have no colour, and a mirrored 2 is no 2."""


AUDITED = AuditOptions(encoders=(), axes=("quality", "balance"), cache=False, page=False)
"""The axes that take seconds: the demo is to be over in minutes, and ends with one page of all runs."""


HELP = Help(
    usage="holdfast demo [OPTIONS]",
    says="Trains SimCLR and SDCLR on a long tail of handwritten digits, audits both and writes the report, in "
    "a few minutes.",
    example="holdfast demo --out runs/demo",
    first="out epochs seeds",
)


@dataclass(frozen=True, kw_only=True)
class DemoOptions:
    """Options of `holdfast demo`."""

    out: Path | None = None
    """Folder for runs and report, new or empty; None: runs/demo-1, or the next number that is free."""
    epochs: int = 50
    """Passes over the training images, the same for both methods."""
    seeds: int = 3
    """Runs of each method; each has a split and initial weights of its own, the same for both methods."""


def demo_config(method: MethodConfig, seed: int, epochs: int) -> RunConfig:
    """The demo's run: digits at 16 pixels, imbalance 20, a quarter held out as test images; equal for both methods."""
    return RunConfig(
        method=method,
        data="digits",
        long_tail="exp:20",
        split=seed,
        holdout=450,
        image_size=16,
        views=DIGIT_VIEWS,
        encoder="timm/test_resnet",
        epochs=epochs,
        batch_size=128,
        lr=0.3,
        precision="32",
        seed=seed,
        signals_every=max(1, epochs // 4),
    )


def demo(words: Sequence[str]) -> None:
    """Trains, audits and reports; prints what came out, whichever method wins."""
    options = parse(DemoOptions, words, HELP)
    from holdfast.engine import train
    from holdfast.methods import SDCLRConfig, SimCLRConfig, name_of
    from holdfast.report import compare, report

    quiet_fabric()
    started, out = time.perf_counter(), options.out or free_folder(Path("runs"), "demo")
    folders = []
    for seed in range(options.seeds):
        for method in (SimCLRConfig(), SDCLRConfig()):
            config = demo_config(method, seed, options.epochs)
            name = f"{name_of(config)}-seed{seed}"
            with Progress(out / name, label=name) as progress:
                train(config, out / name, listen=progress)
            folders.append(audit_encoder(str(out / name), AUDITED))
    page = report(folders, out / "report.html")
    print(f"\n{compare(folders).text}\n")
    print(f"SimCLR and SDCLR on {options.seeds} seeds each in {duration(time.perf_counter() - started)}")
    print(f"report: {page}")
