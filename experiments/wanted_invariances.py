"""Which invariances a task wants: views by crops, by colours, by both and by neither, asked five tasks (2111.11398).

    python experiments/wanted_invariances.py [--images 1200] [--test-images 2000] [--epochs 20] [--seeds 2] [--tiny]

SimCLR with a small ResNet on drawn curves, whose shape, place, size, pen and ink are known. Encoders differ only in
what views are drawn by; each is asked every task by a linear probe on its training images and the same unseen ones,
beside one that was not trained. Writes results/wanted_invariances.json after each encoder; one that is there is not
made again, one that was cut off goes on. About six minutes on one core.
"""

import argparse
import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from holdfast import load_encoder, load_images, resume, train
from holdfast.config import VIEWS, RunConfig, ViewSettings
from holdfast.data import Images
from holdfast.data.curves import SHAPES, curve_nuisances
from holdfast.engine.session import environment, launch
from holdfast.evaluation import extract_features, fit_probe
from holdfast.methods import SimCLRConfig, fresh_encoder
from holdfast.runs import write_json
from holdfast.statistics import bounded_interval

RESULTS = Path(__file__).parent.parent / "results" / "wanted_invariances.json"
NO_CROPS: dict[str, float] = {"crop_min": 1.0, "ratio_min": 1.0, "ratio_max": 1.0, "flip": 0.0}
NO_COLOURS: dict[str, float] = {"jitter": 0.0, "grey": 0.0}
SETS: dict[str, ViewSettings | None] = {
    "crops and colours": VIEWS["cifar"],
    "crops": replace(VIEWS["cifar"], **NO_COLOURS),
    "colours": replace(VIEWS["cifar"], **NO_CROPS),
    "neither": replace(VIEWS["cifar"], **NO_CROPS, **NO_COLOURS),
    "not trained": None,
}
"""What views are drawn by; the first is what the others are compared with."""
BASE = next(iter(SETS))
TASKS = {"shape": len(SHAPES), "place": 4, "size": 3, "pen": 3, "ink": 3}
"""Classes of each task, equally frequent: the curve, the quarter its centre lies in, thirds of its size and of the
width of its stroke, and which of red, green and blue its ink has least of."""


def task_labels(images: Images) -> dict[str, Tensor]:
    """By task: int64 [n]."""
    drawn = curve_nuisances(images.ids, seed=0)
    ink = torch.stack([drawn[f"ink_{channel}"] for channel in ("red", "green", "blue")], dim=1)
    return {
        "shape": images.known_labels(),
        "place": 2 * (drawn["across"] > 0.5).long() + (drawn["along"] > 0.5).long(),
        "size": (3 * drawn["radius"]).long(),
        "pen": (3 * drawn["pen"]).long(),
        "ink": ink.argmin(1),
    }


def run_config(options: argparse.Namespace, views: ViewSettings, seed: int) -> RunConfig:
    """SimCLR on the first curves with views of a set."""
    return RunConfig(
        method=SimCLRConfig(temperature=0.2),
        data=f"curves:{options.images}",
        views=views,
        holdout=0,
        image_size=options.size,
        encoder="timm/test_resnet",
        stem="standard",
        batch_size=options.batch_size,
        epochs=options.epochs,
        lr=0.1,
        warmup_epochs=1.0,
        precision="32",
        threads=options.threads,
        signals_every=0,
        seed=seed,
    )


def encoder_of(options: argparse.Namespace, name: str, seed: int) -> torch.nn.Module:
    """The encoder of a set, trained as far as it still has to be."""
    views = SETS[name]
    config = run_config(options, views or VIEWS["cifar"], seed)
    if views is None:
        return fresh_encoder(config, image_size=options.size)
    folder = options.out / name.replace(" ", "-") / str(seed)
    run = resume(folder) if (folder / "config.json").is_file() else train(config, folder)
    return load_encoder(run.path)


