"""ROC curves of membership attacks on logarithmic axes, where the few certain hits are seen."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from holdfast.report.collect import Encoder
from holdfast.report.plots.svg import COLOURS, DASHES, FAINT, Plot, draw

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_TITLES = {
    "cosine": "Mean cosine of views",
    "difference": "Memorization difference, one pair",
    "averaged": "Memorization difference, mean over pairs",
}


Points = Sequence[tuple[float, float]]
"""(false-positive rate, true-positive rate) along a curve."""


def roc_plots(encoders: Sequence[Encoder]) -> list[Plot]:
    """One plot per attack of the privacy audits, a line for each pair; none where there are no such audits."""
    lines: dict[str, dict[tuple[int, int, object], list[tuple[float, float]]]] = {}
    for encoder in encoders:
        for number, member in enumerate(encoder.with_finding("privacy")):
            for row in member.findings["privacy"].tables.get("roc", ()):
                line = (encoder.place, number, row["pair"])
                lines.setdefault(row["attack"], {}).setdefault(line, []).append((row["fpr"], row["tpr"]))
    return [_plot(attack, [(key[0], points) for key, points in found.items()]) for attack, found in lines.items()]


def _plot(attack: str, lines: Sequence[tuple[int, Points]]) -> Plot:
    """lines: an encoder's place and a curve each."""
    least = min((value for _, points in lines for value in np.ravel(points) if value > 0), default=0.001)

    def paint(figure: "Figure") -> None:
        from matplotlib.ticker import FuncFormatter, NullFormatter

        axes = figure.subplots()
        axes.plot([least, 1], [least, 1], color=FAINT, lw=1)
        for place, points in lines:
            false, true = np.maximum(np.array(points).T, least)
            axes.plot(false, true, color=COLOURS[place], ls=DASHES[place], lw=1.2)
        title = _TITLES.get(attack, attack)
        axes.set(
            xscale="log", yscale="log", xlabel="non-members taken for members", ylabel="members caught", title=title
        )
        for axis in (axes.xaxis, axes.yaxis):  # as plain numbers: 10^-2 would be TeX that nobody sets
            axis.set_major_formatter(FuncFormatter(lambda share, _: f"{share:g}"))
            axis.set_minor_formatter(NullFormatter())

    alt = f"Share of members caught against share of non-members taken for members, {attack} attack, logarithmic axes."
    return draw(f"roc-{attack}", alt, (352, 300), paint)
