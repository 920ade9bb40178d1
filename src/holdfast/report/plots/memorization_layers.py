"""Memorization by depth: LayerMem of each layer with its interval."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from holdfast.report.collect import Encoder
from holdfast.report.plots.svg import COLOURS, DASHES, FAINT, Plot, draw

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def layer_plots(encoders: Sequence[Encoder]) -> list[Plot]:
    """One plot per kind of layer of the memorization audits, a line for each run; none where nothing was tapped."""
    rows = [
        (e.place, m.findings["memorization"].tables["layers"]) for e in encoders for m in e.with_finding("memorization")
    ]
    chains = {chain for _, layers in rows for chain in map(_chain, layers)}
    plots = []
    for chain in sorted(chains, reverse=True):
        lines = [(place, [row for row in layers if _chain(row) == chain]) for place, layers in rows]
        plots.append(_plot(chain, [line for line in lines if line[1]]))
    return plots


def _chain(row: Any) -> str:
    return row["kind"] if row["kind"] in ("attention", "MLP") else "trunk"


def _plot(chain: str, lines: Sequence[tuple[int, Sequence[Any]]]) -> Plot:
    def paint(figure: "Figure") -> None:
        axes = figure.subplots()
        axes.axhline(0, color=FAINT, lw=1)
        for place, rows in lines:
            at = np.arange(1, len(rows) + 1)
            axes.plot(
                at, [r["layer_memorization"] for r in rows], color=COLOURS[place], ls=DASHES[place], marker="o", ms=3
            )
            low, high = (np.array([r[end] for r in rows], float) for end in ("low", "high"))  # NaN without an interval
            axes.fill_between(at, low, high, color=COLOURS[place], alpha=0.18, lw=0)
        longest = max((rows for _, rows in lines), key=len)
        names = [row["layer"].removeprefix("network.") for row in longest]
        axes.set_xticks(range(1, len(names) + 1), names, rotation=40, ha="right", rotation_mode="anchor")
        axes.set(title=f"Memorization by layer: {chain}", ylabel="mean ratio, candidates")

    alt = f"Mean memorization ratio of the candidates after each layer ({chain}), with 95 % intervals over images."
    return draw(f"layers-{chain}", alt, (352, 300), paint)
