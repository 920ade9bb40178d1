"""Scores over runs, paired differences between encoders, and when two encoders may be compared at all."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from holdfast.findings import Finding, Score
from holdfast.report.collect import Encoder, Measured
from holdfast.report.comparison.comparability import measured_differently
from holdfast.report.comparison.paired import paired_interval
from holdfast.report.comparison.samples import sample
from holdfast.report.statistics import DRAWS, Estimate, over_runs, unpaired
from holdfast.report.wording import setting

OVER_IMAGES = f"test images (paired bootstrap within each class, {DRAWS:,} draws)"
_BY_CLASS = ("all", "many", "medium", "few", "std", "worst_class")
_OVER = {
    "balance": OVER_IMAGES,
    "robustness": f"attacked test images (paired bootstrap, {DRAWS:,} draws)",
    "memorization": f"scored images (paired bootstrap within their parts, {DRAWS:,} draws)",
    "privacy": f"members and others (paired bootstrap of each, {DRAWS:,} draws)",
}
_OVER_OTHERS = f"test images (paired bootstrap, {DRAWS:,} draws)"
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
            return "no interval: measure more seeds"
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
        return _OVER.get(self.audit, _OVER_OTHERS)


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


def difference(encoder: Encoder, baseline: Encoder, audit: str, score: Score) -> Difference | None:
    """Encoder minus baseline on one score; None where one of them lacks it or the two cannot be compared."""
    a, b = values_of(encoder, audit, score.name), values_of(baseline, audit, score.name)
    if not a or not b or incomparable(encoder, baseline):
        return None
    if measured_differently(audit, encoder, baseline):
        return None
    pairs = _pairs(encoder, baseline, a, b)
    deltas = [a[i] - b[j] for i, j in pairs]
    value = float(np.mean(deltas)) if len(deltas) > 1 else float(np.mean([*a.values()]) - np.mean([*b.values()]))
    runs = None
    if len(deltas) > 1:
        runs = over_runs(deltas, f"{len(deltas)} {encoder.varies} (paired t interval)")
    elif not deltas and len(a) > 1 and len(b) > 1:
        runs = unpaired([*a.values()], [*b.values()], f"{len(a)} and {len(b)} runs (Welch's t interval, not paired)")
    return Difference(audit, score, encoder, baseline, value, runs, _over_images(encoder, baseline, audit, score))


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
    places = range(len(encoder.members)), range(len(baseline.members))
    pairs = [(encoder.members[i], baseline.members[j]) for i, j in _pairs(encoder, baseline, *places)]
    different = any(_test(a) != _test(b) for a, b in pairs)
    if not pairs:
        different = {_test(a) for a in encoder.members} != {_test(b) for b in baseline.members}
    return f"{encoder.name} and {baseline.name} were measured on different test images" if different else None


def _test(measured: Measured) -> str:
    return str(measured.setting("test_checksum"))


def _over_images(encoder: Encoder, baseline: Encoder, audit: str, score: Score) -> tuple[float, float] | None:
    """Bootstrap interval of the difference over shared images, runs averaged; None where images do not align."""
    groups = [group.with_finding(audit) for group in (encoder, baseline)]
    if audit == "balance" and score.name.removeprefix("few_shot_") in _BY_CLASS:
        return _within_classes(groups, score.name)
    found = [[sample(member, audit, score.name) for member in group] for group in groups]
    known = [[drawn for drawn in group if drawn is not None] for group in found]
    return paired_interval(*known) if [*map(len, known)] == [*map(len, groups)] else None


def _within_classes(groups: list[list[Measured]], score: str) -> tuple[float, float] | None:
    """Of a balance score, images drawn again within each class."""
    name = score.removeprefix("few_shot_")
    found = [[m.resampled if name == score else m.resampled_few_shot for m in group] for group in groups]
    ours, theirs = ([drawn for drawn in group if drawn is not None] for group in found)
    if len(ours) < len(groups[0]) or len(theirs) < len(groups[1]):
        return None
    if not all(np.array_equal(drawn.ids, ours[0].ids) for drawn in ours + theirs):
        return None
    means = [np.mean([drawn.statistic(name) for drawn in group], axis=0) for group in (ours, theirs)]
    low, high = np.percentile(means[0] - means[1], [2.5, 97.5])
    return (float(low), float(high)) if np.isfinite([low, high]).all() else None
