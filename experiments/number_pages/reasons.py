"""What speaks for a method and what against it, beside SimCLR at one budget: from results/families.json."""

from collections.abc import Iterator, Mapping, Sequence
from statistics import fmean
from typing import Any, NamedTuple

from families import plans
from holdfast.statistics import ends_difference
from number_pages.engine import Block, has, interval, number, results
from number_pages.one_budget import BASE, grouped, missing


class Difference(NamedTuple):
    """A method's score less SimCLR's: the mean over seeds with the ends of its interval, and what each seed gave."""

    value: float
    low: float
    high: float
    by_seed: tuple[float, ...] = ()


ASKED = {
    "linear probe": ("quality", "linear_accuracy", 1),
    "rare classes": ("balance", "few", 1),
    "robust at 4/255": ("robustness", "robust_accuracy_4_255", 1),
    "whitened cosine": ("invariance", "whitened_cosine", 2),
}
"""What is compared, by words: axis, score and digits; percent, and a cosine."""


STAND_FOR = {"simclr + invariance penalty": "invclr", "simclr + temperature schedule": "ts"}
"""Rows that say of a preset what can be said at so small a budget."""


def _mean_ends(runs: Sequence[Mapping[str, Any]], axis: str, score: str) -> tuple[float, float, float]:
    """Mean over seeds of a score and of each end. Every seed is asked about the same images: more of them make no
    narrower interval."""
    found = [run["axes"][axis][score] for run in runs]
    low, high = (fmean(one["interval"][end] for one in found) for end in (0, 1))
    return fmean(one["value"] for one in found), low, high


def _differences(document: Mapping[str, Any], name: str) -> dict[str, Difference]:
    """By words: a method's less SimCLR's, means over the seeds that both have."""
    runs = document["runs"]
    seeds = sorted(set(runs[name]["seeds"]) & set(runs[BASE]["seeds"]))
    if not seeds:
        return {}
    pairs = [[runs[one]["seeds"][seed] for seed in seeds] for one in (name, BASE)]
    return {words: _difference(pairs, axis, score) for words, (axis, score, _) in ASKED.items()}


def _difference(pairs: Sequence[Sequence[Mapping[str, Any]]], axis: str, score: str) -> Difference:
    own, base = ([run["axes"][axis][score]["value"] for run in runs] for runs in pairs)
    ends = ends_difference(*(_mean_ends(runs, axis, score) for runs in pairs))
    return Difference(*ends, by_seed=tuple(one - other for one, other in zip(own, base, strict=True)))


def word(words: str, difference: Difference) -> str:
    """What the ends say, as they are written: one that is written as 0 tells nothing. Where a seed says the opposite,
    or nothing, that is said as well."""
    digits = ASKED[words][2]
    low, high = round(difference.low, digits), round(difference.high, digits)
    if low <= 0 <= high:
        return "no difference seen"
    side, sign = ("higher", 1) if low > 0 else ("lower", -1)
    every = all(sign * round(one, digits) > 0 for one in difference.by_seed)
    return side if every else f"{side}, but not with every seed"


def _signed(words: str, difference: Difference) -> str:
    digits = ASKED[words][2]
    return f"{_plus(difference.value, digits)} {interval((difference.low, difference.high), digits)}"


def _plus(value: float, digits: int) -> str:
    return f"{'+' if value > 0 else ''}{number(value, digits)}"


def _seeds(words: str, difference: Difference) -> str:
    """What each of several seeds gave."""
    several = len(difference.by_seed) > 1
    return f" ({', '.join(_plus(one, ASKED[words][2]) for one in difference.by_seed)})" if several else ""


def compared(document: Mapping[str, Any]) -> Iterator[tuple[str, str, dict[str, Difference]]]:
    """(purpose, method, its differences) of every method that was measured, but SimCLR, in the order of purposes."""
    for heading, runs in grouped(document):
        for name in runs:
            if name != BASE and (found := _differences(document, name)):
                yield heading, name, found


def table(document: Mapping[str, Any]) -> str:
    """A row for each method."""
    lines = [f"| for | method | {' | '.join(f'{words}, less SimCLR’s' for words in ASKED)} |"]
    lines.append(f"|---|---|{'---|' * len(ASKED)}")
    for heading, name, found in compared(document):
        cells = [f"{_signed(words, one)}{_seeds(words, one)}: {word(words, one)}" for words, one in found.items()]
        lines.append(f"| {heading} | `{name}` | {' | '.join(cells)} |")
    return "\n".join(lines)


def sentences(document: Mapping[str, Any]) -> str:
    """A line for each method, as `holdfast methods NAME` shows it."""
    lines = []
    for _, name, found in compared(document):
        parts = [f"{words} {_signed(words, one)} ({word(words, one)})" for words, one in found.items()]
        lines.append(f"- {name}: {'; '.join(parts)}")
        lines += [f"- {STAND_FOR[name]}: as {name}, {'; '.join(parts)}"] if name in STAND_FOR else []
    return "\n".join(lines)


def blocks() -> list[Block]:
    """The table of docs/which-method.md, and the lines that the command shows."""
    document = results("families") if has("families") else {"runs": {}, "settings": {}}
    measured = BASE in document["runs"]
    told = "\n\n".join(filter(None, [table(document), missing(document, list(plans()))])) if measured else ""
    return [
        Block("docs/which-method.md", "reasons", told or "Not measured yet."),
        Block("src/holdfast/methods/measured.md", "reasons", sentences(document) if measured else "Not measured yet."),
    ]
