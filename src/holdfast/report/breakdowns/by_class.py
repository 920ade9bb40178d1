"""Accuracy per class over an encoder's runs, ordered by how often the class was trained on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from holdfast.report.cells import Cell, Column, Table, encoder_columns, estimate_cell
from holdfast.report.collect import Encoder
from holdfast.report.wording import printable
from holdfast.statistics import Estimate, over_runs

Rows = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class ClassAccuracy:
    """One class, or one place in the order of frequency where splits shuffle which class is rare."""

    name: str
    train_images: int
    group: str
    test_images: int
    accuracies: tuple[Estimate | None, ...]
    """Percent, one per encoder."""


@dataclass(frozen=True)
class PerClass:
    """All classes, the most frequent first."""

    by_rank: bool
    """True where the splits differ, so that places in the order of frequency are compared and not classes."""
    classes: Sequence[ClassAccuracy]


def per_class(encoders: Sequence[Encoder]) -> PerClass | None:
    """Accuracies of the full-shot probe by class; None where the balance audit is missing or classes do not match."""
    tables = [[_frequent_first(m.findings["balance"].tables) for m in e.with_finding("balance")] for e in encoders]
    every = [rows for group in tables for rows in group]
    if not every or not every[0] or len({len(rows) for rows in every}) > 1:
        return None
    by_rank = len({tuple((row["class"], row["train_images"]) for row in rows) for rows in every}) > 1
    first = every[0]
    classes = [
        ClassAccuracy(
            name=f"rank {i + 1}" if by_rank else printable(first[i]["class"]),
            train_images=round(sum(rows[i]["train_images"] or 0 for rows in every) / len(every)),
            group=printable(first[i]["group"]),
            test_images=round(sum(rows[i].get("test_images") or 0 for rows in every) / len(every)),
            accuracies=tuple(
                _estimate([rows[i] for rows in group], e.varies) for e, group in zip(encoders, tables, strict=True)
            ),
        )
        for i in range(len(first))
    ]
    return PerClass(by_rank, classes)


def _frequent_first(tables: Mapping[str, Rows]) -> Rows:
    return sorted(tables.get("per_class", ()), key=lambda row: (-(row["train_images"] or 0), row["index"]))


def _estimate(rows: Rows, varies: str) -> Estimate | None:
    if not rows:
        return None
    if len(rows) > 1:
        return over_runs([row["accuracy"] for row in rows], f"{len(rows)} {varies} (t interval)", bounds=(0.0, 100.0))
    return Estimate(rows[0]["accuracy"], rows[0].get("low"), rows[0].get("high"), over="test images of the class")


def class_table(per: PerClass, encoders: Sequence[Encoder]) -> Table:
    """The accuracies as a table that sorts."""
    rows = [
        [
            Cell(c.name, sort=i if per.by_rank else c.name),
            Cell(f"{c.train_images:,}", sort=c.train_images),
            Cell(f"{c.test_images:,}", sort=c.test_images),
            Cell(c.group, sort={"many": 0, "medium": 1, "few": 2}.get(c.group, 3)),
            *(estimate_cell(accuracy, "percent") for accuracy in c.accuracies),
        ]
        for i, c in enumerate(per.classes)
    ]
    columns = [
        Column("Class", numeric=False),
        Column("Training images"),
        Column("Test images"),
        Column("Group", numeric=False),
    ]
    overs = dict.fromkeys(a.over for c in per.classes for a in c.accuracies if a is not None and a.low is not None)
    notes = [f"Accuracy in percent. Brackets: 95 % interval over {over}." for over in overs]
    if per.by_rank:
        notes.append("Each split makes other classes rare, so rows are places in the order of frequency, not classes.")
    return Table(
        "per-class", "Accuracy per class", [*columns, *encoder_columns(encoders, "balance")], rows, notes, sortable=True
    )
