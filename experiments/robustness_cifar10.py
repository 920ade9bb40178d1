"""SimCLR, EMP-SSL, robust EMP-SSL and CF-AMC-SSL at one budget of forward+backward passes, then attacked.

    python experiments/robustness_cifar10.py [--images 5000] [--units 4] [--views 8] [--only NAME ...]

Trains each on the same images (a small network) with 48 × units × images passes for an image's views, attack steps and
replays together (8 views: 24 × units epochs of SimCLR, 6 of EMP-SSL, 1 of robust EMP-SSL with PGD-5, 2 of CF-AMC-SSL
with 3 replays), fits a linear head on clean features of 10,000 training images, and attacks test images with PGD-20 at
4/255 and 8/255, from the image and from a random start, with Square, and at 8/255 with the standard AutoAttack
(--auto-attack none leaves it out). Prints a table and writes
results/robustness_cifar10.json. A run that is there already is not trained again, and an interrupted one goes on.

    python experiments/robustness_cifar10.py --long-tail exp:100 --images 10000 --units 8 --results FILE ...

The same on the long tail of as many images, with SDCLR beside them, and many, medium and few under attack.
"""

import argparse
import json
import platform
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch.nn import functional as F

from holdfast import audit, load_images, resume, train
from holdfast.config import RunConfig
from holdfast.data.batches import epoch_batches
from holdfast.data.pool import load_pool
from holdfast.findings import Finding
from holdfast.methods import PRESETS, EMPSSLConfig, PGDAdversary, SDCLRConfig, SimCLRConfig, build
from holdfast.runs import RunFolder, write_json

RESULTS = Path(__file__).parent.parent / "results" / "robustness_cifar10.json"
ATTACK = {"attack_eps": ("4/255", "8/255"), "attack_restarts": 1, "square_images": 100, "square_queries": 500}
FAST = {"attack_eps": ("4/255", "8/255"), "attack_steps": 20, "attack_restarts": 0, "square_images": 0}
FAST |= {"auto_attack": "none"}
NAMES = ("simclr", "sdclr", "emp-ssl", "robust-emp-ssl", "cf-amc-ssl")
NO_DRIFT = {"drift_images": 0, "corruption_images": 0}


