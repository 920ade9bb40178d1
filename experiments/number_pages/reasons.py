"""What speaks for a method and what against it, beside SimCLR at one budget: from results/families.json."""

from collections.abc import Iterator, Mapping
from typing import Any

from holdfast.settings import PURPOSES
from holdfast.statistics import share_difference
from number_pages.engine import Block, has, interval, number, results

BASE = "simclr"
SHARES = {
    "linear probe": ("quality", "linear_accuracy", "test_images"),
    "robust at 4/255": ("robustness", "robust_accuracy_4_255", "attack_images"),
}
"""Shares of images, by words: axis, score and the setting that says of how many."""
ATTACKED = 500
"""Images that the experiment attacks."""


def _differences(document: Mapping[str, Any], name: str) -> dict[str, tuple[float, float, float]]:
    """By words: percent less SimCLR's, mean over seeds that both have. Every seed is asked about the same images, so
    the interval is that of one seed's."""
    runs = document["runs"]
    seeds = sorted(set(runs[name]["seeds"]) & set(runs[BASE]["seeds"]))
    images = {"test_images": document["settings"]["test_images"], "attack_images": ATTACKED}
    found = {}
    for words, (axis, score, setting) in SHARES.items() if seeds else ():
        count = images[setting]
        mean = [
            sum(runs[one]["seeds"][seed]["axes"][axis][score]["value"] for seed in seeds) / len(seeds)
            for one in (name, BASE)
        ]
        first, second = (round(value * count / 100) for value in mean)
        found[words] = share_difference((first, second), (count, count))
    return found


def _word(low: float, high: float) -> str:
    return "higher" if low > 0 else "lower" if high < 0 else "no difference seen"


def _signed(difference: tuple[float, float, float]) -> str:
    value, low, high = difference
    return f"{'+' if value > 0 else ''}{number(value, 1)} {interval((low, high), 1)}"


def compared(document: Mapping[str, Any]) -> Iterator[tuple[str, str, dict[str, tuple[float, float, float]]]]:
    """(purpose, method, its differences) of every method that was measured, but SimCLR, in the order of purposes."""
    for purpose, heading in PURPOSES.items():
        for name, run in document["runs"].items():
            if run["purpose"] == purpose and name != BASE and (found := _differences(document, name)):
                yield heading, name, found


def table(document: Mapping[str, Any]) -> str:
    """A row for each method."""
    lines = [f"| for | method | {' | '.join(f'{words}, less SimCLR’s' for words in SHARES)} |", "|---|---|---|---|"]
    for heading, name, found in compared(document):
        cells = [f"{_signed(one)}: {_word(*one[1:])}" for one in found.values()]
        lines.append(f"| {heading} | `{name}` | {' | '.join(cells)} |")
    return "\n".join(lines)


def sentences(document: Mapping[str, Any]) -> str:
    """A line for each method, as `holdfast methods NAME` shows it."""
    lines = []
    for _, name, found in compared(document):
        parts = [f"{words} {_signed(one)} points ({_word(*one[1:])})" for words, one in found.items()]
        lines.append(f"- {name}: {'; '.join(parts)}")
    return "\n".join(lines)


def blocks() -> list[Block]:
    """The table of docs/which-method.md, and the lines that the command shows."""
    document = results("families") if has("families") else {"runs": {}, "settings": {}}
    measured = BASE in document["runs"]
    return [
        Block("docs/which-method.md", "reasons", table(document) if measured else "Not measured yet."),
        Block("src/holdfast/methods/measured.md", "reasons", sentences(document) if measured else "Not measured yet."),
    ]
