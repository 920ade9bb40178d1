"""How well groups without labels find the true tail of long-tailed CIFAR-10, for trained encoders.

    python experiments/label_free_balance.py RUN [RUN ...] [--test PARQUET] [--test-images 5000] [--random]

RUN: folders of runs on a labelled long tail, as `holdfast train sdclr --data train.parquet --long-tail exp:100` leaves
them. Measures the tail audit on the run's own training images and on test images, and compares its groups with the
classes: the AUC with which density and cluster size tell images of rare classes from others, the share of these among
the sparsest tenth against their share of all, and the agreement of clusters with classes. --random adds the same
network with random weights. Prints a table and writes results/label_free_balance.json. Under a minute a run of
ResNet-18 on 2 cores.
"""

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import torch

from holdfast.audits import audit
from holdfast.data import load_images
from holdfast.data.pool import load_pool
from holdfast.findings import Finding
from holdfast.models import Encoder, create_encoder, load_encoder
from holdfast.runs import RunFolder, write_json

RESULTS = Path(__file__).parent.parent / "results" / "label_free_balance.json"


def measure(run: RunFolder, encoder: Any, options: argparse.Namespace) -> Finding:
    """The tail audit of an encoder on a run's training images and on test images."""
    record = json.loads(run.ids.read_text())
    pool = load_pool(record)
    if pool.split is None:
        raise SystemExit(f"expected a run on a labelled long tail, got {run.path}; train with --long-tail exp:100")
    test = load_images(options.test, size=record["image_size"], limit=options.test_images)
    known = {"train_ids": pool.train_ids, "counts": pool.split.counts}
    return audit(encoder, pool.train, test=test, axes=["tail"], **known)[0]


def random_network(run: RunFolder) -> Encoder:
    """The run's network with fresh weights."""
    trained = load_encoder(run.path)
    assert isinstance(trained, Encoder)
    spec = trained.spec
    return create_encoder(spec.encoder, image_size=spec.image_size, stem=spec.stem, seed=0).eval()


def row(name: str, finding: Finding, seconds: float) -> dict[str, Any]:
    """What is written of a finding."""
    return {
        "encoder": name,
        "seconds": round(seconds, 1),
        "scores": {s.name: {"value": s.value, "interval": s.interval, "unit": s.unit} for s in finding.scores},
        "tables": {name: rows for name, rows in finding.tables.items() if name != "rarest"},
        "settings": {name: finding.settings.get(name) for name in ("run", "hardware", "versions", "reference_images")},
    }


def show(rows: list[dict[str, Any]]) -> None:
    """A line for each encoder."""
    names = ("few_auc_density", "few_auc_clusters", "few_lift", "alignment_trend", "consistency_trend")
    print(f"{'encoder':32}" + "".join(f"{name:>20}" for name in names) + f"{'class NMI (k=10)':>20}{'seconds':>10}")
    for each in rows:
        scores = "".join(f"{each['scores'][name]['value']:20.3f}" if name in each["scores"] else "" for name in names)
        by_k = {found["clusters"]: found for found in each["tables"]["clusters"]}
        nmi = by_k[10]["class_nmi"] if 10 in by_k else float("nan")
        print(f"{each['encoder'][-32:]:32}{scores}{nmi:20.3f}{each['seconds']:10.1f}")


def main() -> None:
    """The runs, one after another."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="*", type=Path)
    parser.add_argument("--test", default="../shared/data/cifar10/test.parquet")
    parser.add_argument("--test-images", type=int, default=5000)
    parser.add_argument("--random", action="store_true")
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    if not options.runs or not Path(options.test).exists():
        print("label_free_balance: name folders of runs on a long tail, and test images with --test")
        return
    rows = []
    for folder in options.runs:
        run = RunFolder.open(folder)
        encoders: list[tuple[str, Any]] = [(str(folder), str(folder))]
        if options.random:
            encoders.append((f"{folder}, random weights", random_network(run)))
        for name, encoder in encoders:
            start = time.perf_counter()
            rows.append(row(name, measure(run, encoder, options), time.perf_counter() - start))
    show(rows)
    options.out.parent.mkdir(exist_ok=True)
    document = {"command": " ".join(["python", *sys.argv]), "data": "CIFAR-10 (JPEG q75)", "rows": rows}
    write_json(options.out, document | {"threads": torch.get_num_threads()})


if __name__ == "__main__":
    main()
