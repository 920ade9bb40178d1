"""Accuracy by the groups that a user named (site, camera), as a table that sorts."""

from collections.abc import Mapping, Sequence
from typing import Any

from holdfast.report.cells import Cell, Column, Table, encoder_columns, estimate_cell
from holdfast.report.collect import Encoder
from holdfast.report.wording import printable
from holdfast.statistics import Estimate, over_runs

_Key = tuple[str, str]


def group_table(encoders: Sequence[Encoder]) -> Table | None:
    """A row for each group that any encoder was measured in; None where there are no such groups."""
    found = [[_by_key(m.findings["balance"].tables) for m in e.with_finding("balance")] for e in encoders]
    keys = list(dict.fromkeys(key for runs in found for rows in runs for key in rows))
    if not keys:
        return None
    first: dict[_Key, Mapping[str, Any]] = {}
    for rows in (rows for runs in found for rows in runs):
        first = {**rows, **first}
    body = [
        [
            Cell(printable(key[0])),
            Cell(printable(key[1])),
            Cell(f"{first[key]['probe_images']:,}", sort=first[key]["probe_images"]),
            Cell(f"{first[key]['test_images']:,}", sort=first[key]["test_images"]),
            *(
                estimate_cell(_estimate([rows[key] for rows in runs if key in rows], encoder.varies), "percent")
                for encoder, runs in zip(encoders, found, strict=True)
            ),
        ]
        for key in keys
    ]
    numbers = [Column("Probe images"), Column("Test images"), *encoder_columns(encoders, "balance")]
    columns = [Column("Column", numeric=False), Column("Group", numeric=False), *numbers]
    notes = ["Share of a group’s test images that the full-shot probe gets right, in percent, with its 95 % interval."]
    return Table("per-group", "Accuracy by groups of your own", columns, body, notes, sortable=True)


def _by_key(tables: Mapping[str, Sequence[Mapping[str, Any]]]) -> dict[_Key, Mapping[str, Any]]:
    return {(row["column"], row["group"]): row for row in tables.get("per_group", ())}


def _estimate(rows: Sequence[Mapping[str, Any]], varies: str) -> Estimate | None:
    if len(rows) > 1:
        return over_runs([row["accuracy"] for row in rows], f"{len(rows)} {varies} (t interval)", bounds=(0.0, 100.0))
    return Estimate(rows[0]["accuracy"], rows[0]["low"], rows[0]["high"], over="its test images") if rows else None
