"""Whether an audit measured two encoders in the same way: only then may its numbers be held against each other."""

from collections.abc import Mapping
from typing import Any

from holdfast.report.collect import Encoder
from holdfast.report.listed import axis_of, same_everywhere, value_of
from holdfast.report.wording import printable, setting

_BY_SPLIT = ("probe_identity",)
"""Checksums of images that another split may rightly change."""


def measured_differently(audit: str, encoder: Encoder, baseline: Encoder, score: str = "") -> str | None:
    """The first setting of an audit in which two encoders differ, in words; None where they are alike or missing.

    score: also the settings that this score alone rests on, such as the few-shot probe's images.
    """
    found = differing(audit, encoder, baseline, score)
    if found is None:
        return None
    words, ours, theirs = found
    return f"{words} is {ours} for {encoder.name}, {theirs} for {baseline.name}"


def differing(audit: str, encoder: Encoder, baseline: Encoder, score: str = "") -> tuple[str, str, str] | None:
    """As measured_differently: the setting in words, and its value for the encoder and for the baseline."""
    axis = axis_of(audit)
    own = [section for section in axis.sections if section.prefix and score.startswith(section.prefix)]
    names = (*same_everywhere(axis), *(name for section in own for name in section.must_match))
    pairs, by_key = _paired(audit, encoder, baseline)
    for ours, theirs in pairs:
        for name in names:
            said = None if name in _BY_SPLIT and not by_key else _differs(name, ours, theirs)
            if said is not None:
                return said
    return None


def _differs(name: str, ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> tuple[str, str, str] | None:
    found = value_of(ours, name), value_of(theirs, name)
    if found[0] == found[1] or (name.endswith(("checksum", "identity")) and None in found):
        return None  # of before such checksums were kept: the numbers' own columns decide
    words, values = printable(name).replace("_", " ").replace(".", " "), [setting(value) for value in found]
    if values[0] == values[1]:
        return None
    return words, values[0], values[1]


def _paired(
    audit: str, encoder: Encoder, baseline: Encoder
) -> tuple[list[tuple[Mapping[str, Any], Mapping[str, Any]]], bool]:
    """Settings of runs of one seed and split, else of the first runs; and whether the images should be the same."""
    ours, theirs = ([(m.key, m.findings[audit].settings) for m in e.with_finding(audit)] for e in (encoder, baseline))
    shared = [(a, b) for key, a in ours for other, b in theirs if key is not None and key == other]
    if shared:
        return shared, True
    if not ours or not theirs:
        return [], False
    (key, own), (other, others) = ours[0], theirs[0]
    alone = len(ours) == len(theirs) == 1 and (key is None or other is None or key[1] == other[1])
    return [(own, others)], alone


def remedy(audit: str) -> str:
    """What makes two encoders comparable on an axis."""
    return axis_of(audit).remedy
