"""Statistics of accuracies by class: means of classes and of groups, the spread between groups, the worst class."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from holdfast.statistics.resampling import DRAWS

GROUPS = ("many", "medium", "few")
_BLOCK = 100


def group_statistics(per_class: np.ndarray, groups: Mapping[str, Sequence[int]]) -> dict[str, np.ndarray]:
    """all, the groups, std and worst_class of accuracies [..., classes] in percent: arrays [...].

    all: mean over classes; a group: mean over its classes; std: population standard deviation of the groups;
    worst_class: minimum. Classes that are NaN throughout are left out, as are groups with no class left; std needs
    two groups.
    """
    measured = ~np.isnan(per_class.sum(tuple(range(per_class.ndim - 1))))
    result = {"all": per_class[..., measured].mean(-1)}
    for name, members in groups.items():
        members = [index for index in members if measured[index]]
        if members:
            result[name] = per_class[..., members].mean(-1)
    present = [result[name] for name in groups if name in result]
    if len(present) > 1:
        result["std"] = np.std(np.stack(present, -1), axis=-1)
    result["worst_class"] = per_class[..., measured].min(-1)
    return result


@dataclass(frozen=True)
class Resampled:
    """Per-class accuracies of one encoder under resampling of its test images."""

    ids: np.ndarray
    """int64 [n], ascending: the test images."""
    accuracies: np.ndarray
    """[DRAWS, classes] in percent."""
    groups: tuple[str, ...]
    """'many', 'medium' or 'few' per class."""

    def statistic(self, name: str) -> np.ndarray:
        """The balance score `name` of every draw: [DRAWS]."""
        return group_statistic(self.accuracies, self.groups, name)


def resample(ids: np.ndarray, labels: np.ndarray, correct: np.ndarray, groups: np.ndarray, *, key: str) -> Resampled:
    """Draws test images within each class, all arrays [n] in ascending order of the ids.

    The draws depend on `key` (the test set's checksum) and the class sizes alone, so encoders measured on the same
    images see the same draws and can be paired.
    """
    rng = np.random.default_rng(list(hashlib.sha256(key.encode()).digest()))
    classes, first = np.unique(labels, return_index=True)
    drawn = np.empty((DRAWS, len(classes)))
    for column, name in enumerate(classes):
        right = 100.0 * correct[labels == name]
        for start in range(0, DRAWS, _BLOCK):  # in blocks: 1,000 draws of a large class would not fit in memory
            picks = rng.integers(len(right), size=(_BLOCK, len(right)), dtype=np.int32)
            drawn[start : start + _BLOCK, column] = right[picks].mean(1)
    return Resampled(ids, drawn, tuple(str(group) for group in groups[first]))


def group_statistic(accuracies: np.ndarray, groups: Sequence[str], name: str) -> np.ndarray:
    """The balance score 'all', 'many', 'medium', 'few', 'std' or 'worst_class' of accuracies [..., classes]: [...];
    NaN if none."""
    if name == "all":
        return accuracies.mean(-1)
    if name == "worst_class":
        return accuracies.min(-1)
    means = {group: accuracies[..., np.asarray(groups) == group].mean(-1) for group in dict.fromkeys(groups)}
    if name == "std":
        return np.stack([*means.values()], -1).std(-1)
    return means.get(name, np.full(accuracies.shape[:-1], np.nan))
