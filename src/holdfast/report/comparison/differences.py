"""Scores over runs, paired differences between encoders, and when two encoders may be compared at all."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from holdfast.findings import Score
from holdfast.report.collect import Encoder, Measured
from holdfast.report.comparison.comparability import measured_differently
from holdfast.report.estimates import values_of
from holdfast.report.listed import axis_of
from holdfast.report.paired import Sample, paired_interval
from holdfast.report.wording import joined, setting
from holdfast.statistics import Estimate, Measure, apart_interval, over_runs, unpaired, within_bounds

_SPANS = {"percent": 100.0, "share": 1.0, "AUC": 1.0}
"""How far two shares may lie apart, by unit."""
_OTHER_IMAGES = "were measured on different test images"
_SAME_PROTOCOL = {"protocol": "probe protocol", "probe_on": "images the probe is fitted on", "group_rule": "group rule"}


@dataclass(frozen=True)
class Difference:
    """Encoder minus baseline on one score, with up to two intervals; `runs` decides where it exists."""

    audit: str
    score: Score
    encoder: Encoder
    baseline: Encoder
    value: float
    runs: Estimate | None
    """Over runs: paired by seed and split where both have the same."""
    images: tuple[float, float] | None
    """95 % interval over test images for the trained encoders as they are."""

    @property
    def interval(self) -> tuple[float, float] | None:
        """The interval that the reading rests on."""
        return self.images if self.runs is None else self.runs.interval

    @property
    def reading(self) -> str:
        """What may be said, in words."""
        if self.interval is None:
            return "no interval: measure more seeds or more test images"
        low, high = self.interval
        if low <= 0 <= high:
            return "cannot be told apart"
        if self.score.better == "neither":
            return "differ"
        ahead = self.encoder if (low > 0) == (self.score.better == "higher") else self.baseline
        return f"{ahead.name} is better"

    @property
    def over(self) -> str:
        """What `interval` is over."""
        if self.runs is not None or self.images is None:
            return "" if self.runs is None else self.runs.over
        return axis_of(self.audit).paired_over


def difference(encoder: Encoder, baseline: Encoder, audit: str, score: Score) -> Difference | None:
    """Encoder minus baseline on one score; None where one of them lacks it or the two cannot be compared."""
    a, b = values_of(encoder, audit, score.name), values_of(baseline, audit, score.name)
    if not a or not b or incomparable(encoder, baseline):
        return None
    if measured_differently(audit, encoder, baseline, score.name):
        return None
    pairs = _pairs(encoder, baseline, a, b)
    deltas = [a[i] - b[j] for i, j in pairs] if len(pairs) == min(len(a), len(b)) else []
    value = float(np.mean(deltas)) if len(deltas) > 1 else float(np.mean([*a.values()]) - np.mean([*b.values()]))
    runs, bounds = None, _reach(score)
    if len(deltas) > 1:
        runs = over_runs(deltas, f"{len(deltas)} {encoder.varies} (paired t interval)", bounds=bounds)
    elif len(a) > 1 and len(b) > 1:  # where only some have a partner, leaving the others out would lose runs
        over = f"{len(a)} and {len(b)} runs (Welch's t interval, not paired)"
        runs = unpaired([*a.values()], [*b.values()], over, bounds=bounds)
    images = _over_images(encoder, baseline, audit, score)
    if images is not None and images[0] == images[1] != 0:
        images = None  # of one image in each stratum, or of equal differences: nothing says how others would spread
    if images is not None:
        images = within_bounds(sum(images) / 2, (images[1] - images[0]) / 2, bounds)
    return Difference(audit, score, encoder, baseline, value, runs, images)


def _reach(score: Score) -> tuple[float | None, float | None]:
    """How far two encoders can lie apart on a score, either way."""
    low, high = score.range
    return (None, None) if low is None or high is None else (low - high, high - low)


def _pairs(encoder: Encoder, baseline: Encoder, a: Iterable[int], b: Iterable[int]) -> list[tuple[int, int]]:
    """Places of members with the same seed and split that both have the score."""
    places = {baseline.members[j].key: j for j in b if baseline.members[j].key is not None}
    return [(i, places[encoder.members[i].key]) for i in a if encoder.members[i].key in places]


def incomparable(encoder: Encoder, baseline: Encoder) -> str | None:
    """Why two encoders' numbers must not be compared, in one line; None where they may be."""
    for name, words in _SAME_PROTOCOL.items():
        ours, theirs = encoder.members[0].setting(name), baseline.members[0].setting(name)
        if ours != theirs:
            return f"the {words} differ: {setting(ours)} for {encoder.name}, {setting(theirs)} for {baseline.name}"
    return f"{encoder.name} and {baseline.name} {_OTHER_IMAGES}" if _other_images(encoder, baseline) else None


