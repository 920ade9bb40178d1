"""One table of the scores that stand for each audit."""

from collections.abc import Sequence

from holdfast.report.cells import Cell, Column, Table, encoder_columns, run_cell
from holdfast.report.collect import Encoder, scores_of
from holdfast.report.estimates import estimate
from holdfast.report.listed import audits_of, axis_of, score_label, shortlist, unit_words
from holdfast.report.wording import direction, printable


def shortlist_table(encoders: Sequence[Encoder], audits: Sequence[str] | None = None) -> Table:
    """One table of the shortlisted scores of audits (None: all that were measured), a column per encoder."""
    rows, notes = [], {}
    for audit in audits_of(encoders) if audits is None else audits:
        scores = {s.name: s for e in encoders for s in shortlist(audit, scores_of(e, audit))}
        for place, score in enumerate(scores.values()):
            values = [run_cell(e, estimate(e, audit, score), score.unit) for e in encoders]
            about = ", ".join(filter(None, (unit_words(score, audit), direction(score).removesuffix(" is better"))))
            rows.append(
                [Cell(printable(audit) if place == 0 else ""), Cell(f"{score_label(score)} ({about})"), *values]
            )
        for encoder in encoders:
            of = [said for m in encoder.with_finding(audit) for said in axis_of(audit).beneath(m.findings[audit])]
            notes |= dict.fromkeys(f"{encoder.name}: {said}" if len(encoders) > 1 else said for said in of)
    columns = [Column("Axis", numeric=False), Column("Score", numeric=False), *encoder_columns(encoders)]
    return Table("shortlist", "Scores with 95 % intervals", columns, rows, list(notes))
