"""Memorization of SimCLR and SDCLR on long-tailed CIFAR-10: means of the parts, planted images, class size.

    python benchmarks/memorization_cifar10.py --data PARQUET --out runs/memorization [--epochs 50]

Trains both methods on 869 images of 16 pixels (an exponential tail with ratio 100 drawn from 3,500) with a small ResNet
and mild crops, then three encoder pairs each with 15 planted images of each kind, and writes
results/memorization_cifar10.json. Trainings that are there already are not repeated. About 15 minutes on 2 cores: so
small a budget shows how the audit works, not what these methods memorise at full size.
"""

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import torch

from holdfast.audits import audit, load_pairs
from holdfast.config import MethodConfig, RunConfig, ViewSettings
from holdfast.data import load_pool
from holdfast.engine import resume, train
from holdfast.findings import Finding
from holdfast.methods import SDCLRConfig, SimCLRConfig
from holdfast.report.memorization import conclusions
from holdfast.runs import RunFolder, write_json
from holdfast.studies import StudyConfig, run_study

METHODS: dict[str, MethodConfig] = {"simclr": SimCLRConfig(temperature=0.5), "sdclr": SDCLRConfig(temperature=0.5)}
STUDY = StudyConfig(pairs=3, external=0.2, candidates=0.2, planted=15)


def settings(options: argparse.Namespace, method: MethodConfig) -> RunConfig:
    """A run that both methods share but for the method."""
    return RunConfig(
        method=method,
        data=options.data,
        limit=3500,
        long_tail="exp:100",
        image_size=16,
        views=ViewSettings(crop_min=0.5),
        encoder="timm/test_resnet",
        epochs=options.epochs,
        batch_size=128,
        lr=0.1,
        precision="32",
        threads=2,
        signals_every=0,
    )


def measure(options: argparse.Namespace, name: str) -> dict[str, Any]:
    """Trains and audits one method; times are of training that was not there yet."""
    folder, start = Path(options.out) / name, time.perf_counter()
    run = resume(folder) if (folder / "config.json").is_file() else train(settings(options, METHODS[name]), folder)
    study = run_study(run, STUDY)
    trained = time.perf_counter()
    images = load_pool(json.loads(run.ids.read_text())).images
    findings = audit(str(folder), images, axes=["memorization", "privacy"], pairs=load_pairs(study))
    for finding in findings:
        finding.save(run.findings)
    seconds = {"training": round(trained - start, 1), "audits": round(time.perf_counter() - trained, 1)}
    return {"seconds": seconds, **{finding.audit: document(finding) for finding in findings}}


def document(finding: Finding) -> dict[str, Any]:
    """Scores with intervals, small tables and conclusions."""
    tables = ("parts", "per_pair", "layers", "per_class", "planted")
    return {
        "scores": {s.name: {"value": s.value, "interval": s.interval, "unit": s.unit} for s in finding.scores},
        "tables": {name: list(finding.tables[name]) for name in tables if name in finding.tables},
        "conclusions": conclusions(finding),
        "parts": finding.settings["parts"],
        "hardware": finding.settings["hardware"],
        "versions": finding.settings["versions"],
    }


def main() -> None:
    """Both methods, one after another."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="../shared/data/cifar10/train.parquet")
    parser.add_argument("--out", default="runs/memorization")
    parser.add_argument("--epochs", type=int, default=50)
    options = parser.parse_args()
    if not Path(options.data).exists():
        print(f"memorization_cifar10: no images at {options.data}; name a parquet file with --data")
        return
    torch.set_num_threads(2)
    results: dict[str, Any] = {"command": " ".join(["python", *sys.argv]), "data": "CIFAR-10 (JPEG q75)"}
    Path("results").mkdir(exist_ok=True)
    for name in METHODS:
        results[name] = measure(options, name)
        print(f"{name}: {results[name]['seconds']}")
        for audit_name in ("memorization", "privacy"):
            print("\n".join(f"  {sentence}" for sentence in results[name][audit_name]["conclusions"]))
        results["config"] = json.loads(RunFolder(Path(options.out) / name).config.read_text())
        write_json(Path("results/memorization_cifar10.json"), results)


if __name__ == "__main__":
    main()
