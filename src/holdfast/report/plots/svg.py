"""Plots as inline SVG: text stays text, colours are the page's own variables, so one drawing serves light and dark."""

import io
import re
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from holdfast.report.collect import Encoder, scores_of
from holdfast.report.comparison import estimate
from holdfast.report.statistics import Estimate
from holdfast.report.tables import PerClass

INK, FAINT = "#010101", "#020202"
COLOURS = [f"#0300{place:02x}" for place in range(8)]
_VARIABLES = {INK: "currentColor", FAINT: "var(--faint)"} | {c: f"var(--e{i})" for i, c in enumerate(COLOURS)}
"""Matplotlib wants colours, the page wants variables: placeholders stand in for them and are exchanged in the text."""

DASHES = ("-", "--", "-.", ":") * 2
_MOST_BARS = 40
_MOST_POINTS = 300

_STYLE: dict[Any, Any] = {
    **dict.fromkeys(("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color"), INK),
    **{"axes.spines.top": False, "axes.spines.right": False, "axes.grid": True, "axes.grid.axis": "y"},
    **{"grid.color": FAINT, "grid.linewidth": 0.8, "axes.linewidth": 0.8, "axes.axisbelow": True},
    **{"font.size": 11, "axes.titlesize": 12, "axes.titleweight": "bold", "axes.titlelocation": "left"},
    **{"text.parse_math": False, "text.usetex": False, "axes.unicode_minus": True, "svg.fonttype": "none"},
    **{"xtick.major.width": 0.8, "ytick.major.width": 0.8, "lines.linewidth": 1.8, "figure.facecolor": "none"},
    **{"axes.facecolor": "none", "savefig.facecolor": "none"},
}


@dataclass(frozen=True)
class Plot:
    """An SVG with the sentence that stands for it where it is not seen."""

    name: str
    alt: str
    svg: str


