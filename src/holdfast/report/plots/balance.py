"""Plots of the balance audit: accuracy by class and by group of classes."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from holdfast.report.breakdowns import PerClass, per_class
from holdfast.report.collect import Encoder, scores_of
from holdfast.report.estimates import estimate
from holdfast.report.plots.svg import COLOURS, DASHES, FAINT, INK, Plot, draw
from holdfast.statistics import Estimate

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MOST_BARS = 40


def class_plots(encoders: Sequence[Encoder]) -> list[Plot]:
    """Accuracy by class; none where the balance audit is missing or classes do not match."""
    per = per_class(encoders)
    return [] if per is None else [class_bars(per, encoders)]


def group_plots(encoders: Sequence[Encoder]) -> list[Plot]:
    """Accuracy by group of classes, of the full-shot and of the few-shot probe."""
    both = (("", "Full-shot probe"), ("few_shot_", "Few-shot probe"))
    return [plot for prefix, title in both if (plot := group_bars(encoders, prefix, title)) is not None]


def class_bars(per: PerClass, encoders: Sequence[Encoder]) -> Plot:
    """Training images over accuracy, classes from frequent to rare; bands in place of bars for many classes."""
    n, many = len(per.classes), len(per.classes) > _MOST_BARS
    width = 720 if many else int(np.clip(90 + n * (24 + 16 * len(encoders)), 360, 1040))

    def paint(figure: "Figure") -> None:
        from matplotlib.ticker import FuncFormatter

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


def _count_labels(axes: "Axes", per: PerClass) -> None:
    for i, c in enumerate(per.classes):
        axes.annotate(
            f"{c.train_images:,}", (i, c.train_images), (0, 2), textcoords="offset points", ha="center", size=9
        )
    axes.margins(y=0.3)


def _bars(axes: "Axes", x: np.ndarray, values: Sequence[Estimate | None], place: int, encoders: int) -> None:
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


def _band(axes: "Axes", x: np.ndarray, values: Sequence[Estimate | None], place: int, encoders: int) -> None:
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

    def paint(figure: "Figure") -> None:
        axes = figure.subplots()
        for e in encoders:
            values = [estimate(e, "balance", scores[prefix + g]) for g in groups]
            _bars(axes, np.arange(len(groups)), values, e.place, len(encoders))
        axes.set_xticks(range(len(groups)), groups)
        axes.set(ylim=(0, 100), ylabel="accuracy (%)", xlabel="class group by training images", title=title)

    alt = f"{title}: accuracy in percent of {', '.join(groups)} classes for each encoder, with 95 % intervals."
    return draw(f"groups{prefix.replace('_', '-')}", alt, (352, 270), paint)
