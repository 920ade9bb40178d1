"""Invariance: how far transformations move an encoder's features, and what that costs (whitened cosine:
arXiv:2111.11398)."""

from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from holdfast.audits.invariance.averaging import averaging
from holdfast.audits.invariance.cost import averaging_seconds, invariance_seconds
from holdfast.audits.invariance.transformations import GRADED, Graded
from holdfast.audits.subject import Audit, Subject, lacks_pixels
from holdfast.data import Images
from holdfast.data.pool import draw_evenly
from holdfast.evaluation import LinearProbe, measuring
from holdfast.evaluation.features import as_pixels, extract_features
from holdfast.evaluation.invariance import (
    ESTIMATOR,
    STEP,
    Whitening,
    cosines,
    directional_derivative,
    variance_report,
    whitened_cosines,
    whitening,
)
from holdfast.findings import Finding, Score
from holdfast.randomness import fold, key
from holdfast.statistics import bounded_interval, mean_interval, wilson_interval

LEAST_STABLE = 20
"""Images named in the table of the least stable ones; the column has them all."""


@dataclass(frozen=True)
class _Measured:
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
    sensitivity: Tensor
    """[m] float64."""
    approximated: bool = False  # the encoder has no derivative, sensitivity is a difference


def invariance(subject: Subject) -> Finding:
    """How steady features are under nine transformations of graded strength, and what a fixed probe loses.

    Of up to shift_images test images, evenly over classes. Scores for every transformation and their means:
    whitened_cosine and cosine (means over strengths), variance_ratio, sensitivity, and accuracy_drop (points) where
    labels exist. Tables: 'curves' by strength; 'least_stable' images; with average > 0 'averaging', 'regression' where
    images have factors.
    """
    test = subject.test
    positions = draw_evenly(test, subject.options.shift_images, seed=subject.options.seed, purpose="audit shifts")
    some, whiten = test.subset(positions), whitening(subject.pool_features)
    probe = subject.full_shot.probe if subject.pool.labels is not None and test.labels is not None else None
    clean = subject.features(some, "clean images")
    right = None if probe is None else _correct(probe, clean, some)
    found = [_measure(subject, some, clean, graded, whiten, probe) for graded in GRADED]
    return Finding(
        audit="invariance",
        scores=_scores(found, right),
        columns=_columns(subject, positions, found) | _over_all(subject, positions, _joined(found), right),
        tables={"curves": _curves(found, right), "least_stable": _least_stable(some, found), **averaging(subject)},
        settings=subject.settings
        | {
            "shift_images": len(some),
            "whitening_images": len(subject.pool),
            "whitening": ESTIMATOR,
            "whitening_shrinkage": whiten.shrinkage,
            "whitening_rank": whiten.matrix.shape[1],
            "average": subject.options.average,
            **_approximated(subject, found),
            "full_shot": None if probe is None else dict(subject.full_shot.facts),
        },
    )


def _approximated(subject: Subject, found: list[_Measured]) -> dict[str, Any]:
    if not any(one.approximated for one in found):
        return {"sensitivity_by": "derivative"}
    text = f"sensitivity: this encoder has no forward derivative, so it is a difference over {STEP:g} of a change"
    return {"sensitivity_by": "difference", "warnings": [*subject.settings.get("warnings", ()), text]}


def _correct(probe: LinearProbe, features: Tensor, images: Images) -> Tensor:
    assert images.labels is not None
    return probe.predict(features).cpu() == images.labels.cpu()


def _measure(
    subject: Subject, some: Images, clean: Tensor, graded: Graded, whiten: Whitening, probe: LinearProbe | None
) -> _Measured:
    keys = fold(key(subject.options.seed, f"audit {graded.name}").to(some.ids.device), some.ids)
    moved = [_moved(subject, some, graded, strength, keys) for strength in graded.strengths]
    sensitivity, approximated = _sensitivity(subject, some, graded, keys)
    pairs = [variance_report(torch.stack([clean, features], dim=1))["ratio"] for features in moved]
    return _Measured(
        graded,
        cosine=torch.stack([cosines(clean, features).cpu() for features in moved]),
        whitened=torch.stack([whitened_cosines(clean, features, whiten).cpu() for features in moved]),
        ratios=pairs,
        ratio=variance_report(torch.stack([clean, *moved], dim=1))["ratio"],
        correct=None if probe is None else torch.stack([_correct(probe, features, some) for features in moved]),
        sensitivity=sensitivity,
        approximated=approximated,
    )


def _moved(subject: Subject, some: Images, graded: Graded, strength: float, keys: Tensor) -> Tensor:
    """Features [m, dim] of the transformed images."""

    def augment(pixels: Tensor, rows: Tensor) -> Tensor:
        return graded.apply(pixels, strength, keys.to(rows.device)[rows])

    extraction = subject.extraction(f"{graded.name} {strength:g}")
    return extract_features(subject.encoder, some, augment=augment, **extraction)


