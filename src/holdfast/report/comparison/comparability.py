"""Whether an audit measured two encoders in the same way: only then may its numbers be held against each other."""

from collections.abc import Mapping
from typing import Any

from holdfast.report.collect import Encoder
from holdfast.report.listed import axis_of
from holdfast.report.wording import printable, setting


def measured_differently(audit: str, encoder: Encoder, baseline: Encoder) -> str | None:
    """The first setting of an audit in which two encoders differ, in words; None where they are alike or missing."""
    ours, theirs = (_settings(audit, e) for e in (encoder, baseline))
    for name in axis_of(audit).must_match if ours and theirs else ():
        values = setting(ours.get(name)), setting(theirs.get(name))
        if values[0] != values[1]:
            words = printable(name).replace("_", " ")
            return f"{words} is {values[0]} for {encoder.name}, {values[1]} for {baseline.name}"
    return None


def remedy(audit: str) -> str:
    """What makes two encoders comparable on an axis."""
    return axis_of(audit).remedy


def _settings(audit: str, encoder: Encoder) -> Mapping[str, Any]:
    found = encoder.with_finding(audit)
    return found[0].findings[audit].settings if found else {}
