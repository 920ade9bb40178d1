"""Whether an encoder needs the images that it memorised: SSLMem's headline (2401.12233), at a small size.

    python experiments/removal_cifar10.py [--data FOLDER] [--pairs 5] [--images 1200] [--epochs 80] [--tiny]

SimCLR on the six animals of CIFAR-10 (JPEG q75); pairs of encoders rank their candidates, a quarter of the images.
Every f is trained again with its own seed without the half of its candidates that was memorised most, without the half
memorised least, and without a drawn half. Each encoder is probed twice: on the animals (all test images of the six
classes) and on another task that no encoder saw, the four vehicles (a fifth of each class held out). Asked is how far
accuracy without memorised images lies beyond that without drawn ones, pair by pair. Writes
results/removal_cifar10.json; trainings that are there are not repeated. About 20 CPU minutes.
"""

import argparse
import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from holdfast import audit, load_images, resume, train
from holdfast.audits import load_pairs
from holdfast.config import RunConfig
from holdfast.data import load_pool
from holdfast.methods import SimCLRConfig
from holdfast.runs import write_json
from holdfast.studies import StudyConfig, run_removal, run_study

RESULTS = Path(__file__).parent.parent / "results" / "removal_cifar10.json"
ANIMALS, DIGITS = (2, 3, 4, 5, 6, 7), (0, 1, 2, 3, 4, 5)
"""Labels of the first task: bird, cat, deer, dog, frog and horse."""


def parted(options: argparse.Namespace, part: str) -> tuple[Path, Path]:
    """Animals and vehicles of a part as .npz files, made once; of digits 0 to 5 and 6 to 9 where --tiny."""
    places = [options.out / f"{name}-{part}.npz" for name in ("animals", "vehicles")]
    if not all(place.is_file() for place in places):
        source = "digits" if options.tiny else str(Path(options.data) / f"{part}.parquet")
        images = load_images(source, size=8 if options.tiny else 32)
        if images.labels is None:
            raise SystemExit(f"removal_cifar10: expected labelled images in {source}")
        own = torch.isin(images.labels, torch.tensor(DIGITS if options.tiny else ANIMALS))
        for place, chosen in zip(places, (own, ~own), strict=True):
            part_of = images.subset(chosen.nonzero()[:, 0])
            options.out.mkdir(parents=True, exist_ok=True)
            np.savez(place, images=part_of.pixels.permute(0, 2, 3, 1).numpy(), labels=part_of.known_labels().numpy())
    return places[0], places[1]


def run_config(options: argparse.Namespace, data: Path) -> RunConfig:
    """SimCLR on the animals."""
    return RunConfig(
        method=SimCLRConfig(temperature=0.5),
        data=str(data),
        limit=options.images,
        holdout=0,
        image_size=8 if options.tiny else 32,
        encoder="timm/test_resnet",
        stem="standard",
        batch_size=128,
        lr=0.06,
        epochs=options.epochs,
        signals_every=0,
        threads=options.threads,
        seed=1,
    )


def main() -> None:
    """The study, its removals, and what they say."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", default="../shared/data/cifar10")
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--images", type=int, default=1200)
    parser.add_argument("--epochs", type=int, default=80)
    parser.add_argument("--downstream-images", type=int, default=4000)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("runs/removal"))
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--tiny", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    start = time.process_time()
    animals, vehicles = parted(options, "train")
    config, folder = run_config(options, animals), options.out / "run"
    run = resume(folder) if (folder / "config.json").is_file() else train(config, folder)
    settings = StudyConfig(pairs=options.pairs, external=0.1, candidates=0.25)
    study = run_study(run, settings)
    pool = load_pool(json.loads(run.ids.read_text()))
    (finding,) = audit(run.path, pool.images, axes=["memorization"], pairs=load_pairs(study))
    half = int((finding.columns["part"] == "candidate").sum()) // 2
    size = config.image_size
    test = None if options.tiny else load_images(str(parted(options, "test")[0]), size=size)
    other = load_images(str(vehicles), size=size, limit=options.downstream_images)
    rules = [("top", half), ("bottom", half), ("random", half)]
    rows = run_removal(study, finding, rules, test=test, downstream=other)
    document: dict[str, Any] = {
        "command": "python experiments/removal_cifar10.py" + (" --tiny" if options.tiny else ""),
        "hardware": finding.settings["hardware"],
        "versions": finding.settings["versions"],
        "cpu_seconds": round(time.process_time() - start, 1),
        "settings": {
            **asdict(settings),
            "images": options.images,
            "epochs": options.epochs,
            "downstream_images": options.downstream_images,
            "threads": options.threads,
        },
        "scores": {s.name: {"value": s.value, "interval": s.interval} for s in finding.scores},
        "candidates": 2 * half,
        "removal": rows,
    }
    options.results.parent.mkdir(parents=True, exist_ok=True)
    write_json(options.results, document)
    for row in rows:
        print({key: round(value, 2) if isinstance(value, float) else value for key, value in row.items()}, flush=True)


if __name__ == "__main__":
    main()
