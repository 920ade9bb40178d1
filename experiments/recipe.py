"""The holdfast recipe: which strengths of its parts, and what they cost each other, at one budget of passes.

    python experiments/recipe.py [--data FOLDER] [--seeds 1] [--only NAME ...] [--minutes M] [--tiny]

Pruned twin (0 or 0.5), crops (4 or 8), free adversary (none or 3 replays) and invariance penalty (none or 0.1): eight
of the sixteen combinations, a half fraction in which the penalty is on where an odd number of the others is (so each
main effect is clear of the others and of every pair). Each run is a row as in experiments/families.py: its images,
network, 96 passes of an image, audits and pair of encoders, so rows compare with those of results/families.json.
Writes results/recipe.json: rows, the effect of each part on each axis (mean of the four runs with it less that of the
four without), and for each row which of the four aims it meets beside SDCLR, CF-AMC-SSL, SimCLR with the penalty and
SimCLR of the same seed. About four CPU minutes a row and seed.
"""

import json
import logging
import time
from collections.abc import Mapping
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np

import families
from holdfast.config import RunConfig
from holdfast.methods import default_config, with_settings
from holdfast.runs import write_json

RESULTS = families.RESULTS.parent / "recipe.json"
LEVELS: dict[str, tuple[Any, Any]] = {
    "twin": (0.0, 0.5),
    "crops": (4, 8),
    "adversary": (None, "free:3"),
    "penalty": (None, "invariance:0.1"),
}
"""What each part is set to, off and on."""
MEASURES = {
    "linear probe": ("quality", "linear_accuracy"),
    "rare classes": ("balance", "few"),
    "spread over classes": ("balance", "std"),
    "robust at 4/255": ("robustness", "robust_accuracy_4_255"),
    "invariance": ("invariance", "whitened_cosine"),
    "memorization": ("memorization", "centred_candidate"),
}
AIMS = {
    "balance": ("rare classes", "sdclr", 1),
    "robustness": ("robust at 4/255", "cf-amc-ssl", 1),
    "invariance": ("invariance", "simclr + invariance penalty", 1),
    "memorization": ("memorization", "simclr", -1),
}
"""By aim: the measure, the row of families.json that it should be no worse than, and 1 where more is better."""


def design() -> list[dict[str, int]]:
    """Levels 0 and 1 of each part in each of the eight runs."""
    names = list(LEVELS)
    return [dict(zip(names, (*three, sum(three) % 2), strict=True)) for three in product((0, 1), repeat=len(names) - 1)]


def name_of_run(levels: Mapping[str, int]) -> str:
    """'twin 0.5, crops 8, adversary free:3'; parts that are off are left out, crops never."""
    chosen = {part: LEVELS[part][level] for part, level in levels.items()}
    return ", ".join(f"{part} {value}" for part, value in chosen.items() if value)


def plan(levels: Mapping[str, int]) -> RunConfig:
    """The preset with its parts at these levels."""
    chosen = {part: LEVELS[part][level] for part, level in levels.items()}
    config = with_settings(default_config("holdfast"), adversary=chosen["adversary"], penalty=chosen["penalty"])
    method = replace(config.method, prune_ratio=chosen["twin"], view_count=chosen["crops"])
    return replace(config, method=method)


def value(row: Mapping[str, Any], measure: str) -> float:
    """Mean over the seeds of a row of one of MEASURES."""
    axis, score = MEASURES[measure]
    return float(np.mean([seed["axes"][axis][score]["value"] for seed in row["seeds"].values()]))


def effects(runs: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    """By measure and part: mean of the runs with the part less that of those without; empty before all eight ran.

    Beside them "pairs of parts": the root mean square of the three contrasts that no part alone explains, in each of
    which the interplays of two pairs of parts and the luck of the runs add up: an effect of that size may be either.
    """
    named = {name_of_run(levels): levels for levels in design()}
    if not named.keys() <= runs.keys():
        return {}
    found = {}
    for measure in MEASURES:
        values = np.array([value(runs[name], measure) for name in named])
        signs = {part: np.array([2 * levels[part] - 1 for levels in named.values()]) for part in LEVELS}
        first, *others = signs.values()
        pairs = [float(values @ (first * other)) / 4 for other in others]
        found[measure] = {part: float(values @ sign) / 4 for part, sign in signs.items()}
        found[measure]["pairs of parts"] = float(np.sqrt(np.mean(np.square(pairs))))
    return found


def aims(runs: Mapping[str, Any], others: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """By run and aim: its value, the other's, and whether it is no worse; aims whose other has not run are left out."""
    return {
        name: {
            aim: {
                "value": value(row, measure),
                "other": value(others[other], measure),
                "met": sign * (value(row, measure) - value(others[other], measure)) >= 0,
            }
            for aim, (measure, other, sign) in AIMS.items()
            if other in others
        }
        for name, row in runs.items()
    }


def read_off(runs: Mapping[str, Any], others: Mapping[str, Any]) -> dict[str, Any]:
    """What the rows say beside each other and beside the methods that ran by now."""
    return {"effects": effects(runs), "aims": aims(runs, others)}


def main() -> None:
    """The eight runs with one seed, then with the next."""
    names = [name_of_run(levels) for levels in design()]
    options = families.arguments(names, RESULTS, (__doc__ or "").splitlines()[0])
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
    document, start = families.opened(options), time.monotonic()
    document["command"] = "python experiments/recipe.py"
    others = json.loads(families.RESULTS.read_text())["runs"] if families.RESULTS.is_file() else {}
    for seed in range(options.seeds):
        for levels in design():
            name = name_of_run(levels)
            if name not in (options.only or (name,)) or str(seed) in document["runs"].get(name, {}).get("seeds", {}):
                continue
            if options.minutes is not None and time.monotonic() - start > 60 * options.minutes:
                print(f"{options.minutes:g} minutes are over; the same command goes on")
                return
            families.one(name, seed, families.sized(plan(levels), options, seed), options, document)
            document |= read_off(document["runs"], others)
            write_json(options.results, document)
    write_json(options.results, document | read_off(document["runs"], others))


if __name__ == "__main__":
    main()
