"""What one encoder gains and gives up beside others: two axes' numbers against each other, as plots."""

from collections.abc import Sequence
from textwrap import fill
from typing import TYPE_CHECKING

from holdfast.report.axes import AXES, Axis, Headline, HeadlineMeasure, headline, measure_of
from holdfast.report.collect import Encoder
from holdfast.report.comparison.comparability import measured_differently
from holdfast.report.comparison.differences import incomparable
from holdfast.report.plots import COLOURS, INK, Plot, draw

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TRADED = ("robustness", "balance", "invariance", "memorization", "privacy")
"""Axes that quality is held against, the one that stands open first."""
CAPTION = (
    "Upper right is better on both, whatever the direction of a number. Crosses: 95 % intervals. A filled point: no "
    "other encoder here has better numbers on both; a hollow one is beaten on both, by numbers that may lie within "
    "each other's intervals."
)
_SHAPES = "os^DvPX*"

Pair = tuple[int, Headline, Headline]
"""Place of an encoder, its quality and its other number."""


def trade_off_plots(encoders: Sequence[Encoder]) -> list[Plot]:
    """Quality's number against that of each other axis, for encoders that were measured alike on both.

    Empty for axes that fewer than two such encoders have, and for numbers without a better side.
    """
    return [plot for audit in TRADED if (plot := _plot(encoders, AXES[audit])) is not None]


def unbeaten(points: Sequence[tuple[float, float]]) -> list[bool]:
    """For each pair of numbers, larger being better: that no other is at least as good in both and better in one."""
    return [not any(p != q and q[0] >= p[0] and q[1] >= p[1] for q in points) for p in points]


def _plot(encoders: Sequence[Encoder], axis: Axis) -> Plot | None:
    quality = AXES["quality"]
    across, up = measure_of(quality, encoders), measure_of(axis, encoders)
    if up.better == "neither":
        return None
    alike = [e for e in encoders if _alike(e, encoders[0], axis)]
    found = [(e.place, headline(e, quality, across), headline(e, axis, up)) for e in alike]
    pairs = [(place, x, y) for place, x, y in found if x is not None and y is not None]
    if len(pairs) < 2:
        return None

    def paint(figure: "Figure") -> None:
        axes = figure.subplots()
        for (place, x, y), best in zip(pairs, _best(pairs), strict=True):
            (at_x, ends_x), (at_y, ends_y) = ((h.estimate.value, h.estimate.interval) for h in (x, y))
            if ends_x is not None:
                axes.hlines(at_y, *ends_x, color=INK, lw=1)
            if ends_y is not None:
                axes.vlines(at_x, *ends_y, color=INK, lw=1)
            face = {"mfc": COLOURS[place] if best else "none", "mec": COLOURS[place], "mew": 1.6}
            axes.plot(at_x, at_y, _SHAPES[place], ms=7, **face)
        axes.set(title=f"Quality and {axis.title.lower()}", xlabel=_words(across), ylabel=_words(up))
        axes.grid(True, axis="both")
        if up.better == "lower":
            axes.invert_yaxis()

    alt = f"{across.label} of each encoder against {up.label.lower()}, with 95 % intervals; upper right is better."
    return draw(f"trade-off-{axis.audit}", alt, (352, 270), paint)


def _alike(encoder: Encoder, baseline: Encoder, axis: Axis) -> bool:
    """Whether an encoder's numbers may stand beside the first one's."""
    if encoder is baseline:
        return True
    differ = any(measured_differently(audit, encoder, baseline) for audit in ("quality", axis.audit))
    return not differ and incomparable(encoder, baseline) is None


def _best(pairs: Sequence[Pair]) -> list[bool]:
    signed = [[(-1 if h.measure.better == "lower" else 1) * h.estimate.value for h in pair[1:]] for pair in pairs]
    return unbeaten([(x, y) for x, y in signed])


def _words(measure: HeadlineMeasure) -> str:
    about = ["%"] * (measure.unit == "percent") + ["lower is better"] * (measure.better == "lower")
    return fill(f"{measure.label} ({', '.join(about)})" if about else measure.label, 38)
