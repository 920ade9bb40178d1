"""Draws docs/images/results-*.svg from results/*.json: `python experiments/result_plots.py`, or `make numbers`."""

import hashlib
import json
import re
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from holdfast.report.plots.svg import COLOURS, FAINT, draw
from holdfast.runs import atomic_path
from number_pages.engine import ROOT, has, results
from number_pages.methods import errors, robust
from number_pages.one_budget import BASE, COLUMNS, grouped
from number_pages.questions import rows
from number_pages.recipe import BESIDE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FIXED = {"currentColor": "#333333", "var(--faint)": "#dddddd"} | {
    f"var(--e{place})": colour for place, colour in enumerate(("#0b6e99", "#d9730d", "#0f7b6c", "#9b51a0"))
}
"""Docs are no page of ours with variables of its own: colours that are read on white and on grey."""
Point = tuple[float, float, float]
"""A value and the ends of its bar."""


def attacked() -> dict[str, list[Point]]:
    """By run: accuracy clean, under PGD at 4/255 and 8/255, and under AutoAttack at 8/255, in percent."""
    names = ("clean_accuracy", "pgd_accuracy_4_255", "pgd_accuracy_8_255", "robust_accuracy_8_255")
    titles = {"simclr": "SimCLR", "emp-ssl": "EMP-SSL", "robust-emp-ssl": "robust EMP-SSL", "cf-amc-ssl": "CF-AMC-SSL"}
    found = {}
    for run, title in titles.items():
        scores = [robust(run)["scores"][name] for name in names]
        found[title] = [(one["value"], *one["interval"]) for one in scores]
    return found


def averaged() -> dict[str, list[Point]]:
    """By arm: mean squared error over four targets of one drawing and of 30, mean and standard deviation of seeds."""
    titles = {"plain": "SimCLR", "pair 0.01": "pair penalty", "vjp 0.01": "the paper's penalty"}
    found = {}
    for arm, title in titles.items():
        both = [errors(arm, views, "mean") for views in ("0", "30")]
        found[title] = [(mean, mean - spread, mean + spread) for mean, spread in both]
    return found


def demo() -> dict[str, list[Point]]:
    """By method: accuracy of many, medium and few of the demo, mean and standard deviation of seeds."""
    found = {}
    for method, title in (("simclr", "SimCLR"), ("sdclr", "SDCLR")):
        scores = [results("demo")["methods"][method]["balance"][name] for name in ("many", "medium", "few")]
        found[title] = [(one["mean"], one["mean"] - one["spread"], one["mean"] + one["spread"]) for one in scores]
    return found


def asked(*questions: str, scores: Sequence[str]) -> dict[str, list[Point]]:
    """By comparison of questions: its differences in scores, with their intervals over seeds."""
    found = {}
    for one in rows(*questions):
        differences = [one["differences"][name] for name in scores]
        if all(score["interval"] is not None for score in differences):
            title = f"{one['arm']} less {one['against']}, {one['epochs']} epochs"
            found[title] = [(score["value"], *score["interval"]) for score in differences]
    return found


TAIL = ("many", "medium", "few")
TRADES = ("recipe",)
"""Plots whose two values are a point's place: how far the one costs the other."""
LEAK = ("clean_accuracy", "robust_accuracy_4_255", "robust_accuracy_8_255")


def recipe() -> dict[str, list[Point]]:
    """By run of the recipe's search, and by method beside it: linear probe and robust accuracy with intervals."""
    if not has("recipe"):
        return {}
    others = results("families")["runs"]
    found = {}
    for name, run in {**{name: others[name] for name in BESIDE if name in others}, **results("recipe")["runs"]}.items():
        axes = run["seeds"]["0"]["axes"]
        pair = (axes["quality"]["linear_accuracy"], axes["robustness"]["robust_accuracy_4_255"])
        found[name] = [(one["value"], *one["interval"]) for one in pair]
    return found


def by_axis() -> dict[str, list[Point]]:
    """By method and seed, 'simclr/0': a score of each axis with its interval; without one where it has none."""
    found = {}
    for _, runs in grouped(results("families")) if has("families") else ():
        for name, run in runs.items():
            for seed in sorted(run["seeds"], key=int):
                axes = run["seeds"][seed]["axes"]
                scores = [axes[axis][score] for axis, score, _ in COLUMNS.values()]
                found[f"{name}/{seed}"] = [(one["value"], *(one["interval"] or (one["value"],) * 2)) for one in scores]
    return found


PLOTS: dict[str, tuple[Callable[[], dict[str, list[Point]]], Sequence[str], str]] = {
    "attacked": (
        attacked,
        ("clean", "PGD-20, 4/255", "PGD-20, 8/255", "AutoAttack, 8/255"),
        "accuracy, %, 95 % intervals over images",
    ),
    "averaged": (averaged, ("one drawing", "30 drawings averaged"), "mean squared error, ± of 3 seeds"),
    "demo": (demo, ("many", "medium", "few"), "accuracy, %, ± of 3 seeds"),
    "budgets": (partial(asked, "budgets", scores=TAIL), TAIL, "difference in points, 95 % intervals over seeds"),
    "head": (partial(asked, "head", scores=TAIL), TAIL, "difference in points, 95 % intervals over seeds"),
    "recipe": (recipe, ("linear probe, %",), "robust at 4/255, %, 95 % intervals"),
    "families": (by_axis, tuple(COLUMNS), "methods by axis, a point a seed, 95 % intervals over test images"),
    "leak": (
        partial(asked, "leak", scores=LEAK),
        ("clean", "PGD-20, 4/255", "PGD-20, 8/255"),
        "difference in points, 95 % intervals over seeds",
    ),
}
"""By name: the numbers, what stands below, and what the axis measures."""


