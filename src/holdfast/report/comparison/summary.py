"""What the numbers say in plain sentences, and what a reader must know before comparing them."""

from collections.abc import Sequence
from itertools import combinations

from holdfast.findings import Score
from holdfast.report.axes import AXES
from holdfast.report.collect import Encoder, flat, scores_of
from holdfast.report.comparison.comparability import differing, remedy
from holdfast.report.comparison.differences import Difference, difference, incomparable, not_comparable
from holdfast.report.damaged import aside_lines
from holdfast.report.estimates import estimate
from holdfast.report.listed import axis_of, by_precedence, score_label
from holdfast.report.wording import (
    difference_unit,
    interval,
    joined,
    number,
    printable,
    seen_in_training,
    setting,
    unit_suffix,
)
from holdfast.statistics import Estimate

_NAMED = 3
"""Encoders that a heading names one by one."""
_SENTENCES = 3
"""What the page begins with, at most."""

_FAIRNESS = {
    "temperature": "temperature",
    "head_layers": "depth of the projection head",
    "epochs": "epochs",
    "batch_size": "batch size",
    "data": "training images",
    "long_tail": "long tail",
    "limit": "number of training images",
    "encoder": "network",
}
"""Settings that change a result without being the method, by the words for them."""


def headlines(encoders: Sequence[Encoder]) -> list[tuple[str, Score]]:
    """(audit, score) of the first sentences: the most telling that at least one encoder has."""
    found = []
    for axis in by_precedence(list(AXES)):
        for name in axis.top:
            score = next((s for e in encoders for s in scores_of(e, axis.audit) if s.name == name), None)
            found += [] if score is None else [(axis.audit, score)]
    return found[:_SENTENCES]


def title(encoders: Sequence[Encoder]) -> str:
    """What is compared, as a heading."""
    names = [e.name for e in encoders]
    if len(names) == 1:
        return f"Audit of {names[0]}"
    if len(names) > _NAMED:
        return f"{len(names)} encoders compared"
    return f"{names[1]} against {names[0]}" if len(names) == 2 else f"{joined(names)} compared"


def sentences(encoders: Sequence[Encoder]) -> list[str]:
    """One sentence per headline: every pair of encoders where there are two, the whole field where there are more."""
    said = []
    for audit, score in headlines(encoders):
        if len(encoders) == 2:
            said.append(_pair_sentence(encoders[1], encoders[0], audit, score))
        else:
            said.append(_field_sentence(encoders, audit, score))
            said += _apart_sentence(encoders, audit, score)
    return said


def _pair_sentence(encoder: Encoder, baseline: Encoder, audit: str, score: Score) -> str:
    found = difference(encoder, baseline, audit, score)
    values = estimate(encoder, audit, score), estimate(baseline, audit, score)
    if found is None or values[0] is None or values[1] is None:
        return _field_sentence([encoder, baseline], audit, score)
    ours, theirs = (f"{number(v.value, score.unit)}{unit_suffix(score.unit)}" for v in values if v is not None)
    return f"{score_label(score)}: {encoder.name} {ours}, {baseline.name} {theirs}; {difference_words(found)}."


def difference_words(found: Difference) -> str:
    """'difference +3.2 points, 95 % interval [...] over 3 seeds (...): cannot be told apart'."""
    unit = found.score.unit
    words = f"difference {number(found.value, unit, signed=True)}{difference_unit(unit)}"
    if found.interval is None:
        return f"{words}, {found.reading}"
    return f"{words}, 95 % interval {interval(*found.interval, unit, signed=True)} over {found.over}: {found.reading}"


def _field_sentence(encoders: Sequence[Encoder], audit: str, score: Score) -> str:
    parts = [(e.name, estimate(e, audit, score)) for e in encoders]
    return (
        f"{score_label(score)}: " + joined([f"{n} {_value_words(v, score)}" for n, v in parts if v is not None]) + "."
    )


def _value_words(value: Estimate, score: Score) -> str:
    words = f"{number(value.value, score.unit)}{unit_suffix(score.unit)}"
    if value.interval is None:
        return words
    return f"{words} {interval(*value.interval, score.unit, like=value.value)}"


def _apart_sentence(encoders: Sequence[Encoder], audit: str, score: Score) -> list[str]:
    """What can and what cannot be told apart among more than two encoders; nothing for one."""
    found = [difference(b, a, audit, score) for a, b in combinations(encoders, 2)]
    pairs = [d for d in found if d is not None]
    close = [f"{d.encoder.name} and {d.baseline.name}" for d in pairs if d.reading == "cannot be told apart"]
    if not pairs:
        return []
    if not close:
        return ["Every pair of them differs by more than its 95 % interval."] if len(pairs) == len(found) else []
    return [f"Cannot be told apart: {'; '.join(close)}."]


