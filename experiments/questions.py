"""Questions that a small budget can decide, on the long tail of 10,000 CIFAR-10 images (JPEG q75, ratio 100).

    python experiments/questions.py [--only budgets head] [--epochs 50 200] [--seeds 5] [--minutes 40] [--data FOLDER]

budgets: SDCLR at three prune ratios against SimCLR with the same head, over growing budgets (2106.02990).
head: how much a third layer of the head brings SimCLR, and SDCLR.

A cell is a method, a budget and a seed, which also draws the split; equal images, network, views and optimiser, so
equal forward+backward passes. Each is trained and probed on the pool (all labels) on all test images; its numbers are
added to results/questions.json at once and it is not run again. Cheap cells come first, and each seed of all methods
before the next, so that whatever is there compares. --tiny asks the same of 300 digits in a minute. --choose prints
SimCLR's accuracy on images outside the pool at three learning rates: how --lr was chosen before methods were compared.
"""

import argparse
import json
import os
import platform
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from holdfast import audit, load_images, train
from holdfast.config import RunConfig
from holdfast.data.pool import load_pool
from holdfast.methods import SDCLRConfig, SimCLRConfig
from holdfast.runs import write_json
from holdfast.statistics import over_runs, t_quantile

RESULTS = Path(__file__).parent.parent / "results" / "questions.json"
SCORES = ("all", "many", "medium", "few", "std")
SHARED: dict[str, Any] = {
    "limit": 10_000,
    "long_tail": "exp:100",
    "holdout": 0,
    "image_size": 32,
    "encoder": "timm/test_resnet",
    "stem": "standard",
    "batch_size": 256,
    "signals_every": 0,
}


TINY: dict[str, Any] = {"limit": 300, "long_tail": "exp:4", "image_size": 16, "batch_size": 64, "lr": 0.03}


def source(options: argparse.Namespace, part: str) -> str:
    """Where images of a part come from."""
    return "digits" if options.tiny else str(Path(options.data) / f"{part}.parquet")


@dataclass(frozen=True)
class Arm:
    """A way to train, and the question it belongs to."""

    question: str
    name: str
    config: RunConfig


def arms(options: argparse.Namespace) -> list[Arm]:
    """Every arm; simclr is what budgets are measured against."""
    shared = SHARED | {"lr": options.lr, "threads": options.threads, "data": source(options, "train")}
    plain = RunConfig(method=SimCLRConfig(temperature=0.2), **(shared | (TINY if options.tiny else {})))
    deeper = replace(plain, method=SimCLRConfig(temperature=0.2, head_layers=3))
    found = [Arm("budgets", "simclr", plain)]
    for ratio in (0.9, 0.5, 0.3):
        method = SDCLRConfig(temperature=0.2, prune_ratio=ratio)
        found.append(Arm("budgets", f"sdclr-{ratio}", replace(plain, method=method)))
    third = replace(plain, method=SDCLRConfig(temperature=0.2, head_layers=3))
    return [*found, Arm("head", "simclr-head3", deeper), Arm("head", "sdclr-0.9-head3", third)]


COMPARED = {
    "budgets": [("sdclr-0.9", "simclr"), ("sdclr-0.5", "simclr"), ("sdclr-0.3", "simclr")],
    "head": [("simclr-head3", "simclr"), ("sdclr-0.9-head3", "sdclr-0.9"), ("sdclr-0.9-head3", "simclr")],
}
"""By question: which arm is compared with which, seed by seed."""


def cells(options: argparse.Namespace) -> Iterator[tuple[Arm, int, int]]:
    """Arm, epochs and seed of each cell, the cheap ones first."""
    for epochs in options.epochs:
        for seed in range(options.seeds):
            for arm in arms(options):
                if arm.question in options.only:
                    yield arm, epochs, seed


def measured(arm: Arm, epochs: int, seed: int, options: argparse.Namespace) -> dict[str, Any]:
    """Trains a cell in a temporary folder and probes it."""
    config = replace(arm.config, epochs=epochs, seed=seed, split=seed)
    with tempfile.TemporaryDirectory() as folder:
        start = time.process_time()
        run = train(config, Path(folder) / "run")
        spent = time.process_time() - start
        pool = load_pool(json.loads(run.ids.read_text()))
        test = None if options.tiny else load_images(source(options, "test"), size=32, limit=options.test_images)
        (finding,) = audit(run.path, pool.images, test=test, axes=["balance"])
        last = json.loads(run.metrics.read_text().splitlines()[-1])
    shown = {name: finding[name].value for name in SCORES}
    row = {"arm": arm.name, "epochs": epochs, "seed": seed, "cpu_seconds": round(spent, 1), "steps": last["step"]}
    return row | {"loss": round(last["loss"], 4), "train_images": len(pool.train), "scores": shown}


