"""Plots of the memorization audit: how far the candidates' ratios lie above those of images that no encoder saw."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from holdfast.findings import Finding
from holdfast.report.collect import Encoder
from holdfast.report.plots.svg import COLOURS, INK, Plot, draw

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_BINS = 40


def ratio_plots(encoders: Sequence[Encoder]) -> list[Plot]:
    """One plot per encoder that has per-image ratios: the first of its runs."""
    found = [
        (e, e.with_finding("memorization")[0].findings["memorization"])
        for e in encoders
        if e.with_finding("memorization")
    ]
    found = [(e, finding) for e, finding in found if {"part", "ratio"} <= set(finding.columns)]
    if not found:
        return []
    every = np.concatenate([finding.columns["ratio"] for _, finding in found])
    low, high = np.percentile(every, [0.2, 99.8])
    edges = np.linspace(low, max(high, low + 1e-6), _BINS + 1)
    return [_plot(encoder, finding, edges) for encoder, finding in found]


def _plot(encoder: Encoder, finding: Finding, edges: np.ndarray) -> Plot:
    part, ratio = finding.columns["part"], np.clip(finding.columns["ratio"], edges[0], edges[-1])

    def paint(figure: "Figure") -> None:
        axes = figure.subplots()
        for name, colour, style in (("candidate", COLOURS[encoder.place], "-"), ("external", INK, ":")):
            mine = ratio[part == name]
            if len(mine):
                shares = 100 * np.histogram(mine, edges)[0] / len(mine)
                axes.stairs(shares, edges, color=colour, ls=style, lw=1.8, label=f"{name} ({len(mine):,})")
        axes.legend(frameon=False, fontsize=10)
        axes.set(title=encoder.name, xlabel="memorization ratio", ylabel="share of images (%)")

    alt = f"{encoder.name}: distribution of the memorization ratio over candidates (line) and external images (dots)."
    return draw(f"ratios-{encoder.place}", alt, (352, 270), paint)
