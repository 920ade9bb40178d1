"""The body of the page: for each axis what it asks, how it was measured, its plots, its tables and its definitions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from markupsafe import Markup

from holdfast.findings import Score
from holdfast.report.axes import Axis, Key, Limit, Section
from holdfast.report.cells import Table
from holdfast.report.collect import Encoder
from holdfast.report.listed import audits_of, axis_of, conclusions, protocol, score_label
from holdfast.report.page.cards import Card
from holdfast.report.plots import Plot
from holdfast.report.tables import score_table, sections
from holdfast.report.wording import direction, joined, printable

_NAMED = 3
"""Encoders that are named one by one."""


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
    headline: str
    """The card's number of every encoder, in a line."""
    explained: str
    conclusions: Sequence[str]
    """What may be concluded, where the audit says so."""
    picture: Panel | None
    """The one plot that stands open."""
    folded: str
    """What the fold holds, in words. All that follows stands behind it."""
    protocol: Sequence[tuple[str, str]]
    score_tables: Sequence[Table]
    folded_tables: Sequence[Table]
    """Further scores, behind a fold of their own."""
    drawings: Sequence[Panel]
    more_tables: Sequence[Table] = ()
    definitions: Sequence[tuple[str, Sequence[Mapping[str, str]]]] = field(default_factory=tuple)


def parts(encoders: Sequence[Encoder], limits: Mapping[Key, Limit], cards: Sequence[Card]) -> list[Part]:
    """A part for every audit that any encoder has, the listed axes first."""
    found = sections(encoders)
    scored = {section.audit for section, _ in found}
    headlines = {card.axis.audit: headline_of(card) for card in cards}
    made = [_part(encoders, axis_of(audit), found, limits) for audit in audits_of(encoders) if audit in scored]
    return [replace(part, headline=headlines.get(part.audit, "")) for part in made]


def headline_of(card: Card) -> str:
    """Every encoder's number; of many the smallest and the largest. Nothing where none was measured."""
    unit = f"\N{NO-BREAK SPACE}{card.unit}" if card.unit else ""
    said = [line.cell.text + unit for line in card.lines]
    if len(said) <= _NAMED:
        named = [f"{line.name} {number}" for line, number in zip(card.lines, said, strict=True)]
        return f"{card.measure.label}: {joined(named)}." if named else ""
    values = [float(line.cell.sort) for line in card.lines]
    low, high = values.index(min(values)), values.index(max(values))
    if said[low] == said[high]:
        return f"{card.measure.label}: {said[low]} for all of them."
    ends = f"from {said[low]} ({card.lines[low].name}) to {said[high]} ({card.lines[high].name})"
    return f"{card.measure.label}: {ends}."


def _part(
    encoders: Sequence[Encoder],
    axis: Axis,
    found: Sequence[tuple[Section, Sequence[Score]]],
    limits: Mapping[Key, Limit],
) -> Part:
    own = [(section, scores) for section, scores in found if section.audit == axis.audit]
    first, panels = axis.open_scores, [panel for panel in _panels(encoders, axis) if panel.plots]
    picture, others = _first_plot(panels)
    return Part(
        audit=axis.audit,
        title=axis.title,
        question=axis.question,
        headline="",
        explained=axis.explained,
        conclusions=_conclusions(encoders, axis.audit),
        picture=picture,
        folded=_fold_words(sum(len(scores) for _, scores in own), sum(len(panel.plots) for panel in others)),
        protocol=protocol(encoders, axis.audit),
        score_tables=[score_table(encoders, section, scores[:first], limits) for section, scores in own],
        folded_tables=[
            _folded(score_table(encoders, section, scores[first:], limits)) for section, scores in own if scores[first:]
        ],
        drawings=others,
        more_tables=axis.tables(encoders),
        definitions=[(section.title, [_definition(score) for score in scores]) for section, scores in own],
    )


def _first_plot(panels: Sequence[Panel]) -> tuple[Panel | None, list[Panel]]:
    """The plot that stands open, and the panels of all others."""
    if not panels:
        return None, []
    first, rest = panels[0], panels[0].plots[1:]
    return replace(first, plots=first.plots[:1]), [*([replace(first, plots=rest)] if rest else []), *panels[1:]]


def _conclusions(encoders: Sequence[Encoder], audit: str) -> list[str]:
    """What findings let one conclude, of few encoders; what is said of many stands under the table."""
    said: dict[str, dict[str, None]] = {}
    for encoder in encoders if len(encoders) <= _NAMED else ():
        for member in encoder.with_finding(audit):
            for text in conclusions(member.findings[audit]):
                said.setdefault(text, {})[encoder.name] = None
    return [text if len(encoders) == 1 else f"{joined(list(names))}: {text}" for text, names in said.items()]


def _fold_words(scores: int, plots: int) -> str:
    """'All 14 scores, 5 further plots, how it was measured and what each score is'."""
    counted = f"All {scores} scores" if scores > 1 else "The score"
    further = [f"{plots} further plot{'s' if plots > 1 else ''}"] if plots else []
    return joined([", ".join([counted, *further, "how it was measured"]), "what each score is"])


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
    return {"name": score_label(score), "text": score.definition, "about": ", ".join(filter(None, about))}
