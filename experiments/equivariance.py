"""Do features follow what is done to an image: of methods that ask it of them, in a middle layer and at the end.

    python experiments/equivariance.py [--data FOLDER] [--seeds 2] [--only NAME ...] [--minutes M] [--tiny]

Trains each of PLANS as families.py does: the same images of a seed, network and passes. The equivariance audit asks
two layers of each, and of an encoder that was not trained: the map that SER's term is of, place by place, and the
features that audits see. Writes results/equivariance.json after each encoder; one that is there is not made again, one
that was cut off goes on, and `--out runs/families` takes those that families.py has trained. Two minutes an encoder on
one core.
"""

import argparse
import json
import logging
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from families import arguments, left, opened, plans, row, sized, source, trained
from holdfast import audit, load_encoder
from holdfast.config import RunConfig
from holdfast.data import Images, load_images, load_pool
from holdfast.methods import SERConfig, fresh_encoder, with_settings
from holdfast.models import Encoder, feature_map
from holdfast.runs import RunFolder, write_json

RESULTS = Path(__file__).parent.parent / "results" / "equivariance.json"
NAMES = ("simclr", "moco-v3", "ser", "care", "gdt")
MANY = "ser, a quarter of a batch"
"""SER as it is takes the term of two images of so small a batch; the paper's batch of 4,096 has 41 of them."""
UNTRAINED = "not trained"
LAYER = SERConfig().soft_equivariance_layer
KEPT = ("r2", "gain", "moved", "permuted", "decoded", "decoded_margin")


class Places(nn.Module):
    """A middle layer's map of an encoder, place by place: images [n, 3, h, w] to [n, channels * places]."""

    def __init__(self, encoder: Encoder):
        super().__init__()
        self.encoder = encoder

    def forward(self, images: Tensor) -> Tensor:
        return feature_map(self.encoder, images, layer=LAYER).flatten(1)


def compared() -> dict[str, RunConfig]:
    """What is trained, by name: plans of families.py, and SER with its term of more images."""
    every = plans()
    return {name: every[name] for name in NAMES} | {MANY: with_settings(every["ser"], soft_equivariance_share=0.25)}


def asked(encoder: nn.Module, images: Images, test: Images | None) -> dict[str, dict[str, Any]]:
    """By layer: the scores of the audit with their intervals."""
    found = {}
    for layer, module in {"middle": Places(encoder), "end": encoder}.items():  # type: ignore[arg-type]
        (finding,) = audit(module, images, test=test, axes=["equivariance"], shift_images=1000, reference=False)
        found[layer] = {
            score.name: {"value": score.value, "interval": score.interval}
            for score in finding.scores
            if score.name.split("_", 1)[-1] in KEPT
        } | {"directions": finding.settings["fitted_directions"]}
    return found


def one(name: str, seed: int, config: RunConfig, options: argparse.Namespace, document: dict[str, Any]) -> None:
    """Trains an encoder and asks it, and writes what was found."""
    run = trained(config, Path(options.out) / name.replace(" ", "_") / str(seed))
    ids = json.loads(run.ids.read_text())
    images, test = pools(run, options)
    document["runs"].setdefault(name, row(config, len(ids["train"])))
    cpu = json.loads((run.path / "cpu_seconds.json").read_text())
    keep(document, name, seed, {"cpu_seconds": round(cpu, 1)} | asked(load_encoder(run.path), images, test))
    if str(seed) not in document["runs"].get(UNTRAINED, {}).get("seeds", {}):
        document["runs"].setdefault(UNTRAINED, {"epochs": 0, "passes_per_image": 0, "passes": 0, "seeds": {}})
        assert config.image_size is not None, "sized gives every plan a size"
        fresh = fresh_encoder(config, image_size=config.image_size)
        keep(document, UNTRAINED, seed, {"cpu_seconds": 0.0} | asked(fresh, images, test))
    write_json(options.results, document)


def pools(run: RunFolder, options: argparse.Namespace) -> tuple[Images, Images | None]:
    """The images that a run's tail is drawn from, which maps are fitted on, and test images; --tiny has none."""
    images = load_pool(json.loads(run.ids.read_text())).images
    return images, None if options.tiny else load_images(source(options, "test"), limit=options.test_images, seed=7)


def keep(document: dict[str, Any], name: str, seed: int, found: dict[str, Any]) -> None:
    """Puts what was found into the document, and prints a line."""
    document["runs"][name]["seeds"][str(seed)] = found
    means = ", ".join(f"{layer} {found[layer]['r2']['value']:.2f}" for layer in ("middle", "end"))
    print(f"{name:28} seed {seed}: {found['cpu_seconds']:.0f} CPU s, mean R² {means}", flush=True)


def main() -> None:
    """All plans with one seed, then with the next."""
    options = arguments(list(compared()), RESULTS, (__doc__ or "").splitlines()[0])
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
    torch.set_num_threads(options.threads)
    document = opened(options, "python experiments/equivariance.py")
    for name, seed, plan in left(compared(), options, document):
        one(name, seed, sized(plan, options, seed), options, document)


if __name__ == "__main__":
    main()
