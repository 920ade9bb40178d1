"""Curves of the invariance audit: how features and a fixed probe hold as a transformation grows stronger."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from holdfast.report.collect import Encoder
from holdfast.report.plots.svg import COLOURS, DASHES, Plot, draw
from holdfast.report.wording import printable

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MEASURES = (("whitened_cosine", "Features", "whitened cosine"), ("accuracy", "Probe", "accuracy, %"))
"""(column of the table, title, axis label)."""

Runs = list[dict[float, float]]
"""By run: the value at each strength."""


def steadiness_plots(encoders: Sequence[Encoder]) -> list[Plot]:
    """A plot per transformation and measure, a line per encoder; none where there are no invariance audits."""
    plots = []
    for measure, title, axis in _MEASURES:
        found: dict[tuple[str, str], dict[int, Runs]] = {}
        for encoder in encoders:
            for member in encoder.with_finding("invariance"):
                for name, values in _by_transformation(member.findings["invariance"].tables["curves"], measure).items():
                    found.setdefault(name, {}).setdefault(encoder.place, []).append(values)
        for number, ((name, unit), runs) in enumerate(found.items()):
            plots.append(
                _plot(
                    f"steadiness-{title.lower()}-{number}", f"{title}: {printable(name)}", printable(unit), axis, runs
                )
            )
    return plots


def _by_transformation(rows: Sequence, measure: str) -> dict[tuple[str, str], dict[float, float]]:
    """{(transformation, unit): {strength: value}} of those rows that have a value."""
    result: dict[tuple[str, str], dict[float, float]] = {}
    for row in rows:
        if row.get(measure) is not None:
            result.setdefault((row["transformation"], row["unit"]), {})[row["strength"]] = row[measure]
    return result


def _plot(name: str, title: str, unit: str, axis: str, lines: dict[int, Runs]) -> Plot:
    def paint(figure: "Figure") -> None:
        axes = figure.subplots()
        for place, runs in lines.items():
            strengths = sorted(set.intersection(*(set(run) for run in runs)))
            values = np.array([[run[strength] for strength in strengths] for run in runs])
            axes.plot(strengths, values.mean(0), marker="o", ms=3.5, color=COLOURS[place], ls=DASHES[place])
            axes.fill_between(strengths, values.min(0), values.max(0), color=COLOURS[place], alpha=0.18, lw=0)
        axes.set(title=title, xlabel=unit, ylabel=axis)

    alt = f"{title}: {axis} against strength ({unit}) for each encoder, mean over runs with a band from least to most."
    return draw(name, alt, (352, 220), paint)
