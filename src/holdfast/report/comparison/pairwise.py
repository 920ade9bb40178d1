"""What can and what cannot be told apart: each pair of encoders on the scores that stand for an axis, in sentences."""

from collections.abc import Sequence
from itertools import combinations

from holdfast.report.collect import Encoder, scores_of
from holdfast.report.comparison.differences import Difference, difference
from holdfast.report.listed import audits_of, score_label, shortlist
from holdfast.report.wording import joined, printable

CLOSE = "cannot be told apart"


def shortlisted(encoders: Sequence[Encoder]) -> list[tuple[str, str]]:
    """(audit, score) that stand for the axes and that any of the encoders has."""
    return [
        (audit, score.name)
        for audit in audits_of(encoders)
        for score in {s.name: s for e in encoders for s in shortlist(audit, scores_of(e, audit))}.values()
    ]


def pair_differences(encoder: Encoder, baseline: Encoder) -> list[Difference]:
    """Encoder minus baseline on the scores that stand for each axis, where both have them and were measured alike."""
    found = []
    for audit, name in shortlisted([baseline, encoder]):
        score = next((s for s in scores_of(baseline, audit) if s.name == name), None)
        found += [] if score is None else [difference(encoder, baseline, audit, score)]
    return [d for d in found if d is not None]


def apart_sentences(encoders: Sequence[Encoder]) -> list[str]:
    """Plain statements, some for each pair of encoders: told apart by what, not told apart by what, not known of what.

    Empty for one encoder.
    """
    said = [line for a, b in combinations(encoders, 2) for line in _pair_sentences(b, a)]
    if any("told apart" in line for line in said):
        said.append(
            "Each reading rests on its own 95 % interval: of twenty scores of equal encoders about one looks different."
        )
    return said


def apart_summary(encoders: Sequence[Encoder]) -> str:
    """How many pairs of three or more encoders can be told apart at all; nothing for fewer."""
    pairs = list(combinations(encoders, 2))
    if len(pairs) < 2:
        return ""
    found = [pair_differences(b, a) for a, b in pairs]
    apart = [any(d.interval is not None and d.reading != CLOSE for d in one) for one in found]
    close = [any(d.reading == CLOSE for d in one) and not split for one, split in zip(found, apart, strict=True)]
    told, not_told = sum(apart), sum(close)
    rest = len(pairs) - told - not_told
    unknown = f", for {rest} no interval tells" if rest else ""
    return f"Of {len(pairs)} pairs, {told} can be told apart by at least one score and {not_told} by none{unknown}."


def _pair_sentences(encoder: Encoder, baseline: Encoder) -> list[str]:
    found, both = pair_differences(encoder, baseline), f"{encoder.name} and {baseline.name}"
    close = [d for d in found if d.reading == CLOSE]
    unknown = [d for d in found if d.interval is None]
    apart = [d for d in found if d.interval is not None and d.reading != CLOSE]
    said = [
        f"{side.name} is better than {other.name}: {_named(ahead)}." for side, other, ahead in _sides(apart) if ahead
    ]
    differ = [d for d in apart if d.score.better == "neither"]
    said += [f"{both} differ, with no better side: {_named(differ)}."] if differ else []
    said += [f"{both} cannot be told apart: {_named(close)}."] if close else []
    said += [f"{both}, no interval to tell by: {_named(unknown)}."] if unknown else []
    return said


def _sides(apart: Sequence[Difference]) -> list[tuple[Encoder, Encoder, list[Difference]]]:
    """(better, worse, differences) for either side of a pair."""
    judged = [d for d in apart if d.score.better != "neither"]
    if not judged:
        return []
    encoder, baseline = judged[0].encoder, judged[0].baseline
    ahead = [d for d in judged if (d.value > 0) == (d.score.better == "higher")]
    return [
        (encoder, baseline, ahead),
        (baseline, encoder, [d for d in judged if d not in ahead]),
    ]


def _named(differences: Sequence[Difference]) -> str:
    """'Accuracy and Effective rank (quality); Worst class (balance)': scores of different audits may share a name."""
    by_audit: dict[str, list[str]] = {}
    for one in differences:
        by_audit.setdefault(printable(one.audit), []).append(score_label(one.score))
    return "; ".join(f"{joined(names)} ({audit})" for audit, names in by_audit.items())
