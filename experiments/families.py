"""Every method at one budget of forward+backward passes on long-tailed CIFAR-10, measured on six axes.

    python experiments/families.py [--data FOLDER] [--seeds 2] [--passes 96] [--only NAME ...] [--minutes M] [--tiny]

Trains each of METHODS, and the presets and parts of PLANS, on the same images of a seed (some 1,500: an exponential
tail with ratio 100 drawn from 6,000) with a small ResNet and 96 passes of an image, whatever they are spent on: views,
replays, attack steps, a penalty. Then a pair of encoders for memorization and privacy, and the audits, whose probes are
fitted on the run's own images and asked about test images. Writes results/families.json after each run. What is there
is not made again, what was cut off goes on; --minutes starts nothing new after so long. About four minutes a row and
seed on one core.
"""

import argparse
import json
import logging
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from holdfast import audit, resume, train
from holdfast.audits import load_pairs
from holdfast.config import RunConfig
from holdfast.data import load_images, load_pool
from holdfast.engine.session import environment, launch
from holdfast.findings import Finding
from holdfast.methods import METHODS, PRESETS, build, default_config, name_of, purpose_of, with_settings
from holdfast.runs import RunFolder, write_json
from holdfast.studies import StudyConfig, run_study

RESULTS = Path(__file__).parent.parent / "results" / "families.json"
KEPT: dict[str, tuple[str, ...]] = {
    "quality": ("linear_accuracy", "knn_accuracy"),
    "balance": ("all", "many", "medium", "few", "std"),
    "robustness": ("clean_accuracy", "robust_accuracy_4_255"),
    "invariance": ("whitened_cosine", "accuracy_drop"),
    "memorization": ("centred_candidate", "ratio_candidate"),
    "privacy": ("auc_difference", "auc_cosine"),
}
"""By axis: scores that are kept; of invariance those of each transformation too."""
STEP_VIEWS = 256
"""Views of a step, whatever the method."""
NARROW: dict[str, Any] = {"prefeature_dim": 1024, "predictor_dim": 512, "prototypes": 512}
"""Widths of heads for so small a network; embeddings have at most 512 dimensions, EMP-SSL 8 views."""
PLANS: dict[str, dict[str, Any]] = {
    "simclr + temperature schedule": {"temperature_schedule": "cosine:16"},
    "simclr + invariance penalty": {"penalty": "invariance:0.1"},
}
"""Parts on SimCLR that no preset has here."""
TEACHER, TEACHERS = "simclr", {"dynacl++": "dynacl"}
"""Whose run of the same seed teaches, by student where it is not SimCLR's; its passes are its own row's."""
LEFT_OUT = ("invclr", "talos", "ts")
"""Presets that are no row of their own: InvCLR stands as the penalty's cheap form, TS with a period that fits the
budget; Talos needs a column to forget."""
AUDITING: dict[str, Any] = {
    "budget": "quick",
    "attack_eps": ("4/255",),
    "attack_images": 500,
    "square_images": 0,
    "auto_attack": "none",
    "drift_images": 0,
    "corruption_images": 0,
    "reference": False,
}


def plans() -> dict[str, RunConfig]:
    """What is trained, by name: every method, every preset, and PLANS."""
    names = [*METHODS, *(name for name in PRESETS if name not in METHODS and name not in LEFT_OUT)]
    return {name: default_config(name) for name in names} | {
        name: with_settings(default_config("simclr"), **parts) for name, parts in PLANS.items()
    }


def source(options: argparse.Namespace, part: str) -> str:
    """Where images of a part come from; --tiny takes digits, and a fifth of them as test images."""
    return "digits" if options.tiny else str(Path(options.data) / f"{part}.parquet")


