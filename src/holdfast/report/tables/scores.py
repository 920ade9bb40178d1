"""Scores by encoder, section by section: each with its interval and spread, marked where beyond a limit."""

from collections.abc import Mapping, Sequence

from holdfast.findings import Score
from holdfast.report.axes import Key, Limit, Section
from holdfast.report.cells import Cell, Column, Table, encoder_columns, run_cell
from holdfast.report.collect import Encoder, scores_of
from holdfast.report.estimates import estimate
from holdfast.report.limits import LIMITS, applies, verdict
from holdfast.report.listed import audits_of, by_precedence, conclusions, score_label, unit_words
from holdfast.report.wording import direction, printable
from holdfast.statistics import Estimate


def sections(encoders: Sequence[Encoder]) -> list[tuple[Section, list[Score]]]:
    """The sections that any encoder has scores for, with those scores in the order the audits give them."""
    found = []
    for axis in by_precedence(audits_of(encoders)):
        for section in axis.sections:
            scores = [s for e in encoders for s in scores_of(e, axis.audit) if _belongs(s.name, section, axis.sections)]
            if scores:
                found.append((section, list({score.name: score for score in scores}.values())))
    return found


def _belongs(score: str, section: Section, siblings: Sequence[Section]) -> bool:
    prefixes = tuple(sibling.prefix for sibling in siblings if sibling.prefix)
    return score.startswith(section.prefix) if section.prefix else not score.startswith(prefixes)


def score_table(
    encoders: Sequence[Encoder], section: Section, scores: Sequence[Score], limits: Mapping[Key, Limit] = LIMITS
) -> Table:
    """Scores by encoder, each with its interval and spread; what lies beyond a limit is marked."""
    rows, overs = [], set()
    for score in scores:
        estimates = [estimate(e, section.audit, score) for e in encoders]
        overs |= {e.over for e in estimates if e is not None and e.low is not None}
        values = [_verdict_cell(e, section, score, est, limits) for e, est in zip(encoders, estimates, strict=True)]
        rows.append(
            [Cell(score_label(score), _unit(score, section.audit) + direction(score), hint=score.definition), *values]
        )
    notes = [f"Brackets: 95 % interval over {printable(over)}." for over in sorted(overs) if over]
    if any(len(e.members) > 1 for e in encoders):
        notes.append("Each number is the mean over runs; ± is the population standard deviation over runs.")
    members = [(e.name, m.findings[section.audit]) for e in encoders for m in e.with_finding(section.audit)]
    notes += dict.fromkeys(f"{name}: {said}" for name, finding in members for said in conclusions(finding))
    name = f"scores-{section.audit}{'-few-shot' if section.prefix else ''}"
    return Table(
        name, section.title, [Column("Score", numeric=False), *encoder_columns(encoders, section.audit)], rows, notes
    )


def _unit(score: Score, audit: str) -> str:
    words = unit_words(score, audit)
    return f"{words}, " if words else ""


def _verdict_cell(
    encoder: Encoder, section: Section, score: Score, value: Estimate | None, limits: Mapping[Key, Limit]
) -> Cell:
    limit = limits.get((section.audit, score.name))
    cell = run_cell(encoder, value, score.unit)
    if value is None or limit is None or not applies(limit, encoder):
        return cell
    others = {s.name: estimate(encoder, section.audit, s) for s in scores_of(encoder, section.audit)}
    known = {name: other.value for name, other in others.items() if other is not None}
    watch = verdict(limit, value.value, known, value.interval) == "watch"
    return Cell(cell.text, cell.note, cell.sort, limit.reason, "watch") if watch else cell
