"""The standard AutoAttack against pyautoattack, and PGD with 1,000 steps with and without stopping at cycles.

    python benchmarks/auto_attack.py [--images 200] [--norm linf] [--threads 2] [--out FILE.json] [--encoder RUN]

Trains the small convolutional network of the tests on faint digits, then gives both codes the same images on the same
threads, also attack by attack on what is left, and prints processor seconds, ratios and verdicts. PGD
runs on the images that are right, from the image itself, with and without its stop at cycles; with --encoder also on
a self-supervised encoder with a linear head on CIFAR-10 (--data). Needs pyautoattack and scikit-learn.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "support"))
from small_classifier import faint_digits, small_classifier  # type: ignore[import-not-found]

from holdfast import load_encoder, load_images
from holdfast.attacks import VERSIONS, Apgd, Pgd, auto_attack, log_odds, run, untargeted
from holdfast.evaluation import extract_features, fit_probe
from holdfast.evaluation.probes import classifier, features_of

BALLS = {"linf": 8 / 255, "l2": 0.5}


def seconds(work: Callable[[], Any]) -> tuple[float, Any]:
    """(processor seconds of a call, what it returned)."""
    start = time.process_time()
    found = work()
    return time.process_time() - start, found


def official(network: torch.nn.Module, images: torch.Tensor, labels: torch.Tensor, norm: str) -> torch.Tensor:
    """Bool [n]: what pyautoattack's standard version leaves right."""
    from pyautoattack import AutoAttack

    name: Any = {"linf": "Linf", "l2": "L2"}[norm]
    attack = AutoAttack(network, norm=name, eps=BALLS[norm], seed=0, version="standard")
    moved, _ = attack.run_standard_evaluation(images, labels, batch_size=250)
    with torch.no_grad():
        return network(moved).argmax(1) == labels


def ensemble(network: torch.nn.Module, images: torch.Tensor, labels: torch.Tensor, norm: str) -> dict[str, Any]:
    """The whole standard ensemble by both codes; ours also attack by attack, on what is left."""
    theirs, left = seconds(lambda: official(network, images, labels, norm))
    options: dict[str, Any] = {"eps": BALLS[norm], "norm": norm, "batch_size": 256}
    ours, found = seconds(lambda: auto_attack(network, images, labels, **options))
    parts, rest = {}, torch.ones(len(images), dtype=torch.bool)
    for name in VERSIONS["standard"]:
        rows = rest.nonzero()[:, 0]
        parts[name], records = seconds(
            lambda name=name, rows=rows: auto_attack(network, images[rows], labels[rows], attacks=(name,), **options)
        )
        rest[rows] = ~records.broken
    return {
        "pyautoattack_seconds": round(theirs, 2),
        "holdfast_seconds": round(ours, 2),
        "times_faster": round(theirs / ours, 2),
        "seconds_by_attack": {name: round(value, 2) for name, value in parts.items()},
        "equal_verdicts": int((left == ~found.broken).sum()),
        "left_pyautoattack": int(left.sum()),
        "left_holdfast": int((~found.broken).sum()),
        "images": len(images),
    }


def cycles(network: Any, images: torch.Tensor, labels: torch.Tensor, steps: int) -> dict[str, Any]:
    """PGD in linf with and without its stop at cycles: model calls a row and verdicts."""
    with torch.no_grad():
        right = network(images).argmax(1) == labels
    images, labels, counts, verdicts, spent = images[right], labels[right], {}, {}, {}
    for name, stops in (("stops", True), ("goes on", False)):
        asked = [0]

        def model(x: torch.Tensor, asked: list[int] = asked) -> torch.Tensor:
            asked[0] += len(x)
            return network(x)

        attack = Pgd(step_length=0.01, steps=steps, stop_at_cycles=stops)
        goal = untargeted(model, labels, log_odds)
        spent[name], found = seconds(
            lambda attack=attack, goal=goal: run(attack, goal, images, eps=8 / 255, batch_size=256, margins=False)
        )
        counts[name], verdicts[name] = asked[0], found.broken
    return {
        "steps": steps,
        "images": len(images),
        "left": int((~verdicts["stops"]).sum()),
        "equal_verdicts": int((verdicts["stops"] == verdicts["goes on"]).sum()),
        "passes": counts,
        "times_fewer_passes": round(counts["goes on"] / counts["stops"], 1),
        "times_faster": round(spent["goes on"] / spent["stops"], 1),
    }


def on_encoder(options: argparse.Namespace) -> tuple[Any, torch.Tensor, torch.Tensor]:
    """(classifier, images, labels): an encoder with a head fitted on 2,000 clean images, and test images."""
    encoder = load_encoder(options.encoder, layer=options.layer)
    train = load_images(options.data / "train.parquet", limit=2000)
    head = fit_probe(extract_features(encoder, train), train.known_labels(), classes=10)
    test = load_images(options.data / "test.parquet", limit=options.images)
    return classifier(features_of(encoder), head), test.floats(), test.known_labels()


def overhead(network: Any, images: torch.Tensor, labels: torch.Tensor, steps: int = 100) -> float:
    """Processor seconds of APGD on images that nothing breaks, over those of bare passes; best of five rounds."""
    images = images[:64]

    def model(x: torch.Tensor) -> torch.Tensor:
        return network(x)

    goal = replace(untargeted(model, labels[:64], log_odds), success=lambda outputs, _: outputs[:, 0] == torch.inf)

    def bare() -> None:
        for _ in range(steps + 1):
            point = images.clone().requires_grad_()
            torch.autograd.grad(log_odds(network(point), labels[:64]).sum(), point)

    attack = Apgd(harm="log_odds", steps=steps)
    rounds = [
        (seconds(lambda: run(attack, goal, images, eps=8 / 255, batch_size=64, margins=False))[0], seconds(bare)[0])
        for _ in range(5)
    ]
    return round(min(ours for ours, _ in rounds) / min(theirs for _, theirs in rounds), 3)


def main() -> None:
    """Measures, prints and writes."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--images", type=int, default=200)
    parser.add_argument("--norm", default="linf", choices=tuple(BALLS))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--pgd-steps", type=int, default=1000)
    parser.add_argument("--encoder")
    parser.add_argument("--layer", default="prefeature")
    parser.add_argument("--data", type=Path, default=Path("../shared/data/cifar10"))
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    network, (images, labels) = small_classifier(), faint_digits()
    images, labels = images[: options.images], labels[: options.images]
    found: dict[str, Any] = {"pgd": cycles(network, images, labels, options.pgd_steps)}
    print(json.dumps(found), flush=True)
    found["apgd_over_bare_passes"] = overhead(network, images, labels)
    print(json.dumps(found), flush=True)
    if options.encoder is not None:
        subject = on_encoder(options)
        found["encoder"] = {"apgd_over_bare_passes": overhead(*subject), "pgd": cycles(*subject, options.pgd_steps)}
        print(json.dumps(found), flush=True)
    found["ensemble"] = ensemble(network, images, labels, options.norm)
    settings = {"norm": options.norm, "threads": options.threads, "torch": str(torch.__version__)}
    print(json.dumps(found | settings, indent=1))
    if options.out is not None:
        options.out.write_text(json.dumps(found | settings, indent=1) + "\n")


if __name__ == "__main__":
    main()