def sized(config: RunConfig, options: argparse.Namespace, seed: int) -> RunConfig:
    """A plan on the images, network and budget that all share; optimisers other than SGD stay the method's own."""
    method = config.method
    own = {field.name for field in fields(method)}
    small = {name: value for name, value in NARROW.items() if name in own and getattr(method, name) > value}
    small |= {"head_dim": 512} if method.head_dim > 512 else {}
    small |= {"teacher": str(teacher_folder(config, options, seed))} if "teacher" in own else {}
    small |= {"view_count": 8} if getattr(method, "view_count", 2) > 8 else {}
    config = replace(
        config,
        method=replace(method, **small),
        data=source(options, "train"),
        limit=options.images,
        long_tail="exp:100",
        split=seed,
        seed=seed,
        image_size=32,
        encoder=options.encoder,
        stem="standard",
        precision="32",
        threads=options.threads,
        signals_every=0,
    )
    config = replace(config, lr=0.1, warmup_epochs=2) if config.optimizer == "sgd" else config
    made = build(config, image_size=32)
    epochs = max(1, round(options.passes / made.passes_per_image))
    return replace(config, batch_size=STEP_VIEWS // made.views_per_image, epochs=epochs)


def teacher_folder(config: RunConfig, options: argparse.Namespace, seed: int) -> Path:
    """Where the run lies that teaches a plan's students of a seed."""
    return Path(options.out) / TEACHERS.get(name_of(config), TEACHER) / str(seed)


def taught(plan: RunConfig, options: argparse.Namespace, seed: int) -> RunConfig:
    """A plan as `sized` has it; the run that teaches it is trained first, where there is one and it is missing."""
    folder = teacher_folder(plan, options, seed)
    if hasattr(plan.method, "teacher") and not RunFolder(folder).encoder.is_file():
        paired(sized(plans()[folder.parent.name], options, seed), folder)
    return sized(plan, options, seed)


def trained(config: RunConfig, folder: Path) -> RunFolder:
    """The run in a folder, trained as far as it still has to be."""
    start = time.process_time()
    run = resume(folder) if (folder / "config.json").is_file() else train(config, folder)
    if not (folder / "cpu_seconds.json").is_file():
        write_json(folder / "cpu_seconds.json", time.process_time() - start)
    return run


def paired(config: RunConfig, folder: Path) -> RunFolder:
    """The run in a folder and its pair of encoders, trained as far as they still have to be."""
    run = trained(config, folder)
    run_study(run, StudyConfig(pairs=1, external=0.2, candidates=0.2))
    return run


def measured(run: RunFolder, options: argparse.Namespace) -> dict[str, Any]:
    """Scores of each axis with their intervals; axes that are there are not measured again."""
    images = load_pool(json.loads(run.ids.read_text())).images
    test = None if options.tiny else load_images(source(options, "test"), limit=options.test_images, seed=7)
    left = [axis for axis in KEPT if not (run.findings / f"{axis}.json").is_file()]
    if left:
        pairs = load_pairs(run.path / "memorization")
        for finding in audit(run.path, images, test=test, axes=left, pairs=pairs, **AUDITING):
            finding.save(run.findings)
    found = {axis: Finding.load(run.findings / f"{axis}.json") for axis in KEPT}
    return {
        axis: {
            score.name: {"value": score.value, "interval": score.interval}
            for score in finding.scores
            if score.name.endswith(KEPT[axis]) and (axis == "invariance" or score.name in KEPT[axis])
        }
        for axis, finding in found.items()
    }


def row(config: RunConfig, images: int) -> dict[str, Any]:
    """What the table says of a plan beside its scores."""
    passes = build(config, image_size=32).passes_per_image
    return {
        "purpose": purpose_of(config),
        "epochs": config.epochs,
        "passes_per_image": passes * config.epochs,
        "passes": passes * config.epochs * images,
        "seeds": {},
    }


def one(name: str, seed: int, config: RunConfig, options: argparse.Namespace, document: dict[str, Any]) -> None:
    """Trains and measures a plan with a seed, and writes what was found."""
    folder = Path(options.out) / name.replace(" ", "_") / str(seed)
    run = paired(config, folder)
    images = len(json.loads(run.ids.read_text())["train"])
    entry = document["runs"].setdefault(name, row(config, images))
    cpu = json.loads((folder / "cpu_seconds.json").read_text())
    entry["seeds"][str(seed)] = {"cpu_seconds": round(cpu, 1), "images": images, "axes": measured(run, options)}
    found = entry["seeds"][str(seed)]["axes"]["quality"]["linear_accuracy"]["value"]
    print(f"{name:32} seed {seed}: {config.epochs} epochs, {cpu:.0f} CPU s, linear accuracy {found:.1f} %", flush=True)
    write_json(options.results, document)


def arguments(names: Sequence[str], results: Path, description: str) -> argparse.Namespace:
    """The command line of runs of these names; --tiny shrinks everything to seconds and writes beside the runs."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--data", default="../shared/data/cifar10")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--passes", type=int, default=96, help="forward+backward passes of an image")
    parser.add_argument("--images", type=int, default=6_000, help="images the tail is drawn from")
    parser.add_argument("--test-images", type=int, default=2000)
    parser.add_argument("--encoder", default="timm/test_resnet")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--only", nargs="+", help="names of runs; without it all")
    parser.add_argument("--minutes", type=float, help="start nothing new after so many")
    parser.add_argument("--tiny", action="store_true", help="two passes over digits, to see that all of it runs")
    parser.add_argument("--out", type=Path, default=Path("runs") / results.stem)
    parser.add_argument("--results", type=Path, default=results)
    options = parser.parse_args()
    if options.tiny:
        options.passes, options.images, options.test_images = 2, 1500, 100
        AUDITING.update(attack_images=20, attack_steps=2, shift_images=20)
        options.results = options.out / results.name
    unknown = sorted(set(options.only or ()) - set(names))
    if unknown:
        parser.error(f"expected names of {', '.join(names)}, got {', '.join(unknown)}")
    return options


def main() -> None:
    """All plans with one seed, then with the next, so that a first table stands early."""
    options = arguments(list(plans()), RESULTS, (__doc__ or "").splitlines()[0])
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
    document = opened(options)
    for name, seed, plan in left(plans(), options, document):
        one(name, seed, taught(plan, options, seed), options, document)


def left(
    every: Mapping[str, RunConfig], options: argparse.Namespace, document: Mapping[str, Any]
) -> Iterator[tuple[str, int, RunConfig]]:
    """(name, seed, plan) of what is asked for and not measured yet, until --minutes are over."""
    start = time.monotonic()
    for seed in range(options.seeds):
        for name, plan in every.items():
            if name not in (options.only or (name,)) or str(seed) in document["runs"].get(name, {}).get("seeds", {}):
                continue
            if options.minutes is not None and time.monotonic() - start > 60 * options.minutes:
                print(f"{options.minutes:g} minutes are over; the same command goes on")
                return
            yield name, seed, plan


def opened(options: argparse.Namespace, command: str = "python experiments/families.py") -> dict[str, Any]:
    """The results so far. Ends the program where they are of other settings."""
    asked = ("passes", "images", "test_images", "encoder", "threads")
    settings = {name: getattr(options, name) for name in asked}
    document: dict[str, Any] = {"settings": settings, "runs": {}}
    if options.results.is_file():
        document = json.loads(options.results.read_text())
        if document["settings"] != settings:
            sys.exit(f"expected the settings of {options.results.name}, got others; move it away first")
    facts = environment(launch(RunConfig(method=METHODS["simclr"].Config(), threads=options.threads)))
    document["environment"] = {name: facts[name] for name in ("device", "threads", "versions")}
    document["data"] = "CIFAR-10 (JPEG q75), an exponential long tail with ratio 100"
    document["command"] = command
    return document


if __name__ == "__main__":
    main()
