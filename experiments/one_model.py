"""Do attacks on one encoder say what pairs of encoders say? A pair study of digits, and both on its first encoder.

    python experiments/one_model.py [--epochs 24] [--out FOLDER]
    python experiments/one_model.py --data CIFAR10.parquet --epochs 120

Trains f and g by SimCLR on digits, or on 1,600 images of CIFAR-10 for many epochs, in search of something
that is learnt by heart. A quarter neither sees (external), a quarter of the rest only f (candidates) and a quarter only
g (independents): parts of one pool, exchangeable by construction. Measures privacy on the pair, and the membership
audit on f alone with what it saw (shared, candidates) as members and what it did not (independents, external) as
non-members; then on candidates against external images alone. Writes results/one_model.json, or
one_model_cifar10.json. About four minutes of one core each.
"""

import argparse
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from holdfast.audits import audit, load_pairs
from holdfast.cli.demo import DIGITS
from holdfast.config import RunConfig, ViewSettings
from holdfast.engine import train
from holdfast.findings import Finding
from holdfast.methods import SimCLRConfig
from holdfast.models import load_encoder
from holdfast.runs import write_json
from holdfast.studies import StudyConfig, run_study

RESULTS = Path(__file__).parent.parent / "results"
SHARE = 0.25
FEW: dict[str, Any] = {"limit": 1600, "image_size": 32, "stem": "standard", "batch_size": 128, "lr": 0.3}
"""CIFAR-10, few images: f sees 900 of them."""


def study(folder: Path, epochs: int, data: str | None) -> Path:
    """The pair study's folder: f and g on images without a tail, with large parts."""
    own = DIGITS if data is None else {**FEW, "data": data, "views": ViewSettings(crop_min=0.3)}
    settings: dict[str, Any] = {**own, "long_tail": None, "holdout": 0}
    config = RunConfig(method=SimCLRConfig(), **settings, encoder="timm/test_resnet", epochs=1, precision="32")
    if not (folder / "run" / "encoder.safetensors").is_file():
        train(config, folder / "run")
    return run_study(folder / "run", StudyConfig(pairs=1, epochs=epochs, external=SHARE, candidates=SHARE))


def measured(folder: Path) -> dict[str, Any]:
    """Both audits' scores, by what they are of."""
    pairs = load_pairs(folder)
    f = load_encoder(folder / "pair-0" / "f")
    images, parts = pairs.images, {name: torch.as_tensor(ids) for name, ids in pairs.parts.items()}
    (privacy,) = audit(f, images, axes="privacy", pairs=pairs)
    sets = {
        "seen against unseen": (["shared", "candidate"], ["independent", "external"]),
        "candidates against external": (["candidate"], ["external"]),
    }
    found = {"pairs": scores(privacy), "parts": {name: len(ids) for name, ids in parts.items()}, "one_model": {}}
    for name, chosen in sets.items():
        members, others = (images.select(torch.cat([parts[part] for part in side])) for side in chosen)
        (one,) = audit(f, images, axes="membership", members=members, non_members=others)
        facts = {key: one.settings[key] for key in ("member_images", "non_member_images", "judged", "shift")}
        found["one_model"][name] = {"scores": scores(one), **facts}
    return found


def scores(finding: Finding) -> dict[str, Mapping[str, Any]]:
    """Value and interval by score."""
    return {score.name: {"value": score.value, "interval": score.interval} for score in finding.scores}


def main() -> None:
    """Trains, measures, prints and writes."""
    parser = argparse.ArgumentParser(description="One encoder's membership beside its pair's privacy.")
    parser.add_argument("--epochs", type=int, default=24)
    parser.add_argument("--data", default=None, help="CIFAR-10's training images as parquet; digits without")
    parser.add_argument("--out", type=Path, default=None, help="folder for the runs; a temporary one without")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        found = measured(study(options.out or Path(temporary), options.epochs, options.data))
    kind, file = ("digits", "one_model") if options.data is None else ("CIFAR-10", "one_model_cifar10")
    facts = {"epochs": options.epochs, "data": kind, "encoder": "timm/test_resnet"}
    write_json(RESULTS / f"{file}.json", facts | found)
    for name, one in [("pairs", found["pairs"]), *((k, v["scores"]) for k, v in found["one_model"].items())]:
        print(name, {key: (round(s["value"], 3), s["interval"]) for key, s in one.items() if "auc" in key})


if __name__ == "__main__":
    main()
