"""The search for the holdfast recipe: its rows, beside what each aim is measured by, and the effect of each part."""

from collections.abc import Mapping
from typing import Any

from number_pages.engine import Block, has, number, results, with_interval

PAGE = "docs/holdfast-recipe.md"
COLUMNS = {
    "linear probe, %": ("quality", "linear_accuracy", 1),
    "rare classes, %": ("balance", "few", 1),
    "robust at 4/255, %": ("robustness", "robust_accuracy_4_255", 1),
    "whitened cosine": ("invariance", "whitened_cosine", 2),
    "memorization": ("memorization", "centred_candidate", 3),
}
"""By heading: axis, score and digits."""
BESIDE = ("simclr", "sdclr", "emp-ssl", "cf-amc-ssl", "simclr + invariance penalty")
"""Rows of families.json that stand beside the search's."""
EFFECTS = {
    "linear probe": 1,
    "rare classes": 1,
    "spread over classes": 1,
    "robust at 4/255": 1,
    "invariance": 3,
    "memorization": 4,
}
"""By measure of experiments/recipe.py: digits."""


def _cell(score: Mapping[str, Any], digits: int) -> str:
    return with_interval(score, digits) if score["interval"] else number(score["value"], digits)


def _line(name: str, run: Mapping[str, Any], met: str) -> str:
    seeds = [run["seeds"][seed] for seed in sorted(run["seeds"], key=int)]
    cells = [
        "<br>".join(_cell(one["axes"][axis][score], digits) for one in seeds)
        for axis, score, digits in COLUMNS.values()
    ]
    return f"| {name} | {run['passes_per_image']} | {' | '.join(cells)} | {met} |"


def table(document: Mapping[str, Any], others: Mapping[str, Any]) -> str:
    """The search's rows and those beside them, with the aims that each row meets."""
    lines = [f"| | passes | {' | '.join(COLUMNS)} | aims met |", f"|---|---|{'---|' * len(COLUMNS)}---|"]
    lines += [_line(f"`{name}`", others[name], "") for name in BESIDE if name in others]
    for name, run in document["runs"].items():
        found = document["aims"].get(name, {})
        met = [aim for aim, one in found.items() if one["met"]]
        lines.append(_line(name, run, f"{len(met)} of {len(found)}: {', '.join(met)}" if met else f"0 of {len(found)}"))
    return "\n".join(lines)


def effects(document: Mapping[str, Any]) -> str:
    """By measure, what each part adds."""
    found = document["effects"]
    parts = list(next(iter(found.values())))
    lines = [f"| effect on | {' | '.join(parts)} |", f"|---|{'---|' * len(parts)}"]
    for measure, digits in EFFECTS.items():
        lines.append(f"| {measure} | {' | '.join(number(found[measure][part], digits) for part in parts)} |")
    return "\n".join(lines)


def block() -> Block:
    """Both tables between their marks."""
    inside = "Not measured yet: 0 runs."
    if has("recipe"):
        document = results("recipe")
        inside = table(document, results("families")["runs"])
        inside += f"\n\n{effects(document)}" if document["effects"] else ""
    return Block(PAGE, "recipe", inside)
