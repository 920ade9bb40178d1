"""Accuracy by groups that a user names (site, camera, sex), beside the groups of classes by frequency."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from holdfast.audits.subject import Subject
from holdfast.findings import Score
from holdfast.statistics import wilson_interval, worst_interval

LEAST_OF_GROUP = 10
"""Test images below which a group's accuracy says too little to be called the worst."""


def group_rows(subject: Subject, predicted: Tensor) -> list[dict[str, Any]]:
    """A row for each group that has test images: share of them predicted rightly, with its 95 % interval (Wilson).

    The worst of a column is marked: the lowest accuracy among groups of at least LEAST_OF_GROUP test images.
    """
    correct = (predicted == subject.labels).numpy()
    rows = []
    for column, groups in subject.test.subgroups.items():
        numbers = groups.numbers.numpy()
        probed = _probed(subject, column)
        of_column = []
        for number in np.unique(numbers):
            mine = correct[numbers == number]
            percent = 100 * float(mine.mean())
            low, high = wilson_interval(percent, len(mine))
            name = groups.names[number]
            facts = {"column": column, "group": name, "probe_images": probed.get(name, 0), "test_images": len(mine)}
            of_column.append({**facts, "accuracy": percent, "low": low, "high": high, "worst": False})
        rows += _marked(of_column)
    return rows


def _probed(subject: Subject, column: str) -> dict[str, int]:
    """Images that the probe was fitted on, by their group."""
    if column not in subject.pool.subgroups:
        return {}
    groups = subject.pool.subgroups[column]
    numbers = groups.numbers[torch.isin(subject.pool.ids.cpu(), subject.probe_ids.cpu())]
    return dict(zip(groups.names, torch.bincount(numbers, minlength=len(groups.names)).tolist(), strict=True))


def _marked(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    enough = [row for row in rows if row["test_images"] >= LEAST_OF_GROUP]
    if len(enough) > 1:
        min(enough, key=lambda row: row["accuracy"])["worst"] = True
    return rows


def worst_group(rows: Sequence[dict[str, Any]]) -> list[Score]:
    """The lowest accuracy of the columns' worst groups, as a score; none where no column has two groups to compare."""
    marked = [row for row in rows if row["worst"]]
    if not marked:
        return []
    row = min(marked, key=lambda row: row["accuracy"])
    compared = [one for one in rows if one["test_images"] >= LEAST_OF_GROUP and one["column"] in _columns_of(marked)]
    shares, images = (np.array([one[name] for one in compared]) for name in ("accuracy", "test_images"))
    return [
        Score(
            name="worst_group",
            value=row["accuracy"],
            unit="percent",
            range=(0.0, 100.0),
            better="higher",
            definition=f"Accuracy of the linear probe in the group where it is lowest ({row['column']}: {row['group']})"
            f", of all with at least {LEAST_OF_GROUP} test images; a minimum of noisy values reads low.",
            interval=worst_interval(shares / 100, images),
            interval_over="test images, all groups at once (exact)",
        )
    ]


def _columns_of(rows: Sequence[dict[str, Any]]) -> set[str]:
    return {row["column"] for row in rows}


def group_columns(subject: Subject) -> dict[str, np.ndarray]:
    """The name of each test image's group, under group_COLUMN."""
    return {
        f"group_{column}": np.array(groups.names)[groups.numbers.numpy()]
        for column, groups in subject.test.subgroups.items()
    }
