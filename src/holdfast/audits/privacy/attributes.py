"""Attribute inference on the columns that --groups names: what a fresh attacker reads from features."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from holdfast.audits.subject import Subject
from holdfast.data.labels import NO_GROUP
from holdfast.evaluation.inference import Reading, read_attribute
from holdfast.findings import Score
from holdfast.statistics import mean_share_interval

LEAST_OF_GROUP = 10
"""Images of a group, of the attacker's and of the test images each, below which it is left out."""


@dataclass(frozen=True, eq=False)
class Attribute:
    """What was read of a column."""

    column: str
    names: tuple[str, ...]
    """Groups that are large enough."""
    groups: np.ndarray
    """[n_test] int64, a place in `names`; -1 for images of other groups."""
    reading: Reading
    right: np.ndarray
    """[n_test] float64: 1 read, 0 not, NaN for images of other groups."""

    @property
    def sizes(self) -> np.ndarray:
        return np.bincount(self.groups[self.groups >= 0], minlength=len(self.names))

    @property
    def shares(self) -> np.ndarray:
        """Share of each group's test images that are read."""
        return np.array([self.right[self.groups == number].mean() for number in range(len(self.names))])

    @property
    def chance(self) -> float:
        """Percent that guessing gives, mean over groups."""
        return 100 / len(self.names)


def columns_of(subject: Subject) -> list[str]:
    """Columns of both the pool and the test images with two groups that are large enough in each."""
    test, pool = subject.test.subgroups, subject.pool.subgroups
    return [name for name in test if name in pool and len(_large(subject, name)) > 1]


def _large(subject: Subject, column: str) -> list[str]:
    """Names of the groups with enough images to attack with, and to be asked about; images without a value are none."""
    found = []
    for images in (subject.pool, subject.test):
        groups = images.subgroups[column]
        sizes = torch.bincount(groups.numbers, minlength=len(groups.names)).tolist()
        found.append({name for name, size in zip(groups.names, sizes, strict=True) if size >= LEAST_OF_GROUP})
    known = found[0] & found[1] - {NO_GROUP}
    return [name for name in subject.pool.subgroups[column].names if name in known]


def attribute(subject: Subject, column: str) -> Attribute:
    """The attack on one column: fitted on the pool's images, asked about the test images."""
    names = _large(subject, column)
    pool, test = (_places(images.subgroups[column], names) for images in (subject.pool, subject.test))
    own = torch.from_numpy(np.flatnonzero(pool >= 0))
    features = subject.pool_features[own.to(subject.pool_features.device)]
    reading = read_attribute(
        features,
        torch.from_numpy(pool)[own],
        subject.test_features,
        ids=subject.pool.ids.cpu()[own],
        count=len(names),
        seed=subject.options.seed,
    )
    right = np.where(test >= 0, (reading.predicted.numpy() == test).astype(float), np.nan)
    return Attribute(column, tuple(names), test, reading, right)


def _places(groups: Any, names: list[str]) -> np.ndarray:
    """[n] int64: each image's place in names, -1 where its group is none of them."""
    place = np.array([names.index(name) if name in names else -1 for name in groups.names], dtype=np.int64)
    return place[groups.numbers.cpu().numpy()]


def most_read(found: list[Attribute]) -> Attribute:
    """The column whose held part the attackers read most of above guessing: chosen on no test image."""
    return max(found, key=lambda one: (max(one.reading.held.values()) - one.chance) / (100 - one.chance))


def attribute_scores(found: list[Attribute]) -> list[Score]:
    """attribute_accuracy of the column that is read most, with its interval, and what guessing gives."""
    one = most_read(found)
    low, high = mean_share_interval(one.shares, one.sizes, np.full(len(one.names), 1 / len(one.names)))
    percent: dict[str, Any] = {"unit": "percent", "range": (0.0, 100.0)}
    return [
        Score(
            name="attribute_accuracy",
            value=100 * float(one.shares.mean()),
            better="lower",
            definition=f"Test images whose {one.column} a fresh attacker reads from features, mean over "
            f"{len(one.names)} groups; guessing gives {one.chance:.3g} %.",
            interval=(100 * low, 100 * high),
            interval_over="test images of each group, for this attacker (Wilson)",
            **percent,
        ),
        Score(
            name="attribute_chance",
            value=one.chance,
            better="neither",
            definition=f"What guessing the {one.column} of test images gives, mean over groups.",
            **percent,
        ),
    ]


def attribute_rows(found: list[Attribute]) -> list[dict[str, Any]]:
    """A row for each column and group: test images, percent read, attacker, and what both read of the held part."""
    rows = []
    for one in found:
        held = {f"held_{name}": percent for name, percent in one.reading.held.items()}
        for name, share, size in zip(one.names, one.shares, one.sizes, strict=True):
            rows.append({"column": one.column, "group": name, "test_images": int(size), "read": 100 * float(share)})
            rows[-1] |= {"attacker": one.reading.attacker, **held}
    return rows
