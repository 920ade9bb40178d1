"""Std against random weights: how uneven the encoder is beyond the classes that happen to be common or rare."""

from holdfast.audits.subject import ProbeResult, Subject
from holdfast.evaluation.groups import class_accuracy
from holdfast.findings import Score
from holdfast.statistics import Measure, apart_interval, group_estimates


def against_reference(subject: Subject) -> list[Score]:
    """std_reference, the Std of random weights of the same network on the same groups, and std_above_reference.

    On one split Std says first which classes were drawn as rare: an untrained network has one as well. Nothing where
    there are no groups, no weights, or no reference was asked for.
    """
    if len(subject.groups) < 2 or subject.reference is None:
        return []
    own, random = (_std(of, of.full_shot) for of in (subject, subject.reference))
    if own is None or random is None:
        return []
    low, high = apart_interval([own], [random])
    plain = _std(subject.reference, subject.reference.full_shot, level=0.95)
    assert plain is not None
    return [
        Score(
            name="std_reference",
            value=plain.value,
            unit="percent",
            range=(0.0, 50.0),
            better="neither",
            definition="Linear probe: Std of random weights of the same network on the same groups of classes, without "
            "the noise of the test images.",
            interval=plain.interval,
            interval_over="test images within classes (inverted test)",
        ),
        Score(
            name="std_above_reference",
            value=own.value - random.value,
            unit="percent",
            range=(-50.0, 50.0),
            better="lower",
            definition="Linear probe: Std of the encoder less that of random weights of the same network on the same "
            "groups; above 0 training made it less even than the drawn classes are by themselves.",
            interval=(max(-50.0, low), min(50.0, high)),
            interval_over="test images within classes (two intervals together)",
        ),
    ]


def _std(subject: Subject, outcome: ProbeResult, *, level: float = 0.975) -> Measure | None:
    accuracy, counts = class_accuracy(outcome.predicted == subject.labels, subject.labels, classes=subject.classes)
    return group_estimates(accuracy, counts, subject.groups, level=level).get("std")
