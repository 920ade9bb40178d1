"""What a fresh attacker still reads of an attribute that Talos had features forget, on digits from two sites.

    python experiments/forgetting.py [--out FOLDER] [--seeds 2] [--epochs 30]

Paints a faint bar along the lower edge of every second digit (its strength is drawn, so that some are hard to see) and
writes which as the column 'site'. Trains SimCLR, and SimCLR with --forget site at weights 1 and 10, then audits quality
and privacy on digits that no run saw: what a probe knows of the digit, and what an attacker who starts afresh reads of
the site. Writes results/forgetting.json. About four minutes on one core.
"""

import argparse
import io
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image
from sklearn.datasets import load_digits

from holdfast import audit, train
from holdfast.config import RunConfig
from holdfast.data import load_images
from holdfast.engine.session import environment, launch
from holdfast.methods import SimCLRConfig, with_settings
from holdfast.runs import write_json

RESULTS = Path(__file__).parent.parent / "results" / "forgetting.json"
RUNS: dict[str, dict[str, Any]] = {
    "SimCLR": {},
    "Talos, weight 1": {"forget": "site", "forget_weight": 1.0},
    "Talos, weight 10": {"forget": "site", "forget_weight": 10.0},
}
KEPT = {"quality": ("linear_accuracy",), "privacy": ("attribute_accuracy", "attribute_chance")}
TEST = 597


def painted(folder: Path) -> tuple[Path, Path]:
    """Training and test digits as parquet files with the columns image, label and site."""
    random, (flat, classes) = np.random.default_rng(0), load_digits(return_X_y=True)
    order = random.permutation(len(classes))
    drawn = np.asarray(flat, dtype=float)[order].reshape(-1, 8, 8) * (255 / 16)
    pixels = np.repeat(np.repeat(drawn, 2, 1), 2, 2)
    south = random.random(len(order)) < 0.5
    bars = np.where(south, random.uniform(20, 160, len(order)), 0.0)
    pixels[:, -2:, :] = np.clip(pixels[:, -2:, :] + bars[:, None, None], 0, 255)
    noisy = np.clip(pixels + random.normal(0, 12, pixels.shape), 0, 255).astype(np.uint8)
    rows = [{"bytes": _png(image)} for image in noisy]
    labels, sites = np.asarray(classes)[order].tolist(), np.where(south, "south", "north").tolist()
    paths = []
    for name, part in (("train", slice(TEST, None)), ("test", slice(None, TEST))):
        paths.append(folder / f"{name}.parquet")
        pq.write_table(pa.table({"image": rows[part], "label": labels[part], "site": sites[part]}), paths[-1])
    return paths[0], paths[1]


def _png(image: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.repeat(image[..., None], 3, 2)).save(buffer, "png")
    return buffer.getvalue()


def measured(parts: dict[str, Any], paths: tuple[Path, Path], folder: Path, seed: int, epochs: int) -> dict[str, Any]:
    """A run's scores with their intervals, and its processor time."""
    plain = RunConfig(
        method=SimCLRConfig(),
        data=str(paths[0]),
        groups=("site",),
        holdout=0,
        image_size=16,
        encoder="timm/test_resnet",
        epochs=epochs,
        batch_size=128,
        lr=0.1,
        warmup_epochs=2,
        seed=seed,
        precision="32",
        threads=1,
        signals_every=0,
    )
    start = time.process_time()
    run = train(with_settings(plain, **parts), folder)
    seconds = time.process_time() - start
    images, test = (load_images(str(path), size=16, subgroups=["site"]) for path in paths)
    found = audit(run.path, images, test=test, axes=list(KEPT), reference=False)
    scores = {
        s.name: {"value": s.value, "interval": s.interval} for f in found for s in f.scores if s.name in KEPT[f.audit]
    }
    attacker = next(f.settings["attribute_attacker"] for f in found if f.audit == "privacy")
    return {"cpu_seconds": round(seconds, 1), "attacker": attacker, "scores": scores}


def main() -> None:
    """Trains and measures every run that is not there yet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", default="runs/forgetting")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--epochs", type=int, default=30)
    options = parser.parse_args()
    out = Path(options.out)
    out.mkdir(parents=True, exist_ok=True)
    paths = painted(out)
    runs: dict[str, list[dict[str, Any]]] = {}
    for name, parts in RUNS.items():
        for seed in range(options.seeds):
            folder = out / f"{name.replace(', ', '-').replace(' ', '-').lower()}-{seed}"
            runs.setdefault(name, []).append(measured(parts, paths, folder, seed, options.epochs))
            print(name, seed, runs[name][-1], flush=True)
    settings = {"epochs": options.epochs, "images": 1797 - TEST, "test_images": TEST, "encoder": "timm/test_resnet"}
    facts = environment(launch(RunConfig(method=SimCLRConfig())))
    document = {"settings": settings, "runs": runs, "environment": {key: facts[key] for key in ("versions", "device")}}
    flags = f"--seeds {options.seeds} --epochs {options.epochs}"
    write_json(RESULTS, document | {"command": f"python experiments/forgetting.py {flags}"})


if __name__ == "__main__":
    main()
