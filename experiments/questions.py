"""Questions that a small budget can decide, on CIFAR-10 (JPEG q75).

    python experiments/questions.py [--only budgets head] [--epochs 50 200] [--seeds 5] [--minutes 40] [--data FOLDER]

budgets: SDCLR at three prune ratios against SimCLR with the same head, over growing budgets (2106.02990), on the long
tail of 10,000 images (ratio 100).
head: how much a third layer of the head brings SimCLR, and SDCLR; the same images.
leak: whether robust EMP-SSL gains by the weights' gradients of its attack steps, which its authors' code keeps
(2501.03507); 1,500 images, 4 views, 20 epochs, beside CF-AMC-SSL at equal passes (40 epochs).

A cell is a method, a budget and a seed, which also draws the split; the arms of a question have equal images, network,
views and optimiser, so equal forward+backward passes. Each is trained and probed on its pool (all labels) on test
images, all 10,000 of them (leak: 500 under PGD-20); its numbers are added to results/questions.json at once and it is
not run again. Cheap cells come first, and each seed of all methods before the next, so that whatever is there compares.
--tiny asks the same of 300 digits in a minute. --choose prints SimCLR's accuracy on images outside the pool at three
learning rates: how --lr was chosen before methods were compared.
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

import torch

from holdfast import audit, load_images, train
from holdfast.config import RunConfig
from holdfast.data.pool import load_pool
from holdfast.methods import PRESETS, EMPSSLConfig, SDCLRConfig, SimCLRConfig, with_settings
from holdfast.runs import write_json
from holdfast.statistics import over_runs
from power import seen

RESULTS = Path(__file__).parent.parent / "results" / "questions.json"
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
class Question:
    """What is compared with what, seed by seed, by which scores of which audit, and at which epochs (None: asked)."""

    pairs: tuple[tuple[str, str], ...]
    axis: str
    scores: tuple[str, ...]
    epochs: int | None = None
    auditing: tuple[tuple[str, Any], ...] = ()


BALANCE = ("all", "many", "medium", "few", "std")
ATTACKED = ("clean_accuracy", "robust_accuracy_4_255", "robust_accuracy_8_255")
ATTACK: dict[str, Any] = {
    "attack_eps": ("4/255", "8/255"),
    "attack_steps": 20,
    "attack_restarts": 0,
    "attack_images": 500,
    "square_images": 0,
    "auto_attack": "none",
    "drift_images": 0,
    "corruption_images": 0,
}
QUESTIONS = {
    "budgets": Question(
        (("sdclr-0.9", "simclr"), ("sdclr-0.5", "simclr"), ("sdclr-0.3", "simclr")), "balance", BALANCE
    ),
    "head": Question(
        (("simclr-head3", "simclr"), ("sdclr-0.9-head3", "sdclr-0.9"), ("sdclr-0.9-head3", "simclr")),
        "balance",
        BALANCE,
    ),
    "leak": Question(
        (("leaking", "robust-emp-ssl"), ("leaking", "cf-amc-ssl")), "robustness", ATTACKED, 20, tuple(ATTACK.items())
    ),
}


@dataclass(frozen=True)
class Arm:
    """A way to train, and the question it belongs to."""

    question: str
    name: str
    config: RunConfig
    times: int = 1
    """Its epochs for each that the others have: where a visit to an image costs as many times fewer passes."""


def arms(options: argparse.Namespace) -> list[Arm]:
    """Every arm; simclr is what budgets are measured against."""
    shared = {"threads": options.threads, "data": source(options, "train")}
    tail = SHARED | {"lr": options.lr} | shared | (TINY if options.tiny else {})
    plain = RunConfig(method=SimCLRConfig(temperature=0.2), **tail)
    deeper = replace(plain, method=SimCLRConfig(temperature=0.2, head_layers=3))
    found = [Arm("budgets", "simclr", plain)]
    for ratio in (0.9, 0.5, 0.3):
        method = SDCLRConfig(temperature=0.2, prune_ratio=ratio)
        found.append(Arm("budgets", f"sdclr-{ratio}", replace(plain, method=method)))
    third = replace(plain, method=SDCLRConfig(temperature=0.2, head_layers=3))
    found += [Arm("head", "simclr-head3", deeper), Arm("head", "sdclr-0.9-head3", third)]
    narrow = EMPSSLConfig(view_count=4, prefeature_dim=1024, head_dim=256)
    few = SHARED | shared | {"limit": 1500, "long_tail": None, "batch_size": 50}
    robust = replace(PRESETS["robust-emp-ssl"](), method=narrow, **(few | ({"limit": 100} if options.tiny else {})))
    found.append(Arm("leak", "robust-emp-ssl", robust))
    found.append(Arm("leak", "leaking", with_settings(robust, adversary_gradients="kept")))
    return [*found, Arm("leak", "cf-amc-ssl", with_settings(robust, adversary="free:3"), times=2)]


def cells(options: argparse.Namespace) -> Iterator[tuple[Arm, int, int]]:
    """Arm, epochs and seed of each cell, the cheap ones first; one with epochs of its own comes with the first."""
    for place, epochs in enumerate(options.epochs):
        for seed in range(options.seeds):
            for arm in arms(options):
                own = QUESTIONS[arm.question].epochs
                if arm.question in options.only and not (own and place):
                    yield arm, epochs if own is None or options.tiny else own, seed


def measured(arm: Arm, epochs: int, seed: int, options: argparse.Namespace) -> dict[str, Any]:
    """Trains a cell in a temporary folder and probes it."""
    config = replace(arm.config, epochs=epochs * arm.times, seed=seed, split=seed)
    question = QUESTIONS[arm.question]
    with tempfile.TemporaryDirectory() as folder:
        start = time.process_time()
        run = train(config, Path(folder) / "run")
        spent = time.process_time() - start
        pool = load_pool(json.loads(run.ids.read_text()))
        test = None if options.tiny else load_images(source(options, "test"), size=32, limit=options.test_images)
        (finding,) = audit(run.path, pool.images, test=test, axes=[question.axis], **dict(question.auditing))
        last = json.loads(run.metrics.read_text().splitlines()[-1])
    shown = {name: finding[name].value for name in question.scores}
    row = {"arm": arm.name, "epochs": epochs, "seed": seed, "cpu_seconds": round(spent, 1), "steps": last["step"]}
    return row | {"loss": round(last["loss"], 4), "train_images": len(pool.train), "scores": shown}


def compared(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Paired differences over seeds with Student's interval, and the difference that would be seen in 4 of 5 tries."""
    found = []
    for name, question in QUESTIONS.items():
        for ours, theirs in question.pairs:
            for epochs in sorted({row["epochs"] for row in rows}):
                by_seed = [
                    {row["seed"]: row["scores"] for row in rows if (row["arm"], row["epochs"]) == (arm, epochs)}
                    for arm in (ours, theirs)
                ]
                seeds = sorted(by_seed[0].keys() & by_seed[1].keys())
                if len(seeds) >= 2:
                    head = {"question": name, "arm": ours, "against": theirs, "epochs": epochs, "seeds": len(seeds)}
                    scores = question.scores
                    deltas = {s: [by_seed[0][one][s] - by_seed[1][one][s] for one in seeds] for s in scores}
                    found.append(head | {"differences": {s: _difference(deltas[s]) for s in scores}})
    return found


def _difference(deltas: Sequence[float]) -> dict[str, Any]:
    """Mean, its interval, and the power: what would have been told from 0 in 80 of 100 repetitions."""
    estimate = over_runs(list(deltas), "seeds")
    return {"value": estimate.value, "interval": estimate.interval, "seen": seen(deltas)}


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
    parser.add_argument("--only", nargs="+", default=list(QUESTIONS), choices=list(QUESTIONS))
    parser.add_argument("--epochs", type=int, nargs="+", default=[50, 200])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--lr", type=float, default=0.06)
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
