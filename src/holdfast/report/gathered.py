"""The encoders of a report: runs that are averaged were measured alike, axis by axis."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from holdfast.report.belonging import SetAside
from holdfast.report.collect import Encoder, Measured, collect
from holdfast.report.listed import axis_of, of_its_runs, value_of
from holdfast.report.wording import printable, setting


def gathered(folders: Iterable[Path | str]) -> list[Encoder]:
    """As collect, without findings of a run that were measured in another way than those of its other seeds.

    What most runs of an encoder share stands; among equally many, what the first of them has. Errors as of collect.
    """
    return [_measured_alike(encoder) for encoder in collect(folders)]


def _measured_alike(encoder: Encoder) -> Encoder:
    members = list(encoder.members)
    for audit in dict.fromkeys(audit for member in members for audit in member.findings):
        places = [place for place, member in enumerate(members) if audit in member.findings]
        ways = {place: _way(members[place], audit) for place in places}
        usual = max(dict.fromkeys(ways.values()), key=[*ways.values()].count)
        for place in places:
            if ways[place] != usual:
                members[place] = _without(members[place], audit, ways[place], usual)
    return replace(encoder, members=tuple(members))


def _way(member: Measured, audit: str) -> tuple[tuple[str, str], ...]:
    """How an audit was run: settings that runs of one encoder share, whatever their seed and split."""
    settings = member.findings[audit].settings
    return tuple((name, setting(value_of(settings, name))) for name in of_its_runs(axis_of(audit)))


def _without(
    member: Measured, audit: str, own: Sequence[tuple[str, str]], usual: Sequence[tuple[str, str]]
) -> Measured:
    name, ours, theirs = next((a[0], a[1], b[1]) for a, b in zip(own, usual, strict=True) if a != b)
    words = printable(name).replace("_", " ").replace(".", " ")
    reason = f"{words} is {ours} in {printable(member.folder)}, {theirs} in its other runs"
    findings = {key: finding for key, finding in member.findings.items() if key != audit}
    return replace(member, findings=findings, set_aside=[*member.set_aside, SetAside(audit, reason)])
