"""Invariance: how far transformations move an encoder's features, and what that costs (whitened cosine:
arXiv:2111.11398)."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from holdfast.audits.invariance.averaging import averaging
from holdfast.audits.invariance.cost import averaging_seconds, invariance_seconds
from holdfast.audits.invariance.given import given_changes
from holdfast.audits.invariance.scores import Measured, joined, scores_of
from holdfast.audits.invariance.transformations import GRADED, Graded
from holdfast.audits.subject import Audit, Subject, lacks_views
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
from holdfast.findings import Finding
from holdfast.randomness import fold, key
from holdfast.statistics import wilson_interval

LEAST_STABLE = 20
"""Images named in the table of the least stable ones; the column has them all."""


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
    given = given_changes(subject, some)
    found = [_of_features(one, moved, clean, whiten, probe, some) for one, moved in given.items()]
    found = found or [_measure(subject, some, clean, graded, whiten, probe) for graded in GRADED]
    return Finding(
        audit="invariance",
        scores=scores_of(found, right),
        columns=_columns(subject, positions, found) | _over_all(subject, positions, joined(found), right),
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


def _approximated(subject: Subject, found: list[Measured]) -> dict[str, Any]:
    if all(one.sensitivity is None for one in found):
        return {"sensitivity_by": None, "changes": [one.graded.name for one in found]}
    if not any(one.approximated for one in found):
        return {"sensitivity_by": "derivative"}
    text = f"sensitivity: this encoder has no forward derivative, so it is a difference over {STEP:g} of a change"
    return {"sensitivity_by": "difference", "warnings": [*subject.settings.get("warnings", ()), text]}


def _correct(probe: LinearProbe, features: Tensor, images: Images) -> Tensor:
    assert images.labels is not None
    return probe.predict(features).cpu() == images.labels.cpu()


def _measure(
    subject: Subject, some: Images, clean: Tensor, graded: Graded, whiten: Whitening, probe: LinearProbe | None
) -> Measured:
    keys = fold(key(subject.options.seed, f"audit {graded.name}").to(some.ids.device), some.ids)
    moved = [_moved(subject, some, graded, strength, keys) for strength in graded.strengths]
    sensitivity, approximated = _sensitivity(subject, some, graded, keys)
    measured = _of_features(graded, moved, clean, whiten, probe, some)
    return replace(measured, sensitivity=sensitivity, approximated=approximated)


def _of_features(
    graded: Graded,
    moved: Sequence[Tensor],
    clean: Tensor,
    whiten: Whitening,
    probe: LinearProbe | None,
    some: Images,
) -> Measured:
    """What a transformation did, by the features [m, dim] of the moved images at each strength."""
    pairs = [variance_report(torch.stack([clean, features], dim=1))["ratio"] for features in moved]
    return Measured(
        graded,
        cosine=torch.stack([cosines(clean, features).cpu() for features in moved]),
        whitened=torch.stack([whitened_cosines(clean, features, whiten).cpu() for features in moved]),
        ratios=pairs,
        ratio=variance_report(torch.stack([clean, *moved], dim=1))["ratio"],
        correct=None if probe is None else torch.stack([_correct(probe, features, some) for features in moved]),
        sensitivity=None,
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
    spread = subject.pool_features.double().var(0, correction=0).sum().sqrt().cpu()
    strength = graded.strengths[0]
    with measuring(subject.encoder, subject.options.device) as home:

        def derived(rows: Tensor) -> dict[str, Tensor]:
            noted: list[bool] = []
            pixels = as_pixels(some.pixels[rows.to(some.pixels.device)].to(home))
            moved = graded.apply(pixels, strength, keys.to(home)[rows.to(home)])
            derivative = directional_derivative(
                subject.encoder, pixels, moved - pixels, approximated=lambda: noted.append(True)
            )
            norms = derivative.double().norm(dim=1).cpu() / strength
            return {"norms": norms, "approximated": torch.tensor(bool(noted))}

        parts = subject.crew.spread_columns(torch.arange(len(some)).split(subject.options.batch_size), derived)
    norms = torch.cat([part["norms"] for part in parts])
    found = norms / spread if spread > 0 else torch.zeros_like(norms)
    return found, any(bool(part["approximated"]) for part in parts)


def _curves(found: list[Measured], right: Tensor | None) -> list[dict[str, Any]]:
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


def _stability(found: list[Measured]) -> tuple[np.ndarray, np.ndarray]:
    """Mean whitened cosine over all transformations and strengths [m], and the transformation that moves each most
    [m]."""
    by_kind = torch.stack([one.whitened.mean(0) for one in found]).numpy()
    return by_kind.mean(0), np.array([one.graded.name for one in found])[by_kind.argmin(0)]


def _columns(subject: Subject, positions: Tensor, found: list[Measured]) -> dict[str, np.ndarray]:
    """Columns of all test images, over all changes and under each; NaN and '' for those that were not moved."""
    n, places = len(subject.test), positions.cpu().numpy()
    stability, least = np.full(n, np.nan), np.full(n, "", dtype="<U16")
    stability[places], least[places] = _stability(found)
    by_kind = {}
    for one in found:
        by_kind[f"stability_{one.graded.name}"] = column = np.full(n, np.nan)
        column[places] = one.whitened.mean(0).numpy()
    return {"id": subject.test.ids.cpu().numpy(), "stability": stability, "least_stable_under": least, **by_kind}


def _over_all(subject: Subject, positions: Tensor, whole: Measured, right: Tensor | None) -> dict[str, np.ndarray]:
    """What the scores over all transformations are means of; NaN for images that were not moved."""
    values = {"cosine": whole.cosine.mean(0)}
    if whole.sensitivity is not None:
        values["sensitivity"] = whole.sensitivity
    if whole.correct is not None and right is not None:
        values["accuracy_drop"] = 100 * (right.double() - whole.correct.double().mean(0))
    columns = {name: np.full(len(subject.test), np.nan) for name in values}
    for name, column in columns.items():
        column[positions.cpu().numpy()] = values[name].double().numpy()
    return columns


def _least_stable(some: Images, found: list[Measured]) -> list[dict[str, Any]]:
    stability, least = _stability(found)
    order = np.argsort(stability, kind="stable")[:LEAST_STABLE]
    ids = some.ids.cpu().numpy()
    return [{"id": int(ids[i]), "stability": float(stability[i]), "least_stable_under": str(least[i])} for i in order]


INVARIANCE = Audit(invariance, lacks_views, cost=averaging_seconds, spends=invariance_seconds, long=True)
