"""Memorization of four methods on long-tailed CIFAR-10: means of the parts, planted images, class size.

    python experiments/memorization_cifar10.py --data PARQUET --out runs/memorization [--methods NAMES] [--passes 100]

Trains each method on the same 2,480 images (an exponential tail with ratio 100 drawn from 10,000), a small ResNet and
mild crops, with equal forward+backward passes of an image (views, penalty, attacks and replays counted), then three
encoder pairs each with 15 planted images of each kind, and writes results/memorization_cifar10.json. Trainings that are
there already are not repeated. About 40 minutes on 2 cores: so small a budget shows how the audit works, not what these
methods memorise at full size.
"""

import argparse
import json
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from holdfast.audits import audit, load_pairs
from holdfast.config import RunConfig, ViewSettings
from holdfast.data import load_pool
from holdfast.engine import resume, train
from holdfast.findings import Finding
from holdfast.methods import PRESETS, EMPSSLConfig, PenaltyConfig, SDCLRConfig, SimCLRConfig, build
from holdfast.report.listed import conclusions
from holdfast.runs import RunFolder, write_json
from holdfast.studies import StudyConfig, run_study

_PLAIN: dict[str, Any] = {"method": SimCLRConfig(temperature=0.5), "batch_size": 128, "lr": 0.1}
METHODS: dict[str, RunConfig] = {
    "simclr": RunConfig(**_PLAIN),
    "sdclr": RunConfig(**{**_PLAIN, "method": SDCLRConfig(temperature=0.5)}),
    "invclr": RunConfig(**_PLAIN, parts=(PenaltyConfig(penalty="invariance:0.1", penalty_form="pair"),)),
    "cf-amc-ssl": replace(
        PRESETS["cf-amc-ssl"](), method=EMPSSLConfig(view_count=8, prefeature_dim=1024, head_dim=256), batch_size=50
    ),
}
STUDY = StudyConfig(pairs=3, external=0.2, candidates=0.2, planted=15)


def settings(options: argparse.Namespace, name: str) -> RunConfig:
    """A method's run on the images, network and budget that all share."""
    config = replace(
        METHODS[name],
        data=options.data,
        limit=10_000,
        long_tail="exp:100",
        image_size=32,
        views=ViewSettings(crop_min=0.5),
        encoder="timm/test_resnet",
        stem="standard",
        precision="32",
        threads=2,
        signals_every=0,
    )
    return replace(config, epochs=options.passes // build(config, image_size=32).passes_per_image)


def measure(options: argparse.Namespace, name: str) -> dict[str, Any]:
    """Trains and audits one method; times are of training that was not there yet."""
    folder, start = Path(options.out) / name, time.perf_counter()
    run = resume(folder) if (folder / "config.json").is_file() else train(settings(options, name), folder)
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
    """The methods, one after another."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="../shared/data/cifar10/train.parquet")
    parser.add_argument("--out", default="runs/memorization")
    parser.add_argument("--methods", nargs="+", default=list(METHODS), choices=list(METHODS))
    parser.add_argument("--passes", type=int, default=100)
    options = parser.parse_args()
    if not Path(options.data).exists():
        print(f"memorization_cifar10: no images at {options.data}; name a parquet file with --data")
        return
    torch.set_num_threads(2)
    results: dict[str, Any] = {"command": " ".join(["python", *sys.argv]), "data": "CIFAR-10 (JPEG q75)"}
    Path("results").mkdir(exist_ok=True)
    for name in options.methods:
        results[name] = measure(options, name)
        print(f"{name}: {results[name]['seconds']}")
        for audit_name in ("memorization", "privacy"):
            print("\n".join(f"  {sentence}" for sentence in results[name][audit_name]["conclusions"]))
        results[name]["config"] = json.loads(RunFolder(Path(options.out) / name).config.read_text())
        write_json(Path("results/memorization_cifar10.json"), results)


if __name__ == "__main__":
    main()
