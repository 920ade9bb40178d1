"""A hundredth of CIFAR-10 at equal passes: the speed recipe and its tricks off one by one, or methods side by side.

    python experiments/hundredth_cifar10.py speedrun|methods [--data FOLDER] [--images 500] [--passes 8000] [--seeds 2]

Trains a small ResNet on 500 training images, fits a linear probe on the frozen features of 2,000 others and asks it
about 2,000 held-out training images, by which settings are chosen, and about 2,000 test images, which decide nothing.
Prints a line for each run and writes results/hundredth_WHICH.json after each; a run that is there is not made again.
Time is the process's CPU time, which other work on the machine disturbs less.
"""

import argparse
import json
import logging
import statistics
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from gpu_steps.speedrun import MAIN, OTHER, plain, without
from gpu_steps.training import grown_epochs
from holdfast import RECIPES, Images, load_images
from holdfast.config import RunConfig
from holdfast.engine import loop
from holdfast.engine.checkpoint import Position
from holdfast.engine.session import environment, launch
from holdfast.engine.speed import memory_session
from holdfast.evaluation import extract_features, fit_probe
from holdfast.methods import SimCLRConfig, build
from holdfast.runs import write_json

RESULTS = Path(__file__).parent.parent / "results"
PROBED = 2000
ASKED = ("held_out", "test")
"""Training images that settings are chosen by, and test images."""
STEP_VIEWS = 256
"""Views of a step, whatever the method: the recipe's 2,048 would leave too few steps."""


def speedrun() -> dict[str, RunConfig]:
    """The recipe, its rivals, and the recipe without each of its tricks."""
    main = RECIPES[MAIN]()
    named = {"recipe": main, "EMP-SSL with the same tricks": RECIPES[OTHER](), "SimCLR without tricks": plain(main)}
    off = {f"without: {name}": config for name, config in without(main).items() if name != "views that never grow"}
    return named | off | {f"with: {name}": config for name, config in choices(main).items()}


def choices(config: RunConfig) -> dict[str, RunConfig]:
    """Other values of the recipe's settings, one at a time: what it was chosen among."""
    views = config.views
    return {
        "Muon at 0.02": replace(config, lr=0.02),
        "Muon at 0.1": replace(config, lr=0.1),
        "crops of a quarter": replace(config, views=replace(views, crop_min=0.25, crop_max=0.25)),
        "crops of 8 to 60 %": replace(config, views=replace(views, crop_min=0.08)),
        "eight views": replace(config, method=SimCLRConfig(view_count=8), epochs=config.epochs // 2),
        "temperature 0.5": replace(config, method=SimCLRConfig(view_count=4, temperature=0.5)),
        "a last quarter of full size": replace(config, views=replace(views, view_grow=0.25)),
    }


def methods() -> dict[str, RunConfig]:
    """Each method of two views with its recipe's settings, on the same small views."""
    names = ("dcl", "dclw", "renyicl", "fnc", "vicreg", "barlow-twins", "byol", "moco-v3")
    found = {"simclr": RECIPES["simclr/cifar10_lt"]()} | {name: RECIPES[f"{name}/cifar10"]() for name in names}
    views = RECIPES[MAIN]().views
    return {name: replace(config, views=views, long_tail=None, holdout=0) for name, config in found.items()}


WHICH = {"speedrun": speedrun, "methods": methods}


def sized(config: RunConfig, options: argparse.Namespace) -> RunConfig:
    """A run of so many passes on so many images."""
    config = replace(config, encoder=options.encoder, signals_every=0, checkpoint_steps=10**9, threads=options.threads)
    views = build(config, image_size=32).passes_per_image
    return replace(
        config, batch_size=STEP_VIEWS // views, epochs=max(1, round(options.passes / views / options.images))
    )


def images_of(options: argparse.Namespace) -> tuple[Images, Images, Images, Images]:
    """(trained on, probe fitted on, held out to choose by), training images all, and test images."""
    source, test = (str(Path(options.data) / f"{split}.parquet") for split in ("train", "test"))
    drawn = load_images(source, limit=options.images + 2 * PROBED, seed=7)
    order = torch.randperm(len(drawn), generator=torch.Generator().manual_seed(0))
    parts = order.split([options.images, PROBED, PROBED])
    first, second, third = (drawn.subset(part.sort().values) for part in parts)
    return first, second, third, load_images(test, limit=PROBED, seed=7)


def measured(config: RunConfig, parts: tuple[Images, Images, Images, Images]) -> dict[str, Any]:
    """Accuracy in percent of the probe on held-out training images and on test images, and what training took."""
    trained, fitted, *asked = parts
    with tempfile.TemporaryDirectory() as folder:
        session = memory_session(config, trained, Path(folder))
        start = time.process_time()
        loop.run(session, Position())
        seconds = time.process_time() - start
    encoder = session.method.encoder
    probe = fit_probe(extract_features(encoder, fitted), fitted.known_labels(), classes=10)
    found: dict[str, Any] = {}
    for name, images in zip(ASKED, asked, strict=True):
        right = probe.predict(extract_features(encoder, images)).cpu() == images.known_labels()
        found[name] = round(100 * float(right.double().mean()), 2)
    return {**found, "cpu_seconds": round(seconds, 1)}


def size_of(config: RunConfig, images: int) -> dict[str, Any]:
    """Passes, and their pixels against those of views of 32 by 32."""
    passes, grown = build(config, image_size=32).passes_per_image * images, grown_epochs(config)
    side = config.views.view_size or 32
    pixels = passes * ((config.epochs - grown) * (side / 32) ** 2 + grown)
    return {"epochs": config.epochs, "passes": passes * config.epochs, "passes_by_pixels": round(pixels)}


def main() -> None:
    """Trains, probes, prints and writes."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("which", choices=WHICH)
    parser.add_argument("--data", default="../shared/data/cifar10")
    parser.add_argument("--images", type=int, default=500)
    parser.add_argument("--passes", type=int, default=8000)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--encoder", default="timm/test_resnet")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
    settings = {name: value for name, value in vars(options).items() if name not in ("data", "seeds")}
    results = RESULTS / f"hundredth_{options.which}.json"
    document = json.loads(results.read_text()) if results.is_file() else {"settings": settings, "runs": {}}
    if document["settings"] != settings:
        parser.error(f"expected the settings of {results.name}, got others; move it away first")
    parts = images_of(options)
    for name, plan in WHICH[options.which]().items():
        for seed in range(options.seeds):
            config = replace(sized(plan, options), seed=seed)
            row = document["runs"].setdefault(name, {**size_of(config, options.images), "seeds": {}})
            if str(seed) not in row["seeds"]:
                row["seeds"][str(seed)] = measured(config, parts)
                print(f"{name:32} seed {seed}: {row['seeds'][str(seed)]}", flush=True)
                write(document, results)


def write(document: dict[str, Any], results: Path) -> None:
    """The numbers, with means over seeds and what they were measured on."""
    for row in document["runs"].values():
        for name in ASKED:
            row[name] = round(statistics.mean(each[name] for each in row["seeds"].values()), 2)
    facts = environment(launch(RECIPES[MAIN]()))
    document["environment"] = {name: facts[name] for name in ("device", "threads", "versions")}
    document["command"] = f"python experiments/hundredth_cifar10.py {document['settings']['which']}"
    document["data"] = (
        "CIFAR-10 (JPEG q75): 500 training images, a probe on 2,000 others, 2,000 held-out and 2,000 test"
    )
    write_json(results, document)


if __name__ == "__main__":
    main()
