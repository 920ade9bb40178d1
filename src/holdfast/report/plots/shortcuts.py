"""Margins of the shortcuts audit: how many images lie nearer to their class than to their group."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from holdfast.report.collect import Encoder
from holdfast.report.plots.svg import COLOURS, DASHES, Plot, draw

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def margin_plots(encoders: Sequence[Encoder]) -> list[Plot]:
    """The share of test images up to each margin, a line for each encoder and run; none where nothing was measured."""
    lines = []
    for encoder in encoders:
        for member in encoder.with_finding("shortcuts"):
            margins = member.findings["shortcuts"].columns["margin"]
            lines.append((encoder.place, np.sort(margins[np.isfinite(margins)])))
    lines = [(place, margins) for place, margins in lines if len(margins)]
    if not lines:
        return []

    def paint(figure: "Figure") -> None:
        axes = figure.subplots()
        for place, margins in lines:
            share = 100 * np.arange(1, len(margins) + 1) / len(margins)
            axes.step(margins, share, where="post", color=COLOURS[place], ls=DASHES[place])
        axes.axvline(0, color="0.5", lw=0.8)
        axes.set(
            title="Margins of test images", xlabel="margin: group nearer below 0, class nearer above", xlim=(-1, 1)
        )
        axes.set(ylabel="images up to it, %", ylim=(0, 100))

    alt = "Share of test images up to each margin, a line for each encoder; what is left of 0 follows its group."
    return [draw("shortcuts-margins", alt, (352, 260), paint)]
