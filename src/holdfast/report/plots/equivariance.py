"""R² of linear maps by transformation, a mark for each encoder and run."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from holdfast.report.collect import Encoder
from holdfast.report.plots.svg import COLOURS, Plot, draw
from holdfast.report.wording import printable

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def map_plots(encoders: Sequence[Encoder]) -> list[Plot]:
    """Transformations over R², of the map (filled) and of shuffled pairs (open); none where nothing was measured."""
    found = [
        (encoder.place, row)
        for encoder in encoders
        for member in encoder.with_finding("equivariance")
        for row in member.findings["equivariance"].tables["per_transformation"]
        if row["r2"] is not None
    ]
    if not found:
        return []
    names = list(dict.fromkeys(row["transformation"] for _, row in found))

    def paint(figure: "Figure") -> None:
        axes = figure.subplots()
        for place, row in found:
            at = names.index(row["transformation"]) + 0.1 * place
            axes.plot(np.clip(row["r2"], -1, 1), at, "o", color=COLOURS[place])
            axes.plot(np.clip(row["permuted"], -1, 1), at, "o", mfc="none", color=COLOURS[place])
        axes.axvline(0, color="0.5", lw=0.8)
        axes.set_yticks(range(len(names)), [printable(name) for name in names])
        axes.set(title="What a linear map foretells", xlabel="R², below −1 at −1", xlim=(-1.05, 1.05))
        axes.invert_yaxis()

    alt = "R² of a linear map from clean to moved features, by transformation and encoder; open: of shuffled pairs."
    return [draw("equivariance-maps", alt, (352, 240), paint)]