def draw(name: str, alt: str, size: tuple[int, int], paint: Callable[[Figure], None]) -> Plot:
    """Lets `paint` draw on an empty figure of size (width, height) in CSS pixels and returns it as inline SVG."""
    with matplotlib.rc_context({**_STYLE, "svg.hashsalt": name}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font")  # the browser has the glyphs that ours lacks
        figure = Figure(figsize=(size[0] / 72, size[1] / 72), layout="constrained")
        paint(figure)
        text = io.StringIO()
        figure.savefig(text, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
    return Plot(name, alt, _inline(text.getvalue(), name, size))


def _inline(svg: str, name: str, size: tuple[int, int]) -> str:
    """The <svg> element alone: no prologue, no style sheet, ids of its own, colours as variables."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>|<!--.*?-->", "", svg, flags=re.DOTALL)
    svg = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{name}-", svg)
    svg = re.sub(
        r"<svg[^>]*>", f'<svg width="{size[0]}" height="{size[1]}" viewBox="0 0 {size[0]} {size[1]}">', svg, count=1
    )
    svg = re.sub(r"#0[1-3]0[0-2]0[0-7]", lambda found: _VARIABLES.get(found[0], found[0]), svg)
    svg = re.sub(r"font: ([^;\"]*?)(\d+px) [^;\"]*", r"font-size: \2", svg)
    return re.sub(r"\n\s*", "\n", svg).strip()


def class_bars(per: PerClass, encoders: Sequence[Encoder]) -> Plot:
    """Training images over accuracy, classes from frequent to rare; bands in place of bars for many classes."""
    n, many = len(per.classes), len(per.classes) > _MOST_BARS
    width = 720 if many else int(np.clip(90 + n * (24 + 16 * len(encoders)), 360, 1040))

    def paint(figure: Figure) -> None:
        counts, bars = figure.subplots(2, 1, sharex=True, height_ratios=(1, 2.6))
        x = np.arange(n)
        counts.bar(x, [c.train_images for c in per.classes], color=FAINT, width=1.0 if many else 0.7)
        counts.set_yscale("symlog", linthresh=1)
        counts.yaxis.set_major_formatter(FuncFormatter(lambda images, _: f"{images:,.0f}"))  # not as 10^3 in TeX
        counts.set_ylabel("training\nimages")
        for e in encoders:
            values = [c.accuracies[e.place] for c in per.classes]
            (_band if many else _bars)(bars, x, values, e.place, len(encoders))
        bars.set(ylim=(0, 100), ylabel="accuracy (%)", xlabel="classes, from frequent to rare")
        if not many:
            bars.set_xticks(x, [_short(c.name) for c in per.classes], rotation=40, ha="right", rotation_mode="anchor")
            _count_labels(counts, per)

    alt = f"Accuracy of each of {n} classes in percent with 95 % intervals, the most trained-on first."
    return draw("class-bars", alt, (width, 400), paint)


def _count_labels(axes: Axes, per: PerClass) -> None:
    for i, c in enumerate(per.classes):
        axes.annotate(
            f"{c.train_images:,}", (i, c.train_images), (0, 2), textcoords="offset points", ha="center", size=9
        )
    axes.margins(y=0.3)


def _bars(axes: Axes, x: np.ndarray, values: Sequence[Estimate | None], place: int, encoders: int) -> None:
    """One bar per value beside those of the other encoders, with its interval."""
    width = 0.8 / encoders
    at = x + (place - (encoders - 1) / 2) * width
    heights = [0.0 if v is None else v.value for v in values]
    axes.bar(at, heights, width * 0.92, color=COLOURS[place])
    known = [(i, v.value, v.low, v.high) for i, v in enumerate(values) if v is not None and v.low is not None]
    if known:
        places, centre, low, high = (np.array(column, float) for column in zip(*known, strict=True))
        errors = np.clip([centre - low, high - centre], 0, None)
        axes.errorbar(at[places.astype(int)], centre, errors, fmt="none", ecolor=INK, elinewidth=1, capsize=2)


def _band(axes: Axes, x: np.ndarray, values: Sequence[Estimate | None], place: int, encoders: int) -> None:
    """A line with its interval as a band."""
    rows = [(np.nan, np.nan, np.nan) if v is None else (v.value, v.low, v.high) for v in values]
    centre, low, high = (np.array(column, float) for column in zip(*rows, strict=True))
    axes.plot(x, centre, color=COLOURS[place], ls=DASHES[place], lw=1.2)
    axes.fill_between(x, low, high, color=COLOURS[place], alpha=0.2, lw=0)


def _short(name: str, most: int = 18) -> str:
    return name if len(name) <= most else name[: most - 1] + "…"


_GROUPS = ("many", "medium", "few")


def group_bars(encoders: Sequence[Encoder], prefix: str, title: str) -> Plot | None:
    """Accuracy of frequent, medium and rare classes by encoder; None where it was not measured."""
    scores = {s.name: s for e in encoders for s in scores_of(e, "balance")}
    groups = [g for g in _GROUPS if prefix + g in scores]
    if not groups:
        return None

    def paint(figure: Figure) -> None:
        axes = figure.subplots()
        for e in encoders:
            values = [estimate(e, "balance", scores[prefix + g]) for g in groups]
            _bars(axes, np.arange(len(groups)), values, e.place, len(encoders))
        axes.set_xticks(range(len(groups)), groups)
        axes.set(ylim=(0, 100), ylabel="accuracy (%)", xlabel="class group by training images", title=title)

    alt = f"{title}: accuracy in percent of {', '.join(groups)} classes for each encoder, with 95 % intervals."
    return draw(f"groups{prefix.replace('_', '-')}", alt, (352, 270), paint)


CURVES = (
    ("epoch", "loss", "Loss", "loss (nats)"),
    ("signals", "knn_accuracy", "kNN accuracy", "accuracy (%)"),
    ("signals", "effective_rank", "Effective rank", "dimensions"),
    ("signals", "alignment", "Alignment (lower: views closer)", "distance"),
    ("signals", "uniformity", "Uniformity (lower: more spread)", "log mean potential (nats)"),
    ("signals", "feature_std", "Feature standard deviation", "per dimension"),
)
"""(kind of row, key, title, axis label) of each training curve."""


def curves(encoders: Sequence[Encoder]) -> list[Plot]:
    """One plot per recorded signal: mean over runs as a line, smallest to largest run as a band."""
    plots = []
    for kind, key, title, unit in CURVES:
        series = [(e, *_series(e, kind, key)) for e in encoders]
        if any(len(epochs) for _, epochs, _ in series):
            plots.append(_curve(key, title, unit, series))
    return plots


def _curve(key: str, title: str, unit: str, series: Sequence[tuple[Encoder, np.ndarray, np.ndarray]]) -> Plot:
    def paint(figure: Figure) -> None:
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
