"""Duplicates: how near the nearest probe image is to each test image, and where alike begins."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from holdfast.report.collect import Encoder
from holdfast.report.plots.svg import COLOURS, DASHES, Plot, draw

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def twin_plots(encoders: Sequence[Encoder]) -> list[Plot]:
    """The share of test images from each cosine on, a line for each encoder and run; none without a threshold."""
    lines = []
    for encoder in encoders:
        for member in encoder.with_finding("duplicates"):
            finding = member.findings["duplicates"]
            if "probe_cosine" in finding.columns:
                cosines = np.sort(finding.columns["probe_cosine"].astype(float))
                lines.append((encoder.place, cosines, finding.settings["threshold_cosine"]))
    if not lines:
        return []

    def paint(figure: "Figure") -> None:
        axes = figure.subplots()
        for place, cosines, threshold in lines:
            share = 100 * np.arange(len(cosines), 0, -1) / len(cosines)
            axes.step(cosines, share, where="pre", color=COLOURS[place], ls=DASHES[place])
            axes.axvline(threshold, color=COLOURS[place], ls=":", lw=1)
        low = min(float(cosines[0]) for _, cosines, _ in lines)
        axes.set(title="Test images and their nearest probe image", xlabel="cosine of the features")
        axes.set_xlim(low - 0.05 * (1 - low), 1 + 0.02 * (1 - low))
        axes.set(ylabel="images from it on, %", ylim=(0, 100))

    alt = "Share of test images whose nearest probe image has at least each cosine; dotted: from there on alike."
    return [draw("duplicates-nearest", alt, (352, 260), paint)]