def cautions(encoders: Sequence[Encoder]) -> list[str]:
    """What keeps numbers from being compared, or makes a comparison one-sided."""
    said = [f"Not comparable: {reason}" for reason in not_comparable(encoders)]
    said += aside_lines(encoders)
    said += _unlike(encoders)
    trained = [e for e in encoders if e.run]
    for name, words in _FAIRNESS.items():
        values = [setting(flat(e.run).get(name)) for e in trained]
        if len(set(values)) > 1:
            each = joined([f"{value} for {e.name}" for e, value in zip(trained, values, strict=True)])
            said.append(f"Different {words}: {each}. A difference in the scores may come from it.")
    single = [e.name for e in encoders if len(e.members) == 1]
    if len(encoders) > 1 and single:
        verb = "was" if len(single) == 1 else "were"
        said.append(
            f"{joined(single)} {verb} trained once: an interval over test images says nothing of another training."
        )
    return said + _seen(encoders) + _warnings(encoders)


def _unlike(encoders: Sequence[Encoder]) -> list[str]:
    """Axes on which encoders that might be compared were measured by different protocols: a line for each setting, of
    all axes and encoders that it is about."""
    ways: dict[tuple[str, str], dict[str, dict[str, None]]] = {}
    pairs = [(a, b) for a, b in combinations(encoders, 2) if not incomparable(b, a)]
    for audit in dict.fromkeys(audit for e in encoders for m in e.members for audit in m.findings):
        for (a, b), (words, ours, theirs) in ((p, found) for p in pairs for found in _reasons(audit, p[1], p[0])):
            names = ways.setdefault((audit, words), {})
            names.setdefault(ours, {})[b.name] = None
            names.setdefault(theirs, {})[a.name] = None
    audits: dict[tuple[str, str], list[str]] = {}
    for (audit, words), names in ways.items():
        each = ", ".join(f"{value} for {joined(list(who))}" for value, who in names.items())
        audits.setdefault((f"{words} is {each}", remedy(audit)), []).append(printable(audit))
    return [
        f"Measured differently, {joined(of)}: {reason}. No differences are given for them; {mended}."
        for (reason, mended), of in audits.items()
    ]


def _reasons(audit: str, encoder: Encoder, baseline: Encoder) -> list[tuple[str, str, str]]:
    """Why no score of an audit can be compared; where they can, why those of a section cannot: the setting, and its
    value for either."""
    if reason := differing(audit, encoder, baseline):
        return [reason]
    prefixes = [section.prefix for section in axis_of(audit).sections if section.prefix]
    found = [differing(audit, encoder, baseline, prefix) for prefix in prefixes]
    return [reason for reason in found if reason]


def _seen(encoders: Sequence[Encoder]) -> list[str]:
    """Encoders that saw some of their test images in training."""
    settings = [(e.name, f.settings) for e in encoders for m in e.members for f in m.findings.values()]
    return list(dict.fromkeys(f"{name}: {said}" for name, some in settings if (said := seen_in_training(some))))


def _warnings(encoders: Sequence[Encoder]) -> list[str]:
    """What the audits themselves warn of, once for each encoder."""
    said = [
        f"{encoder.name}: {printable(warning)}."
        for encoder in encoders
        for member in encoder.members
        for finding in member.findings.values()
        for warning in finding.settings.get("warnings") or ()
    ]
    return list(dict.fromkeys(said))


def facts(encoders: Sequence[Encoder]) -> list[tuple[str, str]]:
    """What no number should be read without: images, probe, protocol, group rule, temperature, runs."""
    members = [m for e in encoders for m in e.members]

    def values(name: str) -> str:
        return ", ".join(dict.fromkeys(setting(m.setting(name)) for m in members if m.setting(name) is not None))

    tests = " · ".join(
        filter(None, [values("test"), f"{values('test_images')} images" if values("test_images") else ""])
    )
    probes = {
        "pool": "pool (every labelled training image, as the paper)",
        "train": "train (the run’s own long-tailed images)",
    }
    probe = ", ".join(probes.get(v, v) for v in values("probe_on").split(", ") if v)
    temperatures = [
        f"{setting(flat(e.run)['temperature'])} ({e.name})" for e in encoders if "temperature" in flat(e.run)
    ]
    runs = [f"{len(e.members)} ({e.name})" for e in encoders]
    pairs = [
        ("Images", values("data")),
        (
            "Long tail",
            ", ".join(dict.fromkeys(printable(e.run["long_tail"]) for e in encoders if e.run.get("long_tail"))),
        ),
        ("Test set", tests),
        ("Probe fitted on", probe),
        ("Probe protocol", values("protocol")),
        ("Group rule", values("group_rule")),
        ("Temperature t", ", ".join(temperatures)),
        ("Runs", ", ".join(runs)),
        ("Hardware", values("hardware")),
        ("Versions", values("versions")),
    ]
    return [(name, value) for name, value in pairs if value]
