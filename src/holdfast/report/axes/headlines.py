"""An axis's number over an encoder's runs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from holdfast.findings import Finding
from holdfast.report.axes.base import Axis, HeadlineMeasure
from holdfast.report.axes.numbers import Number
from holdfast.report.collect import Encoder
from holdfast.statistics import Estimate, over_runs


@dataclass(frozen=True)
class Headline:
    """An axis of one encoder in a number."""

    measure: HeadlineMeasure
    estimate: Estimate
    known: Mapping[str, float] = field(default_factory=dict)
    """Other values of the axis that limits refer to."""
    numbers: Sequence[Number] = ()
    """What it is the mean of, a number a run."""


def measure_of(axis: Axis, encoders: Sequence[Encoder]) -> HeadlineMeasure:
    """The best way to sum the axis up that any encoder has; the first where none has any."""
    findings = [m.findings[axis.audit] for e in encoders for m in e.with_finding(axis.audit)]
    return next((one for one in axis.measures if any(one.of(f) is not None for f in findings)), axis.measures[0])


def headline(encoder: Encoder, axis: Axis, measure: HeadlineMeasure) -> Headline | None:
    """An encoder's number over its runs; None where it was not measured."""
    findings = [member.findings[axis.audit] for member in encoder.with_finding(axis.audit)]
    numbers = [number for finding in findings if (number := measure.of(finding)) is not None]
    if not numbers:
        return None
    return Headline(measure, over_members(encoder, numbers, measure.range), _known(findings), numbers)


def over_members(encoder: Encoder, numbers: Sequence[Number], bounds: tuple[float | None, float | None]) -> Estimate:
    """The mean over runs with its interval; with one run its own."""
    if len(numbers) > 1:
        return over_runs([n.value for n in numbers], f"{len(numbers)} {encoder.varies} (t interval)", bounds=bounds)
    low, high = numbers[0].interval or (None, None)
    return Estimate(numbers[0].value, low, high, over=numbers[0].over)


def _known(findings: Sequence[Finding]) -> dict[str, float]:
    """Means over runs of every score; 'halfway' between guessing and certainty where classes are counted;
    'near_collapse', 1 where features of a run are."""
    values: dict[str, list[float]] = {}
    for finding in findings:
        for one in finding.scores:
            values.setdefault(one.name, []).append(one.value)
        values.setdefault("near_collapse", []).append(float(bool(finding.settings.get("near_collapse"))))
        if "label" in finding.columns and len(finding.columns["label"]):
            classes = len(np.unique(finding.columns["label"]))
            values.setdefault("halfway", []).append(50.0 + 50.0 / max(1, classes))
    return {name: float(np.mean(found)) for name, found in values.items()}