def _other_images(encoder: Encoder, baseline: Encoder) -> bool:
    """Whether two encoders were measured on different test images, runs of one seed and split where there are any."""
    places = range(len(encoder.members)), range(len(baseline.members))
    pairs = [(encoder.members[i], baseline.members[j]) for i, j in _pairs(encoder, baseline, *places)]
    different = any(None not in (_test(a), _test(b)) and _test(a) != _test(b) for a, b in pairs)
    if not pairs:
        ours, theirs = ({_test(member) for member in e.members} - {None} for e in (encoder, baseline))
        different = bool(ours and theirs) and ours != theirs
    return different


def made_alike(reason: str) -> str:
    """What makes encoders comparable that are not, by `incomparable`'s reason."""
    return "audit them alike: holdfast audit RUN RUN" + " --test FILE" * reason.endswith(_OTHER_IMAGES)


def not_comparable(encoders: Sequence[Encoder]) -> list[str]:
    """Why some of the encoders must not be compared with others, a line for each cause, with the remedy."""
    said = []
    for name, words in _SAME_PROTOCOL.items():
        ways: dict[str, list[str]] = {}
        for encoder in encoders:
            ways.setdefault(setting(encoder.members[0].setting(name)), []).append(encoder.name)
        if len(ways) > 1:
            each = "; ".join(f"{way} for {joined(names)}" for way, names in ways.items())
            said.append(f"the {words} differ: {each}. No differences are given for them; {made_alike(words)}.")
    kinds: list[list[Encoder]] = []
    for encoder in encoders:
        kind = next((one for one in kinds if not _other_images(encoder, one[0])), None)
        kinds = kinds if kind is not None else [*kinds, kind := []]
        kind.append(encoder)
    if len(kinds) > 1:
        each = " against ".join(joined([encoder.name for encoder in kind]) for kind in kinds)
        remedy = made_alike(_OTHER_IMAGES)
        said.append(f"different test images: {each}. No differences are given between them; {remedy}.")
    return said


def _test(measured: Measured) -> str | None:
    """Checksum of its test images; None where only pairs of encoders were measured, on images of their own."""
    found = [f.settings.get("test_checksum") for f in measured.findings.values() if "pair_checksums" not in f.settings]
    return str(found[0]) if found else None


def _over_images(encoder: Encoder, baseline: Encoder, audit: str, score: Score) -> tuple[float, float] | None:
    """Interval of the difference over shared images, runs averaged; None where images do not align."""
    groups, axis = [group.with_finding(audit) for group in (encoder, baseline)], axis_of(audit)
    alone = [[axis.alone(member, score.name) for member in group] for group in groups]
    if any(one is not None for group in alone for one in group):
        return _of_intervals(alone)
    found = [[sample_of(member, audit, score.name) for member in group] for group in groups]
    known = [[one for one in group if one is not None] for group in found]
    if [*map(len, known)] != [*map(len, groups)]:
        return None
    return paired_interval(*known, span=_SPANS.get(score.unit, 0.0))


def _of_intervals(groups: Sequence[Sequence[tuple[np.ndarray, Measure] | None]]) -> tuple[float, float] | None:
    """The interval from (ids, number, interval) of both encoders' runs; None where one is missing or ids differ."""
    known = [[one for one in group if one is not None] for group in groups]
    if [*map(len, known)] != [*map(len, groups)]:
        return None
    if not all(np.array_equal(own, known[0][0][0]) for group in known for own, _ in group):
        return None
    ours, theirs = ([measure for _, measure in group] for group in known)
    return apart_interval(ours, theirs)


def sample_of(measured: Measured, audit: str, score: str) -> Sample | None:
    """A score's values by image; None where no columns hold them, or they do not give the finding's own value."""
    finding = measured.findings.get(audit)
    if finding is None or "id" not in finding.columns:
        return None
    found = axis_of(audit).sample(measured, finding, score)
    value = next((s.value for s in finding.scores if s.name == score), None)
    return found if found is not None and value is not None and found.gives(value) else None
