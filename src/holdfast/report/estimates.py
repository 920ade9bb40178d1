"""An audit's score over an encoder's runs."""

from holdfast.findings import Finding, Score
from holdfast.report.collect import Encoder
from holdfast.statistics import Estimate, over_runs


def values_of(encoder: Encoder, audit: str, name: str) -> dict[int, float]:
    """A score's value by the member's place, for the members that have it."""
    values = {}
    for i, member in enumerate(encoder.members):
        for score in member.findings[audit].scores if audit in member.findings else ():
            if score.name == name:
                values[i] = score.value
    return values


def estimate(encoder: Encoder, audit: str, score: Score) -> Estimate | None:
    """A score over an encoder's runs; with one run its own interval. None where nothing was measured."""
    values = list(values_of(encoder, audit, score.name).values())
    if len(values) > 1:
        return over_runs(values, f"{len(values)} {encoder.varies} (t interval)", bounds=score.range)
    if not values:
        return None
    own = next(m.findings[audit][score.name] for m in encoder.with_finding(audit) if _has(m.findings[audit], score))
    low, high = own.interval or (None, None)
    return Estimate(own.value, low, high, over=own.interval_over)


def _has(finding: Finding, score: Score) -> bool:
    return any(s.name == score.name for s in finding.scores)
