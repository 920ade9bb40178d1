"""Curves of training: the loss and the signals on held-out images by epoch."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from holdfast.report.collect import Encoder
from holdfast.report.plots.svg import COLOURS, DASHES, Plot, draw

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MOST_POINTS = 300

CURVES = (
    ("epoch", "loss", "Loss", "loss (nats)"),
    ("signals", "knn_accuracy", "kNN accuracy", "accuracy (%)"),
    ("signals", "effective_rank", "Effective rank", "dimensions"),
    ("signals", "alignment", "Alignment (lower: views closer)", "distance"),
    ("signals", "uniformity", "Uniformity (lower: more spread)", "log mean potential (nats)"),
    ("signals", "feature_std", "Feature standard deviation", "per dimension"),
)
"""(kind of row, key, title, axis label) of each training curve."""


def curve_plots(encoders: Sequence[Encoder]) -> list[Plot]:
    """One plot per recorded signal: mean over runs as a line, smallest to largest run as a band."""
    plots = []
    for kind, key, title, unit in CURVES:
        series = [(e, *_series(e, kind, key)) for e in encoders]
        if any(len(epochs) for _, epochs, _ in series):
            plots.append(_curve(key, title, unit, series))
    return plots


def _curve(key: str, title: str, unit: str, series: Sequence[tuple[Encoder, np.ndarray, np.ndarray]]) -> Plot:
    def paint(figure: "Figure") -> None:
        from matplotlib.ticker import MaxNLocator

        axes = figure.subplots()
        for encoder, epochs, values in series:
            if len(epochs):
                style: dict[str, Any] = {"color": COLOURS[encoder.place], "ls": DASHES[encoder.place]}
                axes.plot(epochs, values.mean(0), marker="o" if len(epochs) < 12 else "", ms=3.5, **style)
                axes.fill_between(epochs, values.min(0), values.max(0), color=style["color"], alpha=0.18, lw=0)
        axes.set(title=title, xlabel="epochs", ylabel=unit)
        axes.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))

    alt = f"{title} by epoch for each encoder: mean over runs, with a band from the smallest to the largest run."
    return draw(f"curve-{key.replace('_', '-')}", alt, (352, 236), paint)


def _series(encoder: Encoder, kind: str, key: str) -> tuple[np.ndarray, np.ndarray]:
    """Epochs [k] that all runs share and values [runs, k], thinned evenly to what a plot can show."""
    runs = [{row["epoch"]: row[key] for row in m.rows(kind) if row.get(key) is not None} for m in encoder.members]
    runs = [run for run in runs if run]
    shared = sorted(set.intersection(*(set(run) for run in runs))) if runs else []
    if len(shared) > _MOST_POINTS:
        shared = [shared[i] for i in np.linspace(0, len(shared) - 1, _MOST_POINTS).round().astype(int)]
    return np.array(shared), np.array([[run[epoch] for epoch in shared] for run in runs])
