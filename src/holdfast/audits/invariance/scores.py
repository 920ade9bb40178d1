"""Scores of what transformations did to features: of each of them, and of all together."""

from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from holdfast.audits.invariance.transformations import Graded
from holdfast.findings import Score
from holdfast.statistics import bounded_interval, mean_interval


@dataclass(frozen=True)
class Measured:
    """What one transformation did to m images, at each of its s strengths."""

    graded: Graded
    cosine: Tensor
    """[s, m]."""
    whitened: Tensor
    """[s, m]."""
    ratios: list[float]
    """[s] within over total variance of the clean and the moved image."""
    ratio: float
    """The ratio of the clean image and all strengths together."""
    correct: Tensor | None
    """bool [s, m]; None without labels."""
    sensitivity: Tensor | None
    """[m] float64; None where features alone were given, which have no derivative."""
    approximated: bool = False  # the encoder has no derivative, sensitivity is a difference


def scores_of(found: list[Measured], right: Tensor | None) -> list[Score]:
    """Scores over all transformations, then of each; right: bool [m] of the clean images, None without labels."""
    counted = "the nine transformations" if len(found) == 9 else f"{len(found)} given views"
    scores = _of("", joined(found), right, counted)
    for one in found:
        scores += _of(f"{one.graded.name}_", one, right, one.graded.name)
    return scores


def joined(found: list[Measured]) -> Measured:
    """All transformations as one, each counting once."""
    correct = [one.correct for one in found if one.correct is not None]
    sensitivities = [one.sensitivity for one in found if one.sensitivity is not None]
    return Measured(
        found[0].graded,
        cosine=torch.cat([one.cosine for one in found]),
        whitened=torch.cat([one.whitened for one in found]),
        ratios=[],
        ratio=float(np.mean([one.ratio for one in found])),
        correct=torch.cat(correct) if correct else None,
        sensitivity=torch.stack(sensitivities).mean(0) if sensitivities else None,
    )


def _of(prefix: str, one: Measured, right: Tensor | None, what: str) -> list[Score]:
    """The scores of one transformation, or of all."""
    over, make = (
        f"{what}, mean over its strengths" if prefix else f"{what} at all their strengths",
        partial(_mean_score, prefix),
    )
    scores = [
        make(
            "whitened_cosine",
            one.whitened.mean(0),
            f"Mean whitened cosine of clean and moved features under {over}.",
            "higher",
        ),
        make(
            "cosine",
            one.cosine.mean(0),
            f"Mean cosine of clean and moved features under {over}; the mean feature weighs in.",
            "neither",
        ),
        Score(
            name=f"{prefix}variance_ratio",
            value=one.ratio,
            unit="share",
            range=(0.0, None),
            better="lower",
            definition=f"Variance of unit features within an image under {what} over their total variance.",
        ),
    ]
    if one.sensitivity is not None:
        text = f"Mean norm of the features' derivative along {what}, in their deviations per unit."
        scores.insert(2, make("sensitivity", one.sensitivity, text, "lower"))
    if one.correct is not None and right is not None:
        drop = 100 * (right.double() - one.correct.double().mean(0))
        text = f"Accuracy of a fixed linear probe on clean images less that under {over}."
        scores.append(make("accuracy_drop", drop, text, "lower"))
    return scores


_KINDS: dict[str, tuple[str, tuple[float, float | None]]] = {
    "whitened_cosine": ("cosine", (-1.0, 1.0)),
    "cosine": ("cosine", (-1.0, 1.0)),
    "sensitivity": ("deviations", (0.0, None)),
    "accuracy_drop": ("percent", (-100.0, 100.0)),
}
"""Unit and range by score."""


def _mean_score(
    prefix: str, name: str, values: Tensor, definition: str, better: Literal["higher", "lower", "neither"]
) -> Score:
    """The mean of values [m] with its interval over images; of accuracies, differences of shares, Wilson's."""
    unit, bounds = _KINDS[name]
    numbers, shares = values.double().cpu().numpy(), name == "accuracy_drop"
    interval = bounded_interval(numbers, least=-100, most=100) if shares else mean_interval(numbers, bounds=bounds)
    return Score(
        name=prefix + name,
        value=float(numbers.mean()),
        unit=unit,
        range=bounds,
        better=better,
        definition=definition,
        interval=interval,
        interval_over="" if interval is None else "test images (Wilson)" if shares else "test images (Student's t)",
    )
