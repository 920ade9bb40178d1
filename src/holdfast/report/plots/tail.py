"""Plots of the tail audit: how test images are served from the sparsest group to the densest, without labels."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from holdfast.report.collect import Encoder
from holdfast.report.plots.svg import COLOURS, DASHES, Plot, draw

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MEASURES = (
    ("alignment", "Views of the rare", "distance between two views"),
    ("consistency", "Neighbours of the rare", "neighbours that two views share"),
)
"""(column of the table, title, axis label)."""

Line = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
"""Group, mean over runs, ends of the band."""


def density_plots(encoders: Sequence[Encoder]) -> list[Plot]:
    """A plot per measure, a line per encoder; none where there are no tail audits."""
    return [plot for measure in _MEASURES if (plot := _plot(encoders, *measure)) is not None]


def _plot(encoders: Sequence[Encoder], measure: str, title: str, axis: str) -> Plot | None:
    lines = {encoder.place: line for encoder in encoders if (line := _line(encoder, measure)) is not None}
    if not lines:
        return None

    def paint(figure: "Figure") -> None:
        axes = figure.subplots()
        for place, (group, mean, low, high) in lines.items():
            axes.plot(group, mean, marker="o", ms=4, color=COLOURS[place], ls=DASHES[place])
            axes.fill_between(group, low, high, color=COLOURS[place], alpha=0.18, lw=0)
        axes.set(title=title, xlabel="test images, from the sparsest group to the densest", ylabel=axis)

    alt = f"{title}: mean {axis} by group of test images, from the sparsest (1) to the densest, for each encoder."
    return draw(f"density-{measure}", alt, (352, 250), paint)


def _line(encoder: Encoder, measure: str) -> Line | None:
    """A measure by group, with the intervals of one run or the range over several; groups that all runs have."""
    tables = [m.findings["tail"].tables.get("density", ()) for m in encoder.with_finding("tail")]
    runs = [{row["group"]: row for row in table if row[measure] is not None} for table in tables]
    groups = sorted(set.intersection(*(set(run) for run in runs))) if runs else []
    if not groups:
        return None
    values = np.array([[run[group][measure] for group in groups] for run in runs], float)
    if len(runs) == 1:
        low, high = (np.array([runs[0][g][f"{measure}_{end}"] for g in groups], float) for end in ("low", "high"))
    else:
        low, high = values.min(0), values.max(0)
    return np.array(groups), values.mean(0), low, high
