"""Balance: are rare classes served as well as frequent ones?"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from holdfast.findings import Finding
from holdfast.report.axes.base import (
    COMMON,
    PROBE,
    PROBED,
    Axis,
    Drawing,
    HeadlineMeasure,
    Limit,
    Second,
    Section,
)
from holdfast.report.axes.headlines import over_members
from holdfast.report.axes.numbers import Number, score
from holdfast.report.breakdowns import class_table, group_table, per_class
from holdfast.report.cells import Table
from holdfast.report.collect import Encoder, Measured
from holdfast.report.conclusions import of_few_tests, of_spread, of_tests, of_worst_group
from holdfast.report.images import MOST, Gallery, PerImage, Pictures, View
from holdfast.report.paired import Sample, group_means
from holdfast.report.plots import class_plots, group_plots
from holdfast.report.samples import evenly
from holdfast.report.wording import printable
from holdfast.statistics import Estimate, Measure, group_estimates, worst_by_chance

_GROUPS = {"many": "frequent", "medium": "medium", "few": "rare"}
"""Groups of classes in words."""
_PERCENT = (0.0, 100.0)


def worst_group(encoder: Encoder) -> tuple[str, Estimate] | None:
    """The group of classes of the lowest mean accuracy over the runs, in words, with its estimate."""
    findings = [member.findings["balance"] for member in encoder.with_finding("balance")]
    found = {}
    for name, words in _GROUPS.items():
        numbers = [number for finding in findings if (number := score(name)(finding)) is not None]
        if numbers:
            found[words] = over_members(encoder, numbers, _PERCENT)
    return min(found.items(), key=lambda item: item[1].value) if found else None


def _above_reference(finding: Finding) -> Number | None:
    """Std less that of random weights, with both beside it."""
    found, own, random = (score(name)(finding) for name in ("std_above_reference", "std", "std_reference"))
    if found is None or own is None or random is None:
        return None
    return replace(
        found,
        note=f"Std {{}}, of random weights {{}}{_freed(finding)}",
        noted=(f"{own.value:.1f}", f"{random.value:.1f}"),
    )


def _std(finding: Finding) -> Number | None:
    """Std, with what it is with the noise of the test images in it."""
    found, published = (score(name)(finding) for name in ("std", "std_published"))
    if found is None or published is None:
        return found
    return replace(
        found, note="{} with the noise of the test images, as papers print it", noted=(f"{published.value:.1f}",)
    )


def _freed(finding: Finding) -> str:
    """That the noise of the test images, by which bars differ too, is not in Std; earlier versions left it in."""
    freed = "std_estimate" in finding.settings
    return ", without the noise of the test images" if freed else ""


def _worst_of_all(finding: Finding) -> Number | None:
    """The lowest accuracy, with what chance alone makes of equally good classes."""
    found, counts = score("worst_class")(finding), [row["test_images"] for row in finding.tables.get("per_class", ())]
    if found is None or not counts:
        return found
    shares = np.array([row["accuracy"] for row in finding.tables["per_class"]]) / 100
    by_chance = worst_by_chance(shares, np.array(counts))
    return replace(found, note="chance alone makes {} of equally good classes", noted=(f"{by_chance:.1f}",))


def _sample(measured: Measured, finding: Finding, score: str) -> Sample | None:
    """Means over classes; the spread and the worst class are no means: `_alone` has them."""
    columns, name = finding.columns, score.removeprefix("few_shot_")
    hits = columns.get("correct" if name == score else "few_shot_correct")
    if hits is None or not {"label", "group"} <= set(columns) or name not in ("all", *_GROUPS):
        return None
    inside = np.unique(columns["label"] if name == "all" else columns["label"][columns["group"] == name])
    return group_means(columns["id"], 100.0 * hits, columns["label"], evenly(inside))


def _alone(member: Measured, score: str) -> tuple[np.ndarray, Measure] | None:
    """The spread and the worst class, from the answers on the test images."""
    name, columns = score.removeprefix("few_shot_"), member.findings["balance"].columns
    hits = columns.get("correct" if name == score else "few_shot_correct")
    if name not in ("std", "worst_class") or hits is None or not {"label", "group"} <= set(columns):
        return None
    _, first, place = np.unique(columns["label"], return_index=True, return_inverse=True)
    counts = np.bincount(place)
    accuracy = 100 * np.bincount(place, weights=hits.astype(float)) / counts
    groups = {g: np.flatnonzero(columns["group"][first] == g).tolist() for g in _GROUPS}
    found = group_estimates(accuracy, counts, {g: m for g, m in groups.items() if m}, level=0.975)
    return (np.sort(columns["id"]), found[name]) if name in found else None


def _conclusions(finding: Finding) -> list[str]:
    return [*of_tests(finding), *_beneath(finding)]


def _beneath(finding: Finding) -> list[str]:
    return [*of_spread(finding), *of_few_tests(finding), *of_worst_group(finding)]


def _tables(encoders: Sequence[Encoder]) -> list[Table]:
    per = per_class(encoders)
    found = [None if per is None else class_table(per, encoders), group_table(encoders)]
    return [table for table in found if table is not None]


def _galleries(number: int, view: View, pictures: Pictures) -> Iterator[Gallery]:
    yield from _worst_class(number, view, pictures)
    yield from _rarest(number, view, pictures)


def _worst_class(number: int, view: View, pictures: Pictures) -> Iterator[Gallery]:
    atlas = pictures.sets[view.number].atlas
    finding, correct = view.member.findings.get("balance"), view.values("correct")
    rows = [] if finding is None else finding.tables.get("per_class", ())
    if not rows or correct is None or atlas.labels is None:
        return
    worst = min(rows, key=lambda row: row["accuracy"])
    labels = atlas.labels[pictures.sets[view.number].rows]
    wrong = np.flatnonzero((labels == worst["index"]) & (correct == 0))
    if not len(wrong):
        return
    text = f"{worst['accuracy']:.1f} % of its test images are right; these are taken for other classes."
    title = f"Errors of the worst class: {printable(worst['class'])}"
    yield Gallery("worst-class", title, text, number, wrong[:MOST], caption="predicted")


def _rarest(number: int, view: View, pictures: Pictures) -> Iterator[Gallery]:
    """Images of the classes with few training images, the rarest class and its errors first."""
    one = pictures.sets[view.number]
    groups, trained = one.atlas.groups, view.values("train_images")
    if groups is None or trained is None or "few" not in groups:
        return
    correct = view.values("correct")
    few = np.flatnonzero(groups[one.rows] == "few")
    wrong = np.zeros(len(few)) if correct is None else correct[few]
    order = few[np.lexsort((wrong, trained[few]))]
    text = (
        "Images of the classes with few training images, the rarest class first, what the probe gets wrong before the "
        "rest."
    )
    yield Gallery("rarest", "Rarest groups", text, number, order[:MOST], sort="train_images", caption="predicted")


BALANCE = Axis(
    audit="balance",
    title="Balance",
    question="Are rare classes served as well as frequent ones?",
    explained="The same classifier’s accuracy by class, and by groups of classes with many, a medium number and few "
    "training images. Every class counts once.",
    command="holdfast audit RUN --axes balance",
    needs="labels",
    measures=(
        HeadlineMeasure(
            name="std_above_reference",
            label="Spread between groups, less that of random weights",
            unit="percent",
            better="lower",
            range=(-50.0, 50.0),
            scale=None,
            meaning="How much further apart the accuracies of frequent, medium and rare classes lie than for random "
            "weights of the same network on the same classes; above 0 training served some at the cost of others.",
            of=_above_reference,
        ),
        HeadlineMeasure(
            name="std",
            label="Spread between groups (Std)",
            unit="percent",
            better="lower",
            range=(0.0, 50.0),
            scale=None,
            meaning="How far apart the accuracies of frequent, medium and rare classes lie; 0 serves all alike.",
            of=_std,
        ),
        HeadlineMeasure(
            name="worst_class",
            label="Worst class",
            unit="percent",
            better="higher",
            range=_PERCENT,
            scale=_PERCENT,
            meaning="The lowest accuracy of any class; the classes are about equally frequent, so there are no groups.",
            of=_worst_of_all,
        ),
    ),
    second=Second(name="worst_group", words="worst group: {} classes", of=worst_group),
    limits={
        "std_above_reference": Limit(
            most=0.0,
            surely=True,
            reason="On one split Std says first which classes were drawn as rare: an untrained network has one too. "
            "Above 0, by more than the noise of the test images, the encoder is less even than that.",
        ),
        "std": Limit(
            most=5.0,
            over_splits=True,
            reason="SimCLR and SDCLR both publish about 5 points on CIFAR-10-LT (arXiv:2106.02990), means over splits: "
            "more than that is less even than the long-tailed baselines of the literature.",
        ),
        "worst_group": Limit(
            least_share_of=("all", 0.8),
            reason="Four fifths of the whole is the customary first sign that a group is treated worse (US Uniform "
            "Guidelines on Employee Selection, 29 CFR 1607.4 D).",
        ),
        "worst_class": Limit(
            least_share_of=("all", 0.5),
            reason="A class that is recognised less than half as often as the average class is lost for most uses, "
            "whatever the average says.",
        ),
    },
    labels={
        "all": "All classes",
        "many": "Frequent classes (many)",
        "medium": "Medium classes",
        "few": "Rare classes (few)",
        "std": "Spread between groups (Std)",
        "std_published": "Std with the noise in it, as papers print it",
        "std_reference": "Std of random weights",
        "std_above_reference": "Std above that of random weights",
        "worst_class": "Worst class",
        "worst_group": "Worst group (site, camera, …)",
    },
    counted={"(few_shot_)?(all|many|medium|few)": "mean over classes"},
    shortlist=("all", "many", "medium", "few", "std", "std_above_reference", "worst_class", "worst_group"),
    top=("all", "few", "std"),
    sections=(
        Section("balance", "Balance, full-shot probe"),
        Section("balance", "Balance, few-shot probe", "few_shot_", ("few_shot.images",)),
    ),
    precedence=0,
    facts=(*COMMON, *PROBE, ("Group rule", "group_rule"), ("Groups", "groups")),
    must_match=(*PROBED, "std_estimate"),
    remedy="audit both alike",
    sample=_sample,
    alone=_alone,
    paired_over="test images within each class (paired, Student's t; Std and worst class: both intervals together)",
    drawings=(
        Drawing(
            group_plots,
            "Accuracy by class group. Whiskers: 95 % intervals, as in the tables. Bars differ by the noise of the test "
            "images too, which Std leaves out.",
        ),
        Drawing(
            class_plots,
            "Accuracy by class with 95 % intervals, full-shot probe; above it the training images of each class on a "
            "logarithmic scale.",
        ),
    ),
    tables=_tables,
    per_image=PerImage(galleries=_galleries, keys=("worst-class", "rarest"), rank=3),
    conclusions=_conclusions,
    beneath=_beneath,
)