def _sensitivity(subject: Subject, some: Images, graded: Graded, keys: Tensor) -> tuple[Tensor, bool]:
    """[m]: norm of the features' derivative along (moved - clean) / strength at the smallest strength, in standard
    deviations of the pool's features (root of the total variance), 0 where none vary; and if it is a difference."""
    noted: list[bool] = []
    spread = subject.pool_features.double().var(0, correction=0).sum().sqrt().cpu()
    strength, norms = graded.strengths[0], []
    with measuring(subject.encoder, subject.options.device) as home:
        for rows in torch.arange(len(some)).split(subject.options.batch_size):
            pixels = as_pixels(some.pixels[rows.to(some.pixels.device)].to(home))
            moved = graded.apply(pixels, strength, keys.to(home)[rows.to(home)])
            derivative = directional_derivative(
                subject.encoder, pixels, moved - pixels, approximated=lambda: noted.append(True)
            )
            norms.append(derivative.double().norm(dim=1).cpu() / strength)
    found = torch.cat(norms) / spread if spread > 0 else torch.zeros(len(some), dtype=torch.float64)
    return found, bool(noted)


def _scores(found: list[_Measured], right: Tensor | None) -> list[Score]:
    scores = _of("", _joined(found), right, "the nine transformations")
    for one in found:
        scores += _of(f"{one.graded.name}_", one, right, one.graded.name)
    return scores


def _joined(found: list[_Measured]) -> _Measured:
    """All transformations as one, each counting once."""
    correct = [one.correct for one in found if one.correct is not None]
    return _Measured(
        GRADED[0],
        cosine=torch.cat([one.cosine for one in found]),
        whitened=torch.cat([one.whitened for one in found]),
        ratios=[],
        ratio=float(np.mean([one.ratio for one in found])),
        correct=torch.cat(correct) if correct else None,
        sensitivity=torch.stack([one.sensitivity for one in found]).mean(0),
    )


def _of(prefix: str, one: _Measured, right: Tensor | None, what: str) -> list[Score]:
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
        make(
            "sensitivity",
            one.sensitivity,
            f"Mean norm of the features' derivative along {what}, in their deviations per unit.",
            "lower",
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


def _curves(found: list[_Measured], right: Tensor | None) -> list[dict[str, Any]]:
    """One row per transformation and strength, strength 0 being the clean images."""
    rows = []
    for one in found:
        rows.append(_row(one.graded, 0.0, 1.0, 1.0, 0.0, right))
        for i, strength in enumerate(one.graded.strengths):
            correct = None if one.correct is None else one.correct[i]
            cosine, whitened = float(one.cosine[i].mean()), float(one.whitened[i].mean())
            rows.append(_row(one.graded, strength, cosine, whitened, one.ratios[i], correct))
    return rows


def _row(
    graded: Graded, strength: float, cosine: float, whitened: float, ratio: float, correct: Tensor | None
) -> dict[str, Any]:
    accuracy = None if correct is None else 100 * float(correct.double().mean())
    low, high = (None, None) if accuracy is None or correct is None else wilson_interval(accuracy, len(correct))
    row = {"transformation": graded.name, "strength": strength, "unit": graded.unit}
    measured = {"cosine": cosine, "whitened_cosine": whitened, "variance_ratio": ratio}
    return row | measured | {"accuracy": accuracy, "low": low, "high": high}


def _stability(found: list[_Measured]) -> tuple[np.ndarray, np.ndarray]:
    """Mean whitened cosine over all transformations and strengths [m], and the transformation that moves each most
    [m]."""
    by_kind = torch.stack([one.whitened.mean(0) for one in found]).numpy()
    return by_kind.mean(0), np.array([one.graded.name for one in found])[by_kind.argmin(0)]


def _columns(subject: Subject, positions: Tensor, found: list[_Measured]) -> dict[str, np.ndarray]:
    """Columns of all test images, over all changes and under each; NaN and '' for those that were not moved."""
    n, places = len(subject.test), positions.cpu().numpy()
    stability, least = np.full(n, np.nan), np.full(n, "", dtype="<U16")
    stability[places], least[places] = _stability(found)
    by_kind = {}
    for one in found:
        by_kind[f"stability_{one.graded.name}"] = column = np.full(n, np.nan)
        column[places] = one.whitened.mean(0).numpy()
    return {"id": subject.test.ids.cpu().numpy(), "stability": stability, "least_stable_under": least, **by_kind}


def _over_all(subject: Subject, positions: Tensor, joined: _Measured, right: Tensor | None) -> dict[str, np.ndarray]:
    """What the scores over all transformations are means of; NaN for images that were not moved."""
    values = {"cosine": joined.cosine.mean(0), "sensitivity": joined.sensitivity}
    if joined.correct is not None and right is not None:
        values["accuracy_drop"] = 100 * (right.double() - joined.correct.double().mean(0))
    columns = {name: np.full(len(subject.test), np.nan) for name in values}
    for name, column in columns.items():
        column[positions.cpu().numpy()] = values[name].double().numpy()
    return columns


def _least_stable(some: Images, found: list[_Measured]) -> list[dict[str, Any]]:
    stability, least = _stability(found)
    order = np.argsort(stability, kind="stable")[:LEAST_STABLE]
    ids = some.ids.cpu().numpy()
    return [{"id": int(ids[i]), "stability": float(stability[i]), "least_stable_under": str(least[i])} for i in order]


INVARIANCE = Audit(invariance, lacks_pixels, cost=averaging_seconds, spends=invariance_seconds, long=True)
