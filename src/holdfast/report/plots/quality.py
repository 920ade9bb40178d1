"""Plot of the quality audit: what two simple readers find in the features."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from holdfast.report.collect import Encoder, scores_of
from holdfast.report.estimates import estimate
from holdfast.report.plots.svg import COLOURS, INK, Plot, draw

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_READERS = (("linear_accuracy", "linear probe"), ("knn_accuracy", "nearest\nneighbours"))


def reader_plots(encoders: Sequence[Encoder]) -> list[Plot]:
    """Accuracy of the linear probe and of the nearest neighbours; none where there were no labels."""
    scores = {s.name: s for e in encoders for s in scores_of(e, "quality")}
    known = [(name, words) for name, words in _READERS if name in scores]
    if not known:
        return []

    def paint(figure: "Figure") -> None:
        axes = figure.subplots()
        for e in encoders:
            values = [estimate(e, "quality", scores[name]) for name, _ in known]
            found = [(y, v) for y, v in enumerate(values) if v is not None]
            at = np.array([y for y, _ in found]) + 0.6 * ((e.place + 0.5) / len(encoders) - 0.5)
            centre = np.array([v.value for _, v in found])
            ends = [(v.value, v.value) if v.interval is None else v.interval for _, v in found]
            errors = np.clip([[c - low, high - c] for c, (low, high) in zip(centre, ends, strict=True)], 0, None).T
            axes.errorbar(centre, at, xerr=errors, fmt="none", ecolor=INK, elinewidth=1, capsize=2)
            axes.plot(centre, at, "o", ms=6, color=COLOURS[e.place])
        axes.set_yticks(range(len(known)), [words for _, words in known])
        axes.grid(axis="x")
        axes.set(title="Read off the features", xlabel="accuracy (%)", xlim=(0, 100), ylim=(len(known) - 0.4, -0.6))

    alt = "Accuracy in percent of a linear probe and of nearest neighbours for each encoder, with 95 % intervals."
    return [draw("quality-readers", alt, (352, 190), paint)]