def compared(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Paired differences over seeds with Student's interval, and the difference that would be seen in 4 of 5 tries."""
    found = []
    for question, pairs in COMPARED.items():
        for ours, theirs in pairs:
            for epochs in sorted({row["epochs"] for row in rows}):
                by_seed = [
                    {row["seed"]: row["scores"] for row in rows if (row["arm"], row["epochs"]) == (arm, epochs)}
                    for arm in (ours, theirs)
                ]
                seeds = sorted(by_seed[0].keys() & by_seed[1].keys())
                if len(seeds) >= 2:
                    head = {"question": question, "arm": ours, "against": theirs, "epochs": epochs, "seeds": len(seeds)}
                    deltas = {s: [by_seed[0][one][s] - by_seed[1][one][s] for one in seeds] for s in SCORES}
                    found.append(head | {"differences": {s: _difference(deltas[s]) for s in SCORES}})
    return found


def _difference(deltas: Sequence[float]) -> dict[str, Any]:
    """Mean, its interval, and the power: what would have been told from 0 in 80 of 100 repetitions."""
    estimate = over_runs(list(deltas), "seeds")
    return {"value": estimate.value, "interval": estimate.interval, "seen": seen(deltas)}


def seen(deltas: Sequence[float], *, draws: int = 4000) -> float:
    """Smallest true difference whose t interval leaves out 0 in 80 % of repetitions, with the deviation found.

    By simulation of normal differences of that deviation; to a hundredth of it.
    """
    n = len(deltas)
    noise = np.random.default_rng(0).normal(size=(draws, n))
    mean, half = noise.mean(1), t_quantile(n - 1) * noise.std(1, ddof=1) / np.sqrt(n)
    low, high = 0.0, 100.0
    while high - low > 0.01:
        middle = (low + high) / 2
        told = np.mean(np.abs(mean + middle) > half)
        low, high = (middle, high) if told < 0.8 else (low, middle)
    return high * float(np.std(deltas, ddof=1))


def choose(options: argparse.Namespace) -> None:
    """SimCLR alone at three rates, on 2,000 training images that the pool leaves out."""
    train_file = source(options, "train")
    for lr in (0.06, 0.25, 0.5):
        with tempfile.TemporaryDirectory() as folder:
            config = replace(arms(options)[0].config, lr=lr, epochs=options.epochs[0], seed=99, split=99)
            run = train(config, Path(folder) / "run")
            pool = load_pool(json.loads(run.ids.read_text()))
            everything = load_images(train_file, size=32)
            known = set(pool.images.ids.tolist())
            left = torch.tensor([place for place, one in enumerate(everything.ids.tolist()) if one not in known])
            (finding,) = audit(run.path, pool.images, test=everything.subset(left[:2000]), axes=["balance"])
        print(f"lr {lr}: {finding['all'].value:.1f} % of held-out training images", flush=True)


def main() -> None:
    """Runs what is missing and writes."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", nargs="+", default=list(COMPARED), choices=list(COMPARED))
    parser.add_argument("--epochs", type=int, nargs="+", default=[50, 200])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--lr", type=float, default=0.25)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--minutes", type=float, help="begins no cell after so many")
    parser.add_argument("--test-images", type=int, default=10_000)
    parser.add_argument("--data", default="../shared/data/cifar10")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--choose", action="store_true")
    parser.add_argument("--tiny", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    if options.choose:
        return choose(options)
    began = time.monotonic()
    for arm, epochs, seed in cells(options):
        rows = json.loads(options.results.read_text())["cells"] if options.results.exists() else []
        if any((row["arm"], row["epochs"], row["seed"]) == (arm.name, epochs, seed) for row in rows):
            continue
        if options.minutes is not None and time.monotonic() - began > 60 * options.minutes:
            break
        rows.append(measured(arm, epochs, seed, options))
        print(json.dumps(rows[-1]), flush=True)
        write(options, rows)
    return None


def write(options: argparse.Namespace, rows: list[dict[str, Any]]) -> None:
    """All cells, what they say, and how they came about."""
    able = getattr(torch.cpu, "get_capabilities", dict)()
    document = {
        "command": "python experiments/questions.py" + (" --tiny" if options.tiny else ""),
        "hardware": f"{able.get('cpu_name') or platform.machine()}, {options.threads} of {os.cpu_count()} cores",
        "versions": {"python": platform.python_version(), "torch": str(torch.__version__)},
        "settings": {**SHARED, "lr": options.lr, "temperature": 0.2, "test_images": options.test_images},
        "cells": rows,
        "compared": compared(rows),
    }
    options.results.parent.mkdir(parents=True, exist_ok=True)
    write_json(options.results, document)


if __name__ == "__main__":
    main()
