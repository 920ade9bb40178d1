"""Quality: probe and kNN accuracy, effective rank (arXiv:2210.02885), alignment and uniformity (arXiv:2005.10242)."""

import numpy as np
from torch import Tensor

from holdfast.audits.subject import VIEWED_IMAGES, Audit, Speed, Subject
from holdfast.evaluation import alignment, knn_predict, near_collapse
from holdfast.evaluation.probes import NEIGHBOURS, TEMPERATURE
from holdfast.findings import Finding, Score
from holdfast.statistics import mean_interval, wilson_interval


def quality(subject: Subject) -> Finding:
    """How good the features are in general.

    Scores linear_accuracy and knn_accuracy (percent, where labels exist), effective_rank (count), uniformity (nats),
    feature_std and alignment (distance). The last four need no labels.
    """
    scores, columns = _accuracies(subject) if _has_labels(subject) else ([], {})
    if not len(subject.viewed.positions):
        return _without_views(subject, scores, columns)
    preset, distances = subject.viewed.preset, alignment(subject.viewed.features)
    return Finding(
        audit="quality",
        scores=[*scores, _alignment(distances, preset), *_spread(subject)],
        columns={"id": subject.test.ids.cpu().numpy(), **columns, "alignment": _of_viewed(subject, distances)},
        settings=subject.settings
        | _warnings(subject, subject.signals)
        | {
            "knn": {"neighbours": NEIGHBOURS, "temperature": TEMPERATURE, "similarity": "cosine"},
            "views": preset,
            "viewed_images": len(distances),
            "full_shot": dict(subject.full_shot.facts) if scores else None,
        },
    )


def _warnings(subject: Subject, signals: dict[str, float]) -> dict[str, list[str]]:
    """The setting 'warnings': features of bf16 passes, features near collapse; nothing where neither is so."""
    said = list(
        subject.cautions("the effective rank of features of low rank reads 20 to 30 % too high").get("warnings", ())
    )
    if near_collapse(signals):
        said.append(
            f"near collapse: all test images have nearly the same features (feature std {signals['feature_std']:.3f}, "
            f"effective rank {signals['effective_rank']:.1f}), as with random weights: train longer or with a lower "
            "learning rate before reading anything into other numbers"
        )
    return {"warnings": said} if said else {}


def _without_views(subject: Subject, scores: list[Score], columns: dict[str, np.ndarray]) -> Finding:
    """The finding of features alone, which have no views to compare."""
    neighbours = {"neighbours": NEIGHBOURS, "temperature": TEMPERATURE, "similarity": "cosine"}
    full_shot = dict(subject.full_shot.facts) if scores else None
    return Finding(
        audit="quality",
        scores=[*scores, *_spread(subject)],
        columns={"id": subject.test.ids.cpu().numpy(), **columns},
        settings=subject.settings
        | _warnings(subject, subject.signals)
        | {"knn": neighbours, "views": None, "viewed_images": 0, "full_shot": full_shot},
    )


def _of_viewed(subject: Subject, distances: Tensor) -> np.ndarray:
    """Per test image; NaN for those whose views were not compared."""
    column = np.full(len(subject.test), np.nan)
    column[subject.viewed.positions.cpu().numpy()] = distances.double().cpu().numpy()
    return column


def _has_labels(subject: Subject) -> bool:
    return subject.pool.labels is not None and subject.test.labels is not None


def _accuracies(subject: Subject) -> tuple[list[Score], dict[str, np.ndarray]]:
    labels, linear, nearest = subject.labels, subject.full_shot.predicted, _nearest(subject)
    scores = [
        _accuracy("linear_accuracy", linear == labels, f"linear probe ({subject.options.protocol} protocol)"),
        _accuracy("knn_accuracy", nearest == labels, f"vote of the {NEIGHBOURS} nearest probe images by cosine"),
    ]
    columns = {"label": labels, "predicted": linear, "correct": linear == labels, "knn_predicted": nearest}
    return scores, {name: column.numpy() for name, column in columns.items()}


def _nearest(subject: Subject) -> Tensor:
    features, labels = subject.rows(subject.probe_ids)
    return knn_predict(features, labels, subject.test_features, classes=subject.classes).cpu()


def _accuracy(name: str, correct: Tensor, how: str) -> Score:
    percent = 100 * float(correct.double().mean())
    return Score(
        name=name,
        value=percent,
        unit="percent",
        range=(0.0, 100.0),
        better="higher",
        definition=f"Share of test images whose class is predicted right by the {how}.",
        interval=wilson_interval(percent, len(correct)),
        interval_over="test images (Wilson)",
    )


def _alignment(distances: Tensor, preset: str) -> Score:
    values = distances.double().cpu().numpy()
    interval = mean_interval(values, bounds=(0.0, 2.0))
    return Score(
        name="alignment",
        value=float(values.mean()),
        unit="distance",
        range=(0.0, 2.0),
        better="lower",
        definition=f"Mean distance between the unit features of two random views ('{preset}') of a test image.",
        interval=interval,
        interval_over="" if interval is None else "test images (Student's t)",
    )


def _spread(subject: Subject) -> list[Score]:
    features, signals = subject.test_features, subject.signals
    return [
        Score(
            name="effective_rank",
            value=signals["effective_rank"],
            unit="count",
            range=(0.0, float(min(features.shape))),
            better="higher",
            definition="Exponential of the entropy of the test features' singular values over their sum (RankMe).",
        ),
        Score(
            name="uniformity",
            value=signals["uniformity"],
            unit="nats",
            range=(-8.0, 0.0),
            better="lower",
            definition="Log of the mean of exp(-2 distance²) over pairs of unit features of test images.",
        ),
        Score(
            name="feature_std",
            value=signals["feature_std"],
            unit="share",
            range=(0.0, 1.0),
            better="higher",
            definition="Mean standard deviation of unit features' dimensions times √dim: 1 is spread over the sphere.",
        ),
    ]


def _cost(subject: Subject, speed: Speed) -> float:
    return speed.forward * 2 * min(VIEWED_IMAGES, len(subject.test))


QUALITY = Audit(quality, cost=_cost)
