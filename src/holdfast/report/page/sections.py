"""The body of the page: for each axis what it asks, how it was measured, its plots, its tables and its definitions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from markupsafe import Markup

from holdfast.findings import Score
from holdfast.report.axes import Axis, Key, Limit, Section
from holdfast.report.cells import Table
from holdfast.report.collect import Encoder
from holdfast.report.listed import audits_of, axis_of, label, protocol
from holdfast.report.plots import Plot
from holdfast.report.tables import score_table, sections
from holdfast.report.wording import direction, printable


@dataclass(frozen=True)
class Panel:
    """Plots that belong together, with what a reader must know to read them."""

    plots: Sequence[Mapping[str, Any]]
    caption: str


@dataclass(frozen=True)
class Part:
    """What the page shows of one audit."""

    audit: str
    title: str
    question: str
    explained: str
    protocol: Sequence[tuple[str, str]]
    score_tables: Sequence[Table]
    folded_tables: Sequence[Table]
    """Further scores, behind a fold."""
    drawings: Sequence[Panel]
    more_tables: Sequence[Table] = ()
    definitions: Sequence[tuple[str, Sequence[Mapping[str, str]]]] = field(default_factory=tuple)


def parts(encoders: Sequence[Encoder], limits: Mapping[Key, Limit]) -> list[Part]:
    """A part for every audit that any encoder has, the listed axes first."""
    found = sections(encoders)
    scored = {section.audit for section, _ in found}
    return [_part(encoders, axis_of(audit), found, limits) for audit in audits_of(encoders) if audit in scored]


def _part(
    encoders: Sequence[Encoder],
    axis: Axis,
    found: Sequence[tuple[Section, Sequence[Score]]],
    limits: Mapping[Key, Limit],
) -> Part:
    own = [(section, scores) for section, scores in found if section.audit == axis.audit]
    first = axis.open_scores
    return Part(
        audit=axis.audit,
        title=axis.title,
        question=axis.question,
        explained=axis.explained,
        protocol=protocol(encoders, axis.audit),
        score_tables=[score_table(encoders, section, scores[:first], limits) for section, scores in own],
        folded_tables=[
            _folded(score_table(encoders, section, scores[first:], limits)) for section, scores in own if scores[first:]
        ],
        drawings=[panel for panel in _panels(encoders, axis) if panel.plots],
        more_tables=axis.tables(encoders),
        definitions=[(section.title, [_definition(score) for score in scores]) for section, scores in own],
    )


def _folded(table: Table) -> Table:
    return replace(table, name=f"{table.name}-more", caption=f"{table.caption}, further scores")


def _panels(encoders: Sequence[Encoder], axis: Axis) -> list[Panel]:
    return [drawn(one.make(encoders), one.caption) for one in axis.drawings]


def drawn(found: Sequence[Plot], caption: str) -> Panel:
    """Plots with their caption. The SVG is matplotlib's own output, in which all text is escaped."""
    return Panel([{"name": p.name, "alt": p.alt, "svg": Markup(p.svg)} for p in found], caption)


def _definition(score: Score) -> dict[str, str]:
    low, high = ("" if bound is None else f"{bound:g}" for bound in score.range)
    bounds = (
        f"from {low} to {high}" if low and high else f"at least {low}" if low else f"at most {high}" if high else ""
    )
    about = [f"in {printable(score.unit)}" if score.unit else "", bounds, direction(score)]
    return {"name": label(score.name), "text": score.definition, "about": ", ".join(filter(None, about))}
