"""Paired differences between encoders as a table."""

from collections.abc import Sequence

from holdfast.report.cells import Cell, Column, Table
from holdfast.report.collect import Encoder
from holdfast.report.comparison import Difference, difference
from holdfast.report.listed import score_label
from holdfast.report.tables.scores import sections
from holdfast.report.wording import difference_unit, interval, number


def differences(encoders: Sequence[Encoder]) -> list[Difference]:
    """Every other encoder minus the first, for every score that both have."""
    found = []
    for section, scores in sections(encoders):
        for score in scores:
            found += [difference(e, encoders[0], section.audit, score) for e in encoders[1:]]
    return [d for d in found if d is not None]


def difference_table(found: Sequence[Difference], baseline: Encoder) -> Table:
    """Paired differences with both intervals and what may be said."""
    rows = [
        [
            Cell(score_title(d), sort=score_title(d), hint=d.score.definition),
            Cell(d.encoder.name, sort=d.encoder.place, place=d.encoder.place),
            Cell(number(d.value, d.score.unit, signed=True), difference_unit(d.score.unit).strip(), d.value),
            _interval_cell(d.runs.interval if d.runs else None, d.score.unit),
            _interval_cell(d.images, d.score.unit),
            Cell(d.reading, sort=d.reading, mark="apart" if "better" in d.reading else ""),
        ]
        for d in found
    ]
    columns = [
        Column("Score", numeric=False),
        Column("Encoder", numeric=False),
        Column(f"Minus {baseline.name}"),
        Column("Over runs", "95 % interval"),
        Column("Over test images", "95 % interval"),
        Column("Reading", numeric=False),
    ]
    overs = sorted({d.over for d in found if d.over})
    notes = [f"The reading rests on {over}." for over in overs]
    notes.append(
        "Over runs: training again. Over test images: these trained encoders on other images of the same kind."
    )
    notes.append("Intervals are not corrected for the number of comparisons.")
    return Table("differences", f"Differences from {baseline.name}", columns, rows, notes, sortable=True)


def score_title(d: Difference) -> str:
    """The score's label with its probe where it is the few-shot one."""
    return score_label(d.score) + (" · few-shot" if d.score.name.startswith("few_shot_") else "")


def _interval_cell(bounds: tuple[float, float] | None, unit: str) -> Cell:
    if bounds is None:
        return Cell("–")
    return Cell(interval(*bounds, unit, signed=True, like=max(bounds, key=abs)), sort=bounds[0])
