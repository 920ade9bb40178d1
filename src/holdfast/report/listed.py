"""What is looked up by an audit's name: its axis, the scores that stand for it, the words for them.

Findings of an audit that is not in AXES (of another version, of somebody's own) are shown by plain rules.
"""

import re
from collections.abc import Sequence
from typing import Any

from holdfast.findings import Finding, Score
from holdfast.report.axes import AXES, Axis, Section, no_sample
from holdfast.report.collect import Encoder
from holdfast.report.wording import printable, setting

READERS = tuple(axis.per_image for axis in AXES.values() if axis.per_image is not None)
"""How audits are read image by image."""
_SAME = ("layer", "aggregate", "precision")
"""Settings of all audits that decide what is measured."""
_OTHERS = 4
"""Scores that stand for an audit that is not listed."""
_LABELS = {name: words for axis in AXES.values() for name, words in axis.labels.items()}


def leading() -> set[str]:
    """The gallery of each axis that stands open on a page: the first of its keys."""
    return {reader.keys[0] for reader in READERS if reader.keys}


def axis_of(audit: str) -> Axis:
    """The axis of an audit; of one that is not listed, one that knows no more than its name."""
    if audit in AXES:
        return AXES[audit]
    title = printable(audit).capitalize()
    return Axis(
        audit=audit,
        title=title,
        question="",
        explained="",
        command="",
        needs="images",
        measures=(),
        limits={},
        labels={},
        shortlist=(".*",),
        shortlist_most=_OTHERS,
        top=(),
        sections=(Section(audit, title),),
        precedence=2,
        facts=(("Test images", "test_images"), ("Of", "test"), ("Seed", "seed")),
        must_match=(),
        remedy="audit both alike",
        sample=no_sample,
        drawings=(),
        per_image=None,
    )


def audits_of(encoders: Sequence[Encoder]) -> list[str]:
    """The audits that any encoder has findings of: the listed ones in their order, then others by name."""
    measured = {audit for encoder in encoders for member in encoder.members for audit in member.findings}
    return [name for name in AXES if name in measured] + sorted(measured - set(AXES))


def by_precedence(audits: Sequence[str]) -> list[Axis]:
    """The axes of audits in the order of tables and sentences that go over all of them."""
    return sorted(map(axis_of, audits), key=lambda axis: axis.precedence)


def shortlist(audit: str, scores: Sequence[Score]) -> list[Score]:
    """The scores that stand for an audit, in the order of its patterns."""
    axis = axis_of(audit)
    found = [s for pattern in axis.shortlist for s in scores if re.fullmatch(pattern, s.name)]
    with_them = {axis.beside.get(s.name) for s in found[: axis.shortlist_most]}
    return [*found[: axis.shortlist_most], *(s for s in scores if s.name in with_them and s not in found)]


def label(score: str) -> str:
    """A score's name in words; a few-shot score by the score that it repeats."""
    name = score.removeprefix("few_shot_")
    words = re.sub(r"_(\d+)_255(?=_|$)", r" at \1/255", printable(name)).replace("_", " ").capitalize()
    return _LABELS.get(name, words.replace("Pgd", "PGD"))


def score_label(score: Score) -> str:
    """A score in words; of a mean over some of the classes it says of how many."""
    partly = re.search(r"over the (\d+) of (\d+) classes that have test images", score.definition)
    return label(score.name) if partly is None else f"Classes with test images ({partly[1]} of {partly[2]})"


def own_label(score: Score) -> str:
    """A score of one encoder in words: of a worst group which it is."""
    group = re.search(r"in the group where it is lowest \((.*)\), of all with at least", score.definition)
    return score_label(score) if group is None else f"Worst group ({printable(group[1])})"


def counted(score: str, audit: str) -> str:
    """What a score is a share or a mean of, where others of a like name are of something else; '' elsewhere."""
    return next((words for names, words in axis_of(audit).counted.items() if re.fullmatch(names, score)), "")


def unit_words(score: Score, audit: str) -> str:
    """A score's unit, and what it is of; '' without either."""
    words = ", ".join(filter(None, (printable(score.unit), counted(score.name, audit))))
    return words.replace("percent, of", "percent of")


def conclusions(finding: Finding) -> list[str]:
    """Sentences to stand beside the numbers of a finding; none where they speak for themselves."""
    return list(axis_of(finding.audit).conclusions(finding))


def protocol(encoders: Sequence[Encoder], audit: str) -> list[tuple[str, str]]:
    """The settings that an audit was run with, several where encoders differ."""
    findings = [member.findings[audit] for encoder in encoders for member in encoder.with_finding(audit)]
    facts = []
    for name, key in axis_of(audit).facts:
        values = [f.settings[key] for f in findings if f.settings.get(key) is not None]
        said = dict.fromkeys(f"{v:,}" if type(v) is int and key != "seed" else setting(v) for v in values)
        if said:
            facts.append((name, " · ".join(said)))
    return facts


def value_of(settings: Any, name: str) -> Any:
    """A setting by its name; 'few_shot.images' is the images of few_shot. None where there is none."""
    for part in name.split("."):
        settings = settings.get(part) if hasattr(settings, "get") else None
    return settings


def same_everywhere(axis: Axis) -> tuple[str, ...]:
    """Settings that must be equal wherever an axis's numbers are averaged or held against each other."""
    return (*_SAME, *axis.must_match)


def of_its_runs(axis: Axis) -> tuple[str, ...]:
    """Settings that the runs of one encoder must share for their numbers to be averaged, whatever seed and split."""
    names = (*same_everywhere(axis), *(name for section in axis.sections for name in section.must_match))
    return tuple(name for name in names if not name.endswith(("checksum", "identity")))
