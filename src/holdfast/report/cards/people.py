"""What a model card says to people beside the numbers: what the encoder is for, where it ends, of what it was made."""

from collections.abc import Mapping
from typing import Any

from holdfast.report.wording import OWN_ATTACKS, joined, method_name, printable, seen_in_training

METHOD_PAPERS = {
    "simclr": "2002.05709",
    "sdclr": "2106.02990",
    "emp-ssl": "2304.03977",
    "dcl": "2110.06848",
    "renyicl": "2208.06270",
    "fnc": "2207.10862",
    "vicreg": "2105.04906",
    "barlow-twins": "2103.03230",
    "byol": "2006.07733",
    "moco-v3": "2104.02057",
    "dino": "2104.14294",
    "rocl": "2006.07589",
    "acl": "2010.13337",
    "deacl": "2207.10899",
    "profeat": "2406.05796",
    "lore": "2505.18884",
    "dynacl++": "2303.01289",
    "gdt": "2003.04298",
}
"""arXiv id of each method of METHODS; the report imports no torch, so it cannot ask the method."""
PART_PAPERS = {"adversary": "2501.03507", "penalty": "2010.09515", "strength_schedule": "2303.01289"}
PART_PAPERS |= {"harmonize": "2310.17622", "memory_augment": "2205.12693", "sharpness": "2110.05025"}
PART_PAPERS |= {"forget": "2102.04140", "equivariance": "2202.10930", "soft_equivariance": "2603.06693"}
PART_PAPERS |= {"temperature_schedule": "2303.13664", "weight_average": "1703.01780"}
"""arXiv id of what wraps a method, by the setting that asks for it."""


def intended_use(document: Mapping[str, Any]) -> list[str]:
    """What the encoder can be used for, and what not without more."""
    return [
        "Features of images like those it was trained on, for search, clustering, and a classifier on top. It is no "
        "classifier by itself. Measure it on images of your own before anything depends on it.",
    ]


def limits(document: Mapping[str, Any]) -> list[str]:
    """Where the numbers end: images, classes without test images, axes that nobody measured, a single training."""
    axes = document["axes"]
    tested = {str(axis["settings"]["test"]) for axis in axes if axis["settings"].get("test")}
    untested = {name for axis in axes for name in axis["settings"].get("classes_without_test") or ()}
    seen = dict.fromkeys(said for axis in axes if (said := seen_in_training(axis["settings"])))
    missing = [printable(one["axis"]) for one in document["not_measured"]]
    said = [f"The numbers are of {joined(sorted(tested))}: of other images they say nothing."] if tested else []
    said += seen
    if untested:
        said.append(f"No test images of {joined(sorted(untested))}: of these classes nothing is known.")
    if missing:
        said.append(f"Not measured: {joined(missing)}.")
    if document["training"]:
        said.append("Trained once: another seed gives other numbers, by more than the intervals over test images say.")
    return said


def training_data(document: Mapping[str, Any]) -> list[str]:
    """What it was trained on."""
    training = document["training"]
    if not training:
        return ["Not trained with holdfast: see where the weights come from."]
    drawn = {"long_tail": "with the long tail {}", "limit": "a draw of {} images"}
    more = [words.format(training[name]) for name, words in drawn.items() if training.get(name)]
    start = f"; its first weights were {training['init']}" if training.get("init") else ""
    said = f"Trained on {', '.join([str(training['data']), *more])}, without labels{start}."
    return [said, "Whether these images may be used, and whom they show, is for you to say here."]


def citation(document: Mapping[str, Any]) -> list[str]:
    """What to cite: this package and the papers of what was trained."""
    training = document["training"] or {}
    named = method_name(training) if training else ""
    papers = ["2402.12336" if named == "FARE" else METHOD_PAPERS.get(str(training.get("method")))]
    own_attack = "adversary" if training.get("method") in OWN_ATTACKS else None
    papers += [paper for name, paper in PART_PAPERS.items() if training.get(name) and name != own_attack]
    links = [f"https://arxiv.org/abs/{paper}" for paper in papers if paper]
    of = f" and {named} ({', '.join(links)})" if links else ""
    return [f"Please cite holdfast {document['holdfast']} (its CITATION.cff){of}."]
