"""The six axes: for each the one number that stands at the top of the page, what it means and what measures it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from holdfast.findings import Finding
from holdfast.report.axes.numbers import Number, kept, membership, ratio_above_null, score


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One way to sum an axis up; an axis has several, the best first."""

    name: str
    """Of the limit."""
    label: str
    unit: str
    better: Literal["higher", "lower", "neither"]
    range: tuple[float | None, float | None]
    meaning: str
    of: Callable[[Finding], Number | None]


@dataclass(frozen=True, kw_only=True)
class Axis:
    """An audit as the page shows it."""

    audit: str
    title: str
    question: str
    kinds: Sequence[Kind]
    command: str
    """What measures it; RUN stands for the encoder."""


_PERCENT = (0.0, 100.0)

AXES = (
    Axis(
        audit="quality",
        title="Quality",
        question="Are the features good in general?",
        command="holdfast audit RUN --axes quality",
        kinds=(
            Kind(
                name="linear_accuracy",
                label="Linear accuracy",
                unit="percent",
                better="higher",
                range=_PERCENT,
                meaning="Test images whose class a linear classifier reads off the frozen features.",
                of=score("linear_accuracy"),
            ),
            Kind(
                name="effective_rank",
                label="Effective rank",
                unit="count",
                better="higher",
                range=(0.0, None),
                meaning="How many dimensions the features use; without labels there is no accuracy.",
                of=score("effective_rank"),
            ),
        ),
    ),
    Axis(
        audit="balance",
        title="Balance",
        question="Are rare classes served as well as frequent ones?",
        command="holdfast audit RUN --axes balance",
        kinds=(
            Kind(
                name="std",
                label="Spread between groups (Std)",
                unit="percent",
                better="lower",
                range=(0.0, 50.0),
                meaning="How far apart the accuracies of frequent, medium and rare classes lie; 0 serves all alike.",
                of=score("std"),
            ),
            Kind(
                name="worst_class",
                label="Worst class",
                unit="percent",
                better="higher",
                range=_PERCENT,
                meaning="The lowest accuracy of any class; the classes are about equally frequent, so there are no "
                "groups.",
                of=score("worst_class"),
            ),
        ),
    ),
    Axis(
        audit="robustness",
        title="Robustness",
        question="Does it withstand an attacker who changes pixels a little?",
        command="holdfast audit RUN --axes robustness",
        kinds=(
            Kind(
                name="kept",
                label="Accuracy kept at 8/255",
                unit="percent",
                better="higher",
                range=_PERCENT,
                meaning="Of the test images that are right, those still right when every pixel may change by 8/255.",
                of=kept,
            ),
        ),
    ),
    Axis(
        audit="invariance",
        title="Invariance",
        question="Do features stay when an image is turned, blurred or recoloured?",
        command="holdfast audit RUN --axes invariance",
        kinds=(
            Kind(
                name="whitened_cosine",
                label="Mean whitened cosine",
                unit="cosine",
                better="higher",
                range=(0.0, 1.0),
                meaning="How close features stay under nine transformations: 1 has not moved, 0 is as far as another "
                "image.",
                of=score("whitened_cosine"),
            ),
        ),
    ),
    Axis(
        audit="memorization",
        title="Memorization",
        question="Does training leave marks of single images?",
        command="holdfast memorization RUN",
        kinds=(
            Kind(
                name="ratio_above_null",
                label="Mean ratio, candidates less external",
                unit="ratio",
                better="lower",
                range=(-2.0, 2.0),
                meaning="How much closer together the views of an image lie for an encoder that trained on it; 0 is no "
                "memory of single images.",
                of=ratio_above_null,
            ),
            Kind(
                name="ratio_candidate",
                label="Mean ratio, candidates",
                unit="ratio",
                better="lower",
                range=(-1.0, 1.0),
                meaning="The same without external images: nothing says how far the ratio moves by chance.",
                of=score("ratio_candidate"),
            ),
        ),
    ),
    Axis(
        audit="privacy",
        title="Privacy",
        question="Can an attacker tell what it was trained on?",
        command="holdfast memorization RUN",
        kinds=(
            Kind(
                name="auc",
                label="Membership AUC",
                unit="share",
                better="lower",
                range=(0.0, 1.0),
                meaning="How often the strongest attacker tried ranks a training image above another one; 0.5 is "
                "guessing.",
                of=membership,
            ),
        ),
    ),
)
"""In the order of the page."""