def asked(encoder: torch.nn.Module, images: Images, test: Images) -> dict[str, str]:
    """By task: 1 for each test image that a linear probe gets right, else 0."""
    features, unseen = (extract_features(encoder, part) for part in (images, test))
    labels, wanted = task_labels(images), task_labels(test)
    probes = {task: fit_probe(features, labels[task], classes=count) for task, count in TASKS.items()}
    right = {task: (probe.predict(unseen) == wanted[task]).int().tolist() for task, probe in probes.items()}
    return {task: "".join(map(str, marks)) for task, marks in right.items()}


def mean_marks(seeds: dict[str, dict[str, str]], task: str, over: list[str]) -> np.ndarray:
    """[n]: the share of seeds by which each test image is right."""
    return np.mean([[int(mark) for mark in seeds[seed][task]] for seed in over], axis=0)


def shown(shares: np.ndarray, *, least: float) -> dict[str, Any]:
    """The mean of shares by image [n], from `least` to 1, in percent with its interval."""
    ends = bounded_interval(shares, least=least, most=1.0)
    return {"value": float(100 * shares.mean()), "interval": [100 * end for end in ends]}


def compared(hits: dict[str, dict[str, dict[str, str]]]) -> dict[str, dict[str, Any]]:
    """By set and task: accuracy and, but for the first set, what it lies above the first, in percent.

    Means over seeds; intervals are over test images. hits: by set, seed and task, a 1 or 0 for each.
    """
    found: dict[str, dict[str, Any]] = {}
    for name, seeds in hits.items():
        for task in TASKS:
            own = mean_marks(seeds, task, list(seeds))
            cell: dict[str, Any] = shown(own, least=0.0)
            both = sorted(set(seeds) & set(hits.get(BASE, {})))
            if name != BASE and both:
                apart = mean_marks(seeds, task, both) - mean_marks(hits[BASE], task, both)
                cell["above"] = shown(apart, least=-1.0)
            found.setdefault(name, {})[task] = cell
    return found


def main() -> None:
    """Trains and asks every encoder that is not there yet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=1200)
    parser.add_argument("--test-images", type=int, default=2000)
    parser.add_argument("--size", type=int, default=32)
    parser.add_argument("--batch-size", type=int, default=100)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("runs/wanted"))
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--tiny", action="store_true", help="a few curves of 16 pixels, an epoch")
    options = parser.parse_args()
    if options.tiny:
        options.images, options.test_images, options.size, options.epochs, options.batch_size = 60, 40, 16, 1, 30
    torch.set_num_threads(options.threads)
    total = options.images + options.test_images
    every = load_images(f"curves:{total}", size=options.size)
    images, test = every.subset(torch.arange(options.images)), every.subset(torch.arange(options.images, total))
    document = begun(options)
    for seed in map(str, range(options.seeds)):
        for name in SETS:
            if seed in document["hits"].get(name, {}):
                continue
            start = time.process_time()
            document["hits"].setdefault(name, {})[seed] = asked(encoder_of(options, name, int(seed)), images, test)
            document["cpu_seconds"] = round(document["cpu_seconds"] + time.process_time() - start, 1)
            document["scores"] = compared(document["hits"])
            write_json(options.results, document)
            print(
                name,
                seed,
                {task: round(cell["value"], 1) for task, cell in document["scores"][name].items()},
                flush=True,
            )


def begun(options: argparse.Namespace) -> dict[str, Any]:
    """What the results file holds of these settings; a fresh document where it is not there or of others."""
    names = ("images", "test_images", "size", "batch_size", "epochs", "threads")
    settings = {name: getattr(options, name) for name in names} | {"encoder": "timm/test_resnet, standard stem"}
    if options.results.is_file():
        document = json.loads(options.results.read_text())
        if document["settings"] == settings:
            return document
        raise SystemExit(
            f"wanted_invariances: expected {options.results} of these settings; move it away, or --results"
        )
    facts = environment(launch(RunConfig(method=SimCLRConfig(), threads=options.threads, precision="32")))
    return {
        "command": "python experiments/wanted_invariances.py" + (" --tiny" if options.tiny else ""),
        "environment": {key: facts[key] for key in ("versions", "device")},
        "settings": settings,
        "cpu_seconds": 0.0,
        "hits": {},
    }


if __name__ == "__main__":
    main()
