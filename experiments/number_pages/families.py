"""The table of docs/results.md: every method at one budget, by axis."""

from collections.abc import Mapping
from typing import Any

from holdfast.settings import PURPOSES
from number_pages.engine import Block, has, number, results, with_interval

COLUMNS = {
    "linear probe, %": ("quality", "linear_accuracy", 1),
    "rare classes, %": ("balance", "few", 1),
    "robust at 4/255, %": ("robustness", "robust_accuracy_4_255", 1),
    "invariance, whitened cosine": ("invariance", "whitened_cosine", 2),
    "memorization, centred": ("memorization", "centred_candidate", 3),
    "privacy, AUC": ("privacy", "auc_difference", 2),
}
"""By heading: axis, score and digits."""
_HEAD = [
    f"| | epochs | {' | '.join(COLUMNS)} | CPU s |",
    f"|---|---|{'---|' * len(COLUMNS)}---|",
]


def _score(score: Mapping[str, Any], digits: int) -> str:
    return with_interval(score, digits) if score["interval"] else number(score["value"], digits)


def _line(name: str, run: Mapping[str, Any]) -> str:
    """A method's row: seeds under one another."""
    seeds = [run["seeds"][seed] for seed in sorted(run["seeds"], key=int)]
    cells = [
        "<br>".join(_score(one["axes"][axis][score], digits) for one in seeds)
        for axis, score, digits in COLUMNS.values()
    ]
    seconds = number(sum(one["cpu_seconds"] for one in seeds) / len(seeds), 0)
    return f"| `{name}` | {run['epochs']} | {' | '.join(cells)} | {seconds} |"


def table(document: Mapping[str, Any]) -> str:
    """A row for each run, grouped by what methods are for."""
    lines = list(_HEAD)
    for purpose, heading in PURPOSES.items():
        found = [_line(name, run) for name, run in document["runs"].items() if run["purpose"] == purpose]
        lines += [f"| *{heading}* |{' |' * (len(COLUMNS) + 2)}", *found] if found else []
    return "\n".join(lines)


def families() -> Block:
    """The table between its marks."""
    inside = table(results("families")) if has("families") else "Not measured yet: 0 runs."
    return Block("docs/results.md", "families", inside)
