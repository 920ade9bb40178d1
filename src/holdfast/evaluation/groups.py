"""Accuracy by class and group of classes, as SDCLR reports it (arXiv:2106.02990), with intervals over test images."""

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from holdfast.data import class_groups
from holdfast.randomness import generator
from holdfast.statistics import DRAWS, group_statistics, percentile_interval


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
    whatever its number of classes or images. Raises ValueError where accuracies and counts are not of the same
    classes.
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


def bootstrap_intervals(
    per_class: np.ndarray, counts: np.ndarray, groups: Mapping[str, Sequence[int]], *, seed: int, draws: int = DRAWS
) -> dict[str, tuple[float, float]]:
    """95 % percentile intervals of `group_statistics` under resampling of the test images within each class.

    A resampled mean of 0s and 1s is a binomial share, so no image is touched. Each interval is widened to hold the
    measured value: resampling adds noise, which pushes a spread up and a minimum down.
    """
    measured = counts > 0
    trials = torch.from_numpy(counts[measured]).double().expand(draws, -1)
    chances = torch.from_numpy(per_class[measured] / 100).clamp(0, 1).expand(draws, -1)
    right = torch.binomial(trials, chances, generator=generator(seed, "bootstrap"))
    drawn = np.full((draws, len(counts)), np.nan)
    drawn[:, measured] = (100 * right / trials).numpy()
    values = group_statistics(per_class, groups)
    return {
        name: percentile_interval(column, float(values[name]))
        for name, column in group_statistics(drawn, groups).items()
    }
