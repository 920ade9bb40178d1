"""Spirograph with and without the penalty: regression error per target, with and without feature averaging, over
seeds.

    python experiments/spirograph_study.py --out runs/spirograph-study [--seeds 3] [--images 12800] [--epochs 8]

Trains SimCLR on Spirograph pictures (the authors' 'row' normalisation) plain, with the authors' penalty at 0.01 and
0.1 and with the pair form at 0.01; fits ridge heads on untransformed pictures and on averages over 1, 5, 10 and 30
drawings with other nuisances; prints a line per run and writes results/spirograph.json after every one, so that it can
be interrupted: runs that are there already are not repeated. Everything is drawn by seeds; times are of the machine as
it was, loaded or not.
"""

import argparse
import json
import platform
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from holdfast.config import RunConfig
from holdfast.data import Images, load_images, view_maker
from holdfast.data.spirograph import TARGETS
from holdfast.engine import train
from holdfast.evaluation import averaged_features, extract_features, regression_table, variance_report
from holdfast.methods import SimCLRConfig, with_settings
from holdfast.models import load_encoder
from holdfast.runs import write_json

ARMS: dict[str, dict[str, Any]] = {
    "plain": {},
    "vjp 0.01": {"penalty": "invariance:0.01", "penalty_form": "vjp", "penalty_limit": 1000.0},
    "vjp 0.1": {"penalty": "invariance:0.1", "penalty_form": "vjp", "penalty_limit": 1000.0},
    "pair 0.01": {"penalty": "invariance:0.01", "penalty_form": "pair"},
    "pair 0.1": {"penalty": "invariance:0.1", "penalty_form": "pair"},
}
COUNTS = (1, 5, 10, 30)
HEAD_IMAGES, TEST_IMAGES, VARIED_IMAGES, VARIED_PASSES = 4000, 2000, 500, 10


def settings(options: argparse.Namespace, arm: str, seed: int) -> RunConfig:
    """One run."""
    plain = RunConfig(
        method=SimCLRConfig(temperature=0.5, per_view_norm=True),
        data=f"spirograph:{options.images}:row",
        holdout=500,
        encoder="timm/test_resnet",
        stem="standard",
        epochs=options.epochs,
        batch_size=128,
        optimizer="sgd",
        lr=0.2,
        warmup_epochs=1.0,
        weight_decay=1e-6,
        precision="32",
        threads=2,
        seed=seed,
    )
    return with_settings(plain, **ARMS[arm])


def factors(images: Images) -> Tensor:
    """Targets [n, 4]."""
    return torch.stack([images.factors[name] for name in TARGETS], dim=1)


def variances(encoder: nn.Module, images: Images, config: RunConfig) -> dict[str, float]:
    """Within-image and total variance of test images under fresh nuisances."""
    some = images.subset(torch.arange(VARIED_IMAGES))
    draw = view_maker(config.data.replace(":row", ":row:test"), config.views, seed=1, size=32)
    passes = [
        next(averaged_features(encoder, some, draw, counts=(1,), first_pass=number))[1]
        for number in range(VARIED_PASSES)
    ]
    return variance_report(torch.stack(passes, dim=1))


def measure(folder: Path, config: RunConfig) -> dict[str, Any]:
    """Regression tables by number of drawings averaged (0: the untransformed picture), and variances."""
    encoder = load_encoder(folder)
    pool = load_images(config.data, limit=HEAD_IMAGES)
    test = load_images(f"spirograph:{TEST_IMAGES}:row:test")
    clean = [(extract_features(encoder, images), factors(images)) for images in (pool, test)]
    rows = {0: regression_table(clean[0], clean[1], TARGETS)}
    series = [
        averaged_features(encoder, images, view_maker(images.source, config.views, seed=0, size=32), counts=COUNTS)
        for images in (pool, test)
    ]
    for (count, fitted), (_, asked) in zip(*series, strict=True):
        rows[count] = regression_table((fitted, factors(pool)), (asked, factors(test)), TARGETS)
    return {"regression": {str(count): table for count, table in rows.items()}, **variances(encoder, test, config)}


def penalties(folder: Path) -> dict[str, float]:
    """What the last epoch noted of the penalty."""
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    last = [row for row in rows if row["kind"] == "epoch"][-1]
    return {name: last[name] for name in ("loss", "seconds", *sorted(n for n in last if n.startswith("penalty")))}


def run(options: argparse.Namespace, arm: str, seed: int) -> dict[str, Any]:
    """Trains (unless that is done) and measures."""
    folder, config = options.out / f"{arm.replace(' ', '-')}-seed{seed}", settings(options, arm, seed)
    if not (folder / "encoder.safetensors").exists():
        train(config, folder)
    start = time.perf_counter()
    result = {"arm": arm, "seed": seed, **penalties(folder), **measure(folder, config)}
    result["measuring_seconds"] = round(time.perf_counter() - start, 1)
    mean = {count: table[-1]["mse"] for count, table in result["regression"].items()}
    print(f"{arm} seed {seed}: {result['seconds']:.0f} s, ratio {result['ratio']:.3f}, MSE by views {mean}", flush=True)
    return result


def main() -> None:
    """Runs every arm, seed by seed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--images", type=int, default=12800)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--arms", nargs="+", default=list(ARMS), choices=list(ARMS))
    parser.add_argument("--results", type=Path, default=Path("results/spirograph.json"))
    options = parser.parse_args()
    torch.set_num_threads(2)
    known = json.loads(options.results.read_text())["runs"] if options.results.exists() else []
    for seed in range(options.seeds):
        for arm in options.arms:
            if any(one["arm"] == arm and one["seed"] == seed for one in known):
                continue
            known.append(run(options, arm, seed))
            document = {
                "command": f"python {' '.join(sys.argv)}",
                "hardware": f"{platform.machine()}, {torch.get_num_threads()} threads",
                "versions": {name: version(name) for name in ("holdfast", "torch")},
                "images": options.images,
                "epochs": options.epochs,
                "runs": known,
            }
            write_json(options.results, document)


if __name__ == "__main__":
    main()
