"""Do attacks on one encoder say what pairs of encoders say? A pair study of digits, and both on its first encoder.

    python experiments/one_model.py [--epochs 24] [--out FOLDER]

Trains f and g by SimCLR on scikit-learn's digits, a quarter of which neither sees (external), a quarter of the rest
only f (candidates) and a quarter only g (independents): parts of one pool, exchangeable by construction. Measures
privacy on the pair, and the membership audit on f alone with what it saw (shared, candidates) as members and what it
did not (independents, external) as non-members; then on candidates against external images alone. Writes
results/one_model.json. About four minutes of one core.
"""

import argparse
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from holdfast.audits import audit, load_pairs
from holdfast.cli.demo import DIGITS
from holdfast.config import RunConfig
from holdfast.engine import train
from holdfast.findings import Finding
from holdfast.methods import SimCLRConfig
from holdfast.models import load_encoder
from holdfast.runs import write_json
from holdfast.studies import StudyConfig, run_study

RESULTS = Path(__file__).parent.parent / "results" / "one_model.json"
SHARE = 0.25


def study(folder: Path, epochs: int) -> Path:
    """The pair study's folder: f and g on digits without a tail, with large parts."""
    settings: dict[str, Any] = {**DIGITS, "long_tail": None, "holdout": 0}
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
    parser.add_argument("--out", type=Path, default=None, help="folder for the runs; a temporary one without")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        found = measured(study(options.out or Path(temporary), options.epochs))
    write_json(RESULTS, {"epochs": options.epochs, "data": "digits", "encoder": "timm/test_resnet", **found})
    for name, one in [("pairs", found["pairs"]), *((k, v["scores"]) for k, v in found["one_model"].items())]:
        print(name, {key: (round(s["value"], 3), s["interval"]) for key, s in one.items() if "auc" in key})


if __name__ == "__main__":
    main()