def configurations(options: argparse.Namespace) -> dict[str, RunConfig]:
    """The runs: equal passes, images, network and optimiser."""
    narrow = EMPSSLConfig(view_count=options.views, prefeature_dim=1024, head_dim=256)
    shared: dict[str, Any] = {
        "data": str(Path(options.data) / "train.parquet"),
        "limit": options.images,
        "long_tail": options.long_tail,
        "holdout": 0,
        "image_size": 32,
        "encoder": options.encoder,
        "stem": options.stem,
        "signals_every": 0,
        "threads": options.threads,
        "seed": options.seed,
        "split": options.seed,
    }
    passes = 6 * options.views * options.units  # of an image: one epoch of robust EMP-SSL is 6 passes of its views
    plain = replace(PRESETS["simclr-free"](), parts=(), method=SimCLRConfig(temperature=0.2), **shared)
    found = {"simclr": replace(plain, batch_size=256)}
    if options.long_tail:
        found["sdclr"] = replace(found["simclr"], method=SDCLRConfig(temperature=0.2))
    for name in ("emp-ssl", "robust-emp-ssl", "cf-amc-ssl"):
        found[name] = replace(PRESETS[name](), method=narrow, batch_size=50, **shared)
    for name, config in found.items():
        found[name] = replace(config, epochs=passes // build(config, image_size=32).passes_per_image)
    if options.authors_schedule:
        found["cf-amc-ssl-authors-schedule"] = replace(found["cf-amc-ssl"], schedule="authors")
    return found


def trained(config: RunConfig, folder: Path) -> RunFolder:
    """The run in a folder, trained as far as it still has to be."""
    start = time.process_time()
    run = resume(folder) if (folder / "config.json").is_file() else train(config, folder, listen=say)
    if not (folder / "cpu_seconds.json").is_file():
        write_json(folder / "cpu_seconds.json", time.process_time() - start)
    rows = [json.loads(line) for line in run.metrics.read_text().splitlines()]
    print(f"{folder.name}: trained in {rows[-1]['seconds']:.0f} s, loss {rows[-1]['loss']:.3f}", flush=True)
    return run


def say(event: Any) -> None:
    """An epoch in a line."""
    if event["kind"] == "epoch":
        print(f"  epoch {event['epoch']} loss {event['loss']:.4f} {event['views_per_second']:.0f} views/s", flush=True)


def measured(run: RunFolder, layer: str, options: argparse.Namespace, budget: dict[str, Any]) -> Finding:
    """The robustness of a run at a layer; measured once."""
    place = run.path / f"{layer}-{'full' if budget is ATTACK else 'pgd'}"
    if not (place / "robustness.json").is_file():
        images = load_images(str(Path(options.data) / "train.parquet"), limit=10_000, seed=1)
        test = str(Path(options.data) / "test.parquet")
        (finding,) = audit(
            run.path,
            images,
            test=test,
            axes=["robustness"],
            layer=layer,
            attack_images=options.attack_images,
            unfinished=place / "unfinished",
            **NO_DRIFT,
            **budget,
            **({"auto_attack": options.auto_attack} if budget is ATTACK else {}),
        )
        finding.save(place)
    return Finding.load(place / "robustness.json")


def row(name: str, layer: str, run: RunFolder, finding: Finding, passes: int) -> dict[str, Any]:
    """What the table says of a run at a layer."""
    epochs = [json.loads(line) for line in run.metrics.read_text().splitlines()]
    scores = {score.name: {"value": score.value, "interval": score.interval} for score in finding.scores}
    return {
        "run": name,
        "layer": layer,
        "epochs": len(epochs),
        "optimiser_steps": epochs[-1]["step"],
        "passes": passes,
        "seconds": round(epochs[-1]["seconds"], 1),
        "cpu_seconds": round(json.loads((run.path / "cpu_seconds.json").read_text()), 1),
        "scores": scores,
        "warnings": finding.settings["warnings"],
    }


def main() -> None:
    """Trains, attacks, prints and writes."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--images", type=int, default=5000)
    parser.add_argument("--long-tail", help="as of `holdfast train`: exp:100; without it all --images train")
    parser.add_argument("--units", type=int, default=4)
    parser.add_argument("--views", type=int, default=8)
    parser.add_argument("--encoder", default="timm/test_resnet")
    parser.add_argument("--stem", default="standard", choices=("small", "standard"))
    parser.add_argument("--attack-images", type=int, default=1000)
    parser.add_argument("--auto-attack", default="standard", choices=("none", "targeted", "standard"))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--authors-schedule", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--data", default="../shared/data/cifar10")
    parser.add_argument("--out", type=Path, default=Path("runs/robustness_cifar10"))
    parser.add_argument("--only", nargs="+", help="runs to train and attack; without it all")
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    runs, rows = {}, []
    configs = {name: config for name, config in configurations(options).items() if name in (options.only or (name,))}
    for name, config in configs.items():
        runs[name] = trained(config, options.out / name)
    for name, run in runs.items():
        images = len(load_pool(json.loads(run.ids.read_text())).train)
        passes = images * configs[name].epochs * build(configs[name], image_size=32).passes_per_image
        for layer in ("backbone",) if name.endswith("clr") else ("prefeature", "backbone"):
            own = "backbone" if name.endswith("clr") else "prefeature"
            full = ATTACK if layer == own and name in NAMES else FAST
            rows.append(row(name, layer, run, measured(run, layer, options, full), passes))
            print(json.dumps(rows[-1]), flush=True)
            write(options, rows, {})
    if "robust-emp-ssl" in runs:
        write(options, rows, leak(configs["robust-emp-ssl"], runs["robust-emp-ssl"]))


def leak(config: RunConfig, run: RunFolder) -> dict[str, float]:
    """How far the authors' update, which keeps the attack's gradients, points from the training pass's own.

    Cosine and length of the sum of all six passes' gradients against the last one's, on a batch, at the end of a run.
    """
    method = build(config, image_size=32)
    state = sorted(run.checkpoints.iterdir())[-1] / "method.safetensors"
    method.load_state_dict(safetensors.torch.load_file(state))
    assert isinstance(method, PGDAdversary)
    pool = load_pool(json.loads(run.ids.read_text()))
    views = method.views(next(epoch_batches(pool.train, seed=0, epoch=0, batch_size=config.batch_size)))
    clean, delta, weights = views.images, torch.zeros_like(views.images), list(method.parameters())
    gradients = []
    for _ in range(method.steps + 1):
        moved = (clean + delta).clamp(0, 1).detach().requires_grad_()
        found = torch.autograd.grad(method.inner.loss(replace(views, images=moved)), [*weights, moved])
        gradients.append(torch.cat([each.flatten() for each in found[:-1]]))
        delta = method.ball.climb(clean, moved, found[-1])
    last, total = gradients[-1], torch.stack(gradients).sum(0)
    measured = {
        "cosine": float(F.cosine_similarity(last, total, dim=0)),
        "length_ratio": float(total.norm() / last.norm()),
    }
    print(f"leaked gradients: {measured}", flush=True)
    return measured


def write(options: argparse.Namespace, rows: list[dict[str, Any]], leaked: dict[str, float]) -> None:
    """All rows and how they came about, as JSON."""
    options.results.parent.mkdir(exist_ok=True)
    able = getattr(torch.cpu, "get_capabilities", dict)()
    settings = {name: str(value) for name, value in vars(options).items() if name not in ("data", "out", "results")}
    document = {
        "command": "python experiments/robustness_cifar10.py " + " ".join(sys.argv[1:]),
        "data": "CIFAR-10 (JPEG q75)",
        "hardware": f"{able.get('cpu_name') or platform.machine()}, {torch.get_num_threads()} threads",
        "versions": {"python": platform.python_version(), "torch": str(torch.__version__)},
        "settings": settings,
        "rows": rows,
        "leaked_gradients": leaked,
    }
    options.results.write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main()
