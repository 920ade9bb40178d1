"""Accuracy by class and group of classes, as SDCLR reports it (arXiv:2106.02990)."""

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from holdfast.data import class_groups
from holdfast.statistics import group_statistics


def class_accuracy(correct: Tensor, labels: Tensor, *, classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Percent correct by class [classes], NaN where a class has no image, and images by class [classes]."""
    counts = torch.bincount(labels.cpu(), minlength=classes).double().numpy()
    right = torch.bincount(labels[correct.to(labels.device)].cpu(), minlength=classes).double().numpy()
    return np.where(counts > 0, 100 * right / np.maximum(counts, 1), np.nan), counts.astype(np.int64)


def group_metrics(
    per_class_accuracy: Sequence[float] | np.ndarray,
    counts: Sequence[int],
    *,
    rule: Literal["thirds", "thresholds"] = "thirds",
) -> dict[str, float]:
    """all, many, medium, few, std and worst_class (percent points) of one run, groups by its training counts [classes].

    std is the population standard deviation (divide by 3) of the three group accuracies: each group counts once,
    whatever its number of classes or images. All are of the accuracies as they are, with the test images' noise in std
    and worst_class; `statistics.group_estimates` has estimates without it, and intervals. Raises ValueError where
    accuracies and counts are not of the same classes.
    """
    if len(per_class_accuracy) != len(counts):
        raise ValueError(
            f"expected one count per class, got {len(per_class_accuracy)} accuracies and {len(counts)} counts; "
            "give the training images of every class"
        )
    values = group_statistics(np.asarray(per_class_accuracy, dtype=float), class_groups(counts, rule=rule))
    return {name: float(value) for name, value in values.items()}


def over_runs(metrics: Sequence[Mapping[str, float]]) -> dict[str, dict[str, float]]:
    """{'mean': ..., 'spread': ...} of several runs' group metrics; spread is the population standard deviation."""
    names = [name for name in metrics[0] if all(name in run for run in metrics)]
    columns = {name: np.array([run[name] for run in metrics]) for name in names}
    return {
        "mean": {name: float(column.mean()) for name, column in columns.items()},
        "spread": {name: float(column.std()) for name, column in columns.items()},
    }
