"""The axes' numbers over an encoder's runs, and the worst group of classes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from holdfast.findings import Finding
from holdfast.report.axes.base import Axis, Kind
from holdfast.report.axes.numbers import Number, score
from holdfast.report.collect import Encoder
from holdfast.report.statistics import Estimate, over_runs


@dataclass(frozen=True)
class Headline:
    """An axis of one encoder in a number."""

    kind: Kind
    estimate: Estimate
    known: Mapping[str, float] = field(default_factory=dict)
    """Other values of the axis that limits refer to."""
    notes: Sequence[str] = ()


def kind_of(axis: Axis, encoders: Sequence[Encoder]) -> Kind:
    """The best way to sum the axis up that any encoder has; the first where none has any."""
    findings = [m.findings[axis.audit] for e in encoders for m in e.with_finding(axis.audit)]
    return next((kind for kind in axis.kinds if any(kind.of(f) is not None for f in findings)), axis.kinds[0])


def headline(encoder: Encoder, axis: Axis, kind: Kind) -> Headline | None:
    """An encoder's number over its runs; None where it was not measured."""
    findings = [member.findings[axis.audit] for member in encoder.with_finding(axis.audit)]
    numbers = [(finding, number) for finding in findings if (number := kind.of(finding)) is not None]
    if not numbers:
        return None
    notes = dict.fromkeys(number.note for _, number in numbers if number.note)
    return Headline(kind, _over(encoder, kind, [number for _, number in numbers]), _known(findings), list(notes))


def _over(encoder: Encoder, kind: Kind, numbers: Sequence[Number]) -> Estimate:
    if len(numbers) > 1:
        bounds = kind.range if kind.name != "whitened_cosine" else (-1.0, 1.0)
        return over_runs([n.value for n in numbers], f"{len(numbers)} {encoder.varies} (t interval)", bounds=bounds)
    low, high = numbers[0].interval or (None, None)
    return Estimate(numbers[0].value, low, high, over=numbers[0].over)


def _known(findings: Sequence[Finding]) -> dict[str, float]:
    """Means over runs of every score, and 'halfway' between guessing and certainty where classes are counted."""
    values: dict[str, list[float]] = {}
    for finding in findings:
        for one in finding.scores:
            values.setdefault(one.name, []).append(one.value)
        if "label" in finding.columns and len(finding.columns["label"]):
            classes = len(np.unique(finding.columns["label"]))
            values.setdefault("halfway", []).append(50.0 + 50.0 / max(1, classes))
    return {name: float(np.mean(found)) for name, found in values.items()}


GROUPS = {"many": "frequent", "medium": "medium", "few": "rare"}
"""Groups of classes in words."""


def worst_group(encoder: Encoder) -> tuple[str, Estimate] | None:
    """The group of classes of the lowest mean accuracy over the runs, in words, with its estimate."""
    findings = [member.findings["balance"] for member in encoder.with_finding("balance")]
    found = {}
    for name, words in GROUPS.items():
        numbers = [number for finding in findings if (number := score(name)(finding)) is not None]
        if numbers:
            kind = Kind(
                name=name, label="", unit="percent", better="higher", range=(0.0, 100.0), meaning="", of=score(name)
            )
            found[words] = _over(encoder, kind, numbers)
    return min(found.items(), key=lambda item: item[1].value) if found else None