def svg(name: str) -> str:
    """A plot as a file of its own, with the digest of its numbers in it."""
    numbers, below, axis = PLOTS[name]
    series = numbers()

    def paint(figure: "Figure") -> None:
        if name == "families":
            _panels(figure, series, below)
        else:
            axes = figure.add_subplot()
            (_trade if name in TRADES else _points)(axes, series, below)
            axes.set_ylabel(axis)

    rows = len({title.partition("/")[0] for title in series})
    plot = draw(f"results-{name}", axis, (1080, 90 + 17 * rows) if name == "families" else (640, 340), paint)
    text = plot.svg
    for variable, colour in FIXED.items():
        text = text.replace(variable, colour)
    opening = f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{axis}" font-family="sans-serif" '
    text = text.replace("<svg ", opening + 'xmlns:xlink="http://www.w3.org/1999/xlink" ', 1)
    return re.sub(r"(<svg[^>]*>)", rf"\1<desc>{digest(series)}</desc>", text, count=1) + "\n"


def digest(series: dict[str, list[Point]]) -> str:
    """What numbers a plot shows."""
    return hashlib.blake2b(json.dumps(series, sort_keys=True).encode(), digest_size=8).hexdigest()


def _points(axes: "Axes", series: dict[str, list[Point]], below: Sequence[str]) -> None:
    """A point with its bar for each value, series side by side."""
    shapes: Any = "os^DvPX*"
    for place, (title, points) in enumerate(series.items()):
        shift = (place - (len(series) - 1) / 2) * 0.6 / max(1, len(series))
        x = [where + shift for where in range(len(points))]
        bars = [
            [max(0.0, value - low) for value, low, _ in points],
            [max(0.0, high - value) for value, _, high in points],
        ]
        axes.errorbar(
            x,
            [value for value, _, _ in points],
            yerr=bars,
            fmt=shapes[place % len(shapes)],
            color=COLOURS[place % 4],
            capsize=3,
            label=title,
        )
    if any(low < 0 for points in series.values() for _, low, _ in points):
        axes.axhline(0, color="#010101", linewidth=0.8)
    axes.set_xticks(range(len(below)), below)
    axes.legend(frameon=False, fontsize=9)


def _trade(axes: "Axes", series: dict[str, list[Point]], below: Sequence[str]) -> None:
    """A cross for each run at its two values, its number beside it; the names below, in the order of the numbers."""
    shapes: Any = "os^DvPX*"
    for place, (title, ((x, *_), (y, low, high))) in enumerate(series.items()):
        bar = [[max(0.0, y - low)], [max(0.0, high - y)]]
        style: dict[str, Any] = {"fmt": shapes[place // 4 % len(shapes)], "color": COLOURS[place % 4], "capsize": 2}
        axes.errorbar([x], [y], yerr=bar, label=title, **style)
    axes.set_xlabel(below[0])
    axes.legend(frameon=False, fontsize=7, loc="center left", bbox_to_anchor=(1.0, 0.5))


def _panels(figure: "Figure", series: dict[str, list[Point]], titles: Sequence[str]) -> None:
    """A panel for each axis, a row for each method, its seeds a little above one another; a line where SimCLR is."""
    names = list(dict.fromkeys(title.partition("/")[0] for title in series))
    panels = figure.subplots(1, len(titles), sharey=True)
    for place, (panel, title) in enumerate(zip(panels, titles, strict=True)):
        base = [points[place][0] for name, points in series.items() if name.startswith(f"{BASE}/")]
        panel.axvline(sum(base) / len(base), color=FAINT, linewidth=1.5)
        for name, points in series.items():
            (value, low, high), (method, _, seed) = points[place], name.partition("/")
            style: dict[str, Any] = {"fmt": "os^D"[int(seed) % 4], "color": COLOURS[int(seed) % 4], "markersize": 4}
            where, bar = names.index(method) + 0.24 * int(seed), [[value - low], [high - value]]
            panel.errorbar([value], [where], xerr=bar, **style, linewidth=1)
        panel.set_title(title.replace(", ", ",\n"), fontsize=9)
        panel.tick_params(labelsize=8)
        panel.locator_params(axis="x", nbins=4)
        panel.grid(axis="x", visible=False)
    panels[0].set_yticks(range(len(names)), names)
    panels[0].invert_yaxis()


def main() -> None:
    """Draws those that have numbers."""
    for name, (numbers, _, _) in PLOTS.items():
        if numbers():
            path = ROOT / "docs" / "images" / f"results-{name}.svg"
            with atomic_path(path) as temporary:
                temporary.write_text(svg(name))
            print(f"{path.relative_to(ROOT)}: drawn")


if __name__ == "__main__":
    main()
