"""The body of the page: for each axis what it asks, how it was measured, its plots, its tables and its definitions."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from markupsafe import Markup

from holdfast.findings import Score
from holdfast.report.axes import AXES, Key, Limit, explained, protocol
from holdfast.report.collect import Encoder
from holdfast.report.plots import (
    Plot,
    attack_plots,
    class_bars,
    density_plots,
    group_bars,
    layer_plots,
    ratio_plots,
    roc_plots,
    steadiness_plots,
)
from holdfast.report.tables import Section, Table, class_table, group_table, per_class, score_table, sections
from holdfast.report.wording import direction, label, shown


@dataclass(frozen=True)
class Drawing:
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
    drawings: Sequence[Drawing]
    more_tables: Sequence[Table] = ()
    definitions: Sequence[tuple[str, Sequence[Mapping[str, str]]]] = field(default_factory=tuple)


def parts(encoders: Sequence[Encoder], limits: Mapping[Key, Limit]) -> list[Part]:
    """A part for every audit that any encoder has, the six axes first."""
    found = sections(encoders)
    known = {axis.audit: (axis.title, axis.question) for axis in AXES}
    audits = sorted({section.audit for section, _ in found}, key=lambda name: [*known, name].index(name))
    return [
        _part(encoders, audit, known.get(audit, (shown(audit).capitalize(), "")), found, limits) for audit in audits
    ]


def _part(
    encoders: Sequence[Encoder],
    audit: str,
    heading: tuple[str, str],
    found: Sequence[tuple[Section, Sequence[Score]]],
    limits: Mapping[Key, Limit],
) -> Part:
    own = [(section, scores) for section, scores in found if section.audit == audit]
    first = _FIRST.get(audit, 12)
    return Part(
        audit=audit,
        title=heading[0],
        question=heading[1],
        explained=explained(audit),
        protocol=protocol(encoders, audit),
        score_tables=[score_table(encoders, section, scores[:first], limits) for section, scores in own],
        folded_tables=[
            _folded(score_table(encoders, section, scores[first:], limits)) for section, scores in own if scores[first:]
        ],
        drawings=[drawing for drawing in _drawings(encoders, audit) if drawing.plots],
        more_tables=_more_tables(encoders, audit),
        definitions=[(section.title, [_definition(score) for score in scores]) for section, scores in own],
    )


_FIRST = {"invariance": 5, "robustness": 7}
"""Scores that stand open: the means over transformations, and the budgets over all classes."""


def _folded(table: Table) -> Table:
    return replace(table, name=f"{table.name}-more", caption=f"{table.caption}, further scores")


def _drawings(encoders: Sequence[Encoder], audit: str) -> list[Drawing]:
    return [_drawing(make(encoders), caption) for make, caption in _DRAWINGS.get(audit, ())]


def _drawing(found: Sequence[Plot], caption: str) -> Drawing:
    """The SVG is matplotlib's own output, in which all text is escaped."""
    return Drawing([{"name": p.name, "alt": p.alt, "svg": Markup(p.svg)} for p in found], caption)


def drawn(found: Sequence[Plot], caption: str) -> Drawing:
    """Plots that belong to no audit."""
    return _drawing(found, caption)


def _group_plots(encoders: Sequence[Encoder]) -> list[Plot]:
    both = (("", "Full-shot probe"), ("few_shot_", "Few-shot probe"))
    return [plot for prefix, title in both if (plot := group_bars(encoders, prefix, title)) is not None]


def _class_plots(encoders: Sequence[Encoder]) -> list[Plot]:
    per = per_class(encoders)
    return [] if per is None else [class_bars(per, encoders)]


_DRAWINGS: dict[str, Sequence[tuple[Callable[[Sequence[Encoder]], Sequence[Plot]], str]]] = {
    "balance": (
        (_group_plots, "Accuracy by class group. Whiskers: 95 % intervals, as in the tables."),
        (
            _class_plots,
            "Accuracy by class with 95 % intervals, full-shot probe; above it the training images of each class on a "
            "logarithmic scale.",
        ),
    ),
    "tail": (
        (
            density_plots,
            "Groups are by the distance to the tenth nearest training image: no labels are used. Bands: 95 % "
            "intervals, or the range over runs. The rare are held less steady where distance falls, or shared "
            "neighbours rise, from left to right.",
        ),
    ),
    "robustness": (
        (
            attack_plots,
            "Left: test images still right after all attacks; bands: 95 % intervals. Right: each dot is the mean of "
            "five strengths.",
        ),
    ),
    "invariance": (
        (
            steadiness_plots,
            "Strength 0 is the clean image. Whitened cosine of clean and moved features: 1 has not moved. Accuracy: a "
            "linear probe fitted on clean images. Lines: mean over runs; bands: from the smallest to the largest run.",
        ),
    ),
    "memorization": (
        (ratio_plots, "Where the line does not stand to the right of the dots, nothing was memorised that shows."),
        (
            layer_plots,
            "LayerMem of encoder pairs, not of the run’s own encoder; bands: 95 % intervals over images. It grows with "
            "depth nearly everywhere: look at the steps.",
        ),
    ),
    "privacy": (
        (
            roc_plots,
            "A line for each pair of encoders, not for the run’s own encoder. On the diagonal an attack guesses.",
        ),
    ),
}
"""By audit: what makes plots, and the caption under them."""


def _more_tables(encoders: Sequence[Encoder], audit: str) -> list[Table]:
    if audit != "balance":
        return []
    per = per_class(encoders)
    found = [None if per is None else class_table(per, encoders), group_table(encoders)]
    return [table for table in found if table is not None]


def _definition(score: Score) -> dict[str, str]:
    low, high = ("" if bound is None else f"{bound:g}" for bound in score.range)
    bounds = (
        f"from {low} to {high}" if low and high else f"at least {low}" if low else f"at most {high}" if high else ""
    )
    about = [f"in {shown(score.unit)}" if score.unit else "", bounds, direction(score)]
    return {"name": label(score.name), "text": score.definition, "about": ", ".join(filter(None, about))}
