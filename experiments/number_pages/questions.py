"""What the small questions came to (experiments/questions.py and removal_cifar10.py), as claims of docs/results.md."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from number_pages.engine import Block, has, interval, number, results, spread
from power import seen_by_interval

Ends = Sequence[float]
LEAST_SEEDS = 3
"""Below so many a comparison is not shown."""


@dataclass(frozen=True)
class Claim:
    """A claim, what came, the verdict, and what it cost to know."""

    paper: str
    claim: str
    came: str
    verdict: str
    cost: str
    command: str


def above(ends: Ends, least: float = 0.0) -> str:
    """What an interval says of 'more than least'."""
    return "shown" if ends[0] > least else "refuted here" if ends[1] < least else "not decided"


@dataclass(frozen=True)
class Asked:
    """How the rows of a question are told: of which paper, what is claimed, and by which score it is decided."""

    paper: str
    claim: str
    decides: str
    shown: tuple[tuple[str, str], ...]
    verdicts: tuple[str, str]
    """Words for an interval above 0, and for one below."""


_TAIL = (("few", "few"), ("all", "all"))
_ATTACKED = (
    ("clean_accuracy", "clean"),
    ("robust_accuracy_4_255", "PGD-20 at 4/255"),
    ("robust_accuracy_8_255", "at 8/255"),
)
QUESTIONS = {
    "budgets": Asked(
        "SDCLR",
        "the gain on rare classes grows with training and with the prune ratio",
        "few",
        _TAIL,
        ("shown", "refuted here"),
    ),
    "head": Asked(
        "SDCLR", "part of the gain is the head's third layer", "few", _TAIL, ("it adds here", "it takes away here")
    ),
    "sdclr-0.9-head3 against simclr": Asked(
        "SDCLR",
        "the gain as published, with three layers in SDCLR's head and two in SimCLR's",
        "few",
        _TAIL,
        ("shown", "refuted here"),
    ),
    "leak": Asked(
        "CF-AMC-SSL",
        "robust EMP-SSL's numbers rest on gradients of attack steps that are never zeroed",
        "robust_accuracy_4_255",
        _ATTACKED,
        ("they help here", "they hurt here"),
    ),
    "leaking against cf-amc-ssl": Asked(
        "CF-AMC-SSL",
        "free training withstands at least what PGD training does, its authors' gradients included",
        "robust_accuracy_4_255",
        _ATTACKED,
        ("refuted here", "shown"),
    ),
}
"""By question, or by what is compared with what where that is a claim of its own."""


def rows(*questions: str) -> list[dict[str, Any]]:
    """Comparisons of these questions that have seeds enough."""
    found = results("questions")["compared"] if has("questions") else []
    return [one for one in found if one["question"] in questions and one["seeds"] >= LEAST_SEEDS]


def asked(*questions: str) -> Iterator[Claim]:
    """A claim for each comparison of these questions."""
    return (claim(one) for one in rows(*questions))


def claim(one: Mapping[str, Any]) -> Claim:
    """A comparison in words, its verdict read off the interval of the score that decides."""
    how = QUESTIONS.get(f"{one['arm']} against {one['against']}") or QUESTIONS[one["question"]]
    differences = [(words, one["differences"][name]) for name, words in how.shown]
    told = [f"{words} {_difference(d)}" for words, d in differences]
    decides = one["differences"][how.decides]
    name = dict(how.shown)[how.decides]
    cells = [row for row in results("questions")["cells"] if row["arm"] in (one["arm"], one["against"])]
    spent = [row["cpu_seconds"] for row in cells if row["epochs"] == one["epochs"]]
    verdict = "not decided" if decides["interval"] is None else above(decides["interval"])
    return Claim(
        how.paper,
        how.claim,
        f"{one['epochs']} epochs: {one['arm']} less {one['against']}, {'; '.join(told)}; a difference of "
        f"{number(decides['seen'], 1)} in {name} would have been seen in 4 of 5 tries",
        {"shown": how.verdicts[0], "refuted here": how.verdicts[1]}.get(verdict, verdict),
        f"{one['seeds']} seeds and splits; one core, {number(sum(spent) / len(spent) / 60, 1)} CPU minutes a run",
        "`python experiments/questions.py`",
    )


def _difference(found: Mapping[str, Any]) -> str:
    """A mean over seeds with its interval; seeds that agree to the digit have none."""
    value = number(found["value"], 1)
    return value if found["interval"] is None else f"{value} {interval(found['interval'], 1)}"


ARMS = {
    "robust-emp-ssl": "robust EMP-SSL (`pgd:5`), gradients of attack steps dropped",
    "leaking": "the same, kept as in the authors' code (`--adversary-gradients kept`)",
    "cf-amc-ssl": "CF-AMC-SSL (`free:3`)",
}


def leak() -> Block:
    """The table of docs/methods/cf_amc_ssl.md: what attack steps' gradients bring, means and deviations over seeds."""
    cells = results("questions")["cells"] if has("questions") else []
    lines = ["| | clean | PGD-20, 4/255 | PGD-20, 8/255 | seeds | CPU minutes |", "|---|---|---|---|---|---|"]
    for arm, title in ARMS.items():
        found = [row for row in cells if row["arm"] == arm]
        if len(found) >= LEAST_SEEDS:
            scores = [np.array([row["scores"][name] for row in found]) for name, _ in _ATTACKED]
            shown = " | ".join(spread(float(score.mean()), float(score.std()), 1) for score in scores)
            minutes = np.mean([row["cpu_seconds"] for row in found]) / 60
            lines.append(f"| {title} | {shown} | {len(found)} | {number(float(minutes), 1)} |")
    return Block("docs/methods/cf_amc_ssl.md", "leak", "\n".join(lines) if len(lines) > 2 else "Not measured yet.")


def removed() -> Iterator[Claim]:
    """SSLMem's headline: what is memorised serves other tasks."""
    if not has("removal_cifar10"):
        return
    document = results("removal_cifar10")
    top = next(row for row in document["removal"] if str(row["removed"]).startswith("top-"))
    told = []
    for name, words in (("downstream_linear_accuracy", "the other task"), ("linear_accuracy", "its own classes")):
        ends = top[f"{name}_beyond_low"], top[f"{name}_beyond_high"]
        told.append(f"{words} {number(top[f'{name}_beyond'], 2)} {interval(ends, 2)}")
    low, high = (top[f"downstream_linear_accuracy_beyond_{end}"] for end in ("low", "high"))
    settings, least = document["settings"], seen_by_interval((low, high), top["encoders"])
    yield Claim(
        "SSLMem",
        "removing memorised images costs other tasks more than removing drawn ones",
        f"SimCLR on {number(settings['images'], 0)} animals of CIFAR-10, without {top['images']} memorised ones less "
        f"without as many drawn ones, linear probe: {'; '.join(told)}; a difference of "
        f"{number(least, 2)} on the other task would have been seen in 4 of 5 tries",
        above((-high, -low)),
        f"{top['encoders']} pairs, one partition; one core, {number(document['cpu_seconds'] / 60, 0)} CPU minutes",
        "`python experiments/removal_cifar10.py`",
    )
