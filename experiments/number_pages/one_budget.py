"""Every method at one budget, by axis: the table of docs/results.md, and the rows of each method on its own page."""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from statistics import fmean, pstdev
from typing import Any

from families import plans
from holdfast.methods import METHODS, purpose_of
from holdfast.settings import PURPOSES
from number_pages.engine import Block, has, number, results, spread, with_interval

BASE = "simclr"
COLUMNS = {
    "linear probe, %": ("quality", "linear_accuracy", 1),
    "rare classes, %": ("balance", "few", 1),
    "robust at 4/255, %": ("robustness", "robust_accuracy_4_255", 1),
    "invariance, whitened cosine": ("invariance", "whitened_cosine", 2),
    "memorization, centred": ("memorization", "centred_candidate", 3),
    "privacy, AUC": ("privacy", "auc_difference", 2),
}
"""By heading: axis, score and digits."""
OTHERS: dict[str, tuple[str, ...]] = {
    "docs/holdfast-recipe.md": ("holdfast",),
    "docs/methods/cf_amc_ssl.md": ("cf-amc-ssl", "robust-emp-ssl", "simclr-adv", "simclr-free"),
    "docs/methods/invclr.md": ("simclr + invariance penalty",),
    "docs/methods/dcl.md": ("dclw",),
    "docs/methods/harmonization.md": ("gh",),
    "docs/methods/memory_augmentation.md": ("bcl-i", "bcl-d"),
    "docs/methods/reweighted_sam.md": ("rwsam",),
    "docs/methods/temperature_schedule.md": ("simclr + temperature schedule",),
    "docs/methods/transformation_coding.md": ("care",),
    "docs/methods/soft_equivariance.md": ("ser",),
    "docs/methods/acl.md": ("dynacl",),
    "docs/methods/strength_schedule.md": ("dynacl",),
    "docs/methods/weight_average.md": ("dynacl",),
    "docs/methods/lore.md": ("fare",),
}
"""By page: presets and parts that it tells of; a method stands on the page of its file."""
_HEAD = [
    f"| | epochs | {' | '.join(COLUMNS)} | CPU s |",
    f"|---|---|{'---|' * len(COLUMNS)}---|",
]


def pages() -> dict[str, tuple[str, ...]]:
    """By page: the rows that it shows."""
    own = {f"docs/methods/{method.__module__.rsplit('.', 1)[1]}.md": (name,) for name, method in METHODS.items()}
    return {page: own.get(page, ()) + OTHERS.get(page, ()) for page in own | OTHERS}


def seeds(run: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """What was found with each seed, in their order."""
    return [run["seeds"][seed] for seed in sorted(run["seeds"], key=int)]


def _score(score: Mapping[str, Any], digits: int) -> str:
    return with_interval(score, digits) if score["interval"] else number(score["value"], digits)


def cell(scores: Sequence[Mapping[str, Any]], digits: int) -> str:
    """A score of each seed with its interval, a line each; of several, mean and deviation over them stand above."""
    lines = [_score(score, digits) for score in scores]
    values = [score["value"] for score in scores]
    above = [f"**{spread(fmean(values), pstdev(values), digits)}**"] if len(values) > 1 else []
    return "<br>".join([*above, *lines])


def _line(name: str, run: Mapping[str, Any]) -> str:
    """A method's row."""
    found = seeds(run)
    cells = [cell([one["axes"][axis][score] for one in found], digits) for axis, score, digits in COLUMNS.values()]
    seconds = number(fmean(one["cpu_seconds"] for one in found), 0)
    return f"| `{name}` | {run['epochs']} | {' | '.join(cells)} | {seconds} |"


def grouped(document: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """(heading, runs by name) of each purpose that has runs, in the order of PURPOSES, as methods have them today."""
    known = {name: purpose_of(plan) for name, plan in plans().items()}
    for purpose, heading in PURPOSES.items():
        own = {name: run for name, run in document["runs"].items() if known.get(name, run["purpose"]) == purpose}
        if own:
            yield heading, own


def table(document: Mapping[str, Any]) -> str:
    """A row for each run, grouped by what methods are for."""
    lines = list(_HEAD)
    for heading, runs in grouped(document):
        lines += [f"| *{heading}* |{' |' * (len(COLUMNS) + 2)}", *(_line(name, run) for name, run in runs.items())]
    return "\n".join(lines)


def missing(document: Mapping[str, Any], names: Sequence[str]) -> str:
    """A sentence on what of these names is not measured; nothing where all is."""
    absent = [name for name in names if name not in document["runs"]]
    return f"Not measured yet, 0 runs: {', '.join(f'`{name}`' for name in absent)}." if absent else ""


def counted(document: Mapping[str, Any], names: Sequence[str]) -> str:
    """How many of these names have run, with how many seeds, on how many images."""
    runs = document["runs"]
    by_seeds = [len(runs[name]["seeds"]) for name in names if name in runs]
    several = sum(count > 1 for count in by_seeds)
    images = {seed: one["images"] for run in runs.values() for seed, one in run["seeds"].items()}
    said = ", ".join(f"{number(images[seed], 0)} with seed {seed}" for seed in sorted(images, key=int))
    head = f"{len(by_seeds)} of {len(names)} rows have run, {several} of them with more seeds than one."
    return f"{head} Training images: {said}." if images else head


def shown(document: Mapping[str, Any], page: str, names: Sequence[str]) -> str:
    """What a method's page has: its rows with SimCLR's above them, or that there are none."""
    absent = missing(document, names)
    rows = " ".join(shlex.quote(name) for name in names)
    command = f"`python experiments/families.py --only {rows}`"
    measured = [name for name in names if name in document["runs"]]
    if not measured:
        return f"{absent} {command} trains it beside the others."
    lines = [_line(name, document["runs"][name]) for name in dict.fromkeys((BASE, *measured))]
    results_page = "results.md" if page.count("/") == 1 else "../results.md"
    words = (
        f"Beside SimCLR with as many forward+backward passes of an image, a small ResNet on a long tail of CIFAR-10 "
        f"([all methods, and what was done]({results_page}#methods-by-axis)); brackets are 95 % intervals over test "
        f"images, a line a seed, and ± is over seeds. {command}"
    )
    return "\n\n".join(filter(None, ["\n".join([*_HEAD, *lines]), words, absent]))


def blocks() -> Iterator[Block]:
    """The table between its marks, and each page's part."""
    document = results("families") if has("families") else {"runs": {}}
    names = list(plans())
    said = [table(document), counted(document, names), missing(document, names)]
    yield Block("docs/results.md", "families", "\n\n".join(filter(None, said)))
    for page, own in pages().items():
        yield Block(page, "one budget", shown(document, page, own))
