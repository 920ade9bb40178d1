"""Plots of the robustness audit: accuracy as the attacker's budget grows, and under common corruptions."""

from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from holdfast.report.collect import Encoder, scores_of
from holdfast.report.estimates import estimate
from holdfast.report.plots.svg import COLOURS, DASHES, Plot, draw
from holdfast.report.wording import printable, slug

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def attack_plots(encoders: Sequence[Encoder]) -> list[Plot]:
    """Accuracy over the budget, and accuracy by corruption; those that were measured."""
    return [plot for plot in (_budgets(encoders), _corruptions(encoders)) if plot is not None]


Point = tuple[float, str, float, float, float]
"""Budget as a number and as written, accuracy, ends of its interval."""


def _budgets(encoders: Sequence[Encoder]) -> Plot | None:
    lines = {encoder.place: _points(encoder) for encoder in encoders}
    lines = {place: points for place, points in lines.items() if len(points) > 1}
    if not lines:
        return None
    ticks = sorted({(at, name) for points in lines.values() for at, name, *_ in points})

    def paint(figure: "Figure") -> None:
        axes = figure.subplots()
        for place, points in lines.items():
            at, value, low, high = (np.array([point[i] for point in points], float) for i in (0, 2, 3, 4))
            axes.plot(at, value, marker="o", ms=4, color=COLOURS[place], ls=DASHES[place])
            axes.fill_between(at, low, high, color=COLOURS[place], alpha=0.18, lw=0)
        axes.set_xticks([at for at, _ in ticks], [name for _, name in ticks])
        axes.set(title="Under attack", xlabel="largest change of a pixel", ylabel="accuracy (%)", ylim=(0, None))

    return draw(
        "attack-budgets", "Accuracy in percent after all attacks by budget, with 95 % intervals.", (352, 270), paint
    )


def _points(encoder: Encoder) -> list[Point]:
    scores = {score.name: score for score in scores_of(encoder, "robustness")}
    settings = next((m.findings["robustness"].settings for m in encoder.with_finding("robustness")), {})
    budgets = [str(eps) for eps in settings.get("attack_eps", ())]
    names = [(0.0, "0", "clean_accuracy")]
    names += [(float(Fraction(eps)), eps, f"robust_accuracy_{slug(eps)}") for eps in budgets]
    points = []
    for at, text, name in names:
        found = estimate(encoder, "robustness", scores[name]) if name in scores else None
        if found is not None:
            low, high = found.interval or (found.value, found.value)
            points.append((at, text, found.value, low, high))
    return points


def _corruptions(encoders: Sequence[Encoder]) -> Plot | None:
    """Mean accuracy over strengths and runs by kind of corruption."""
    means = _corrupted_means(encoders)
    if not means:
        return None
    kinds = sorted(means, key=lambda kind: np.mean([np.mean(values) for values in means[kind].values()]))

    def paint(figure: "Figure") -> None:
        axes = figure.subplots()
        for encoder in encoders:
            known = [(y, np.mean(means[k][encoder.place])) for y, k in enumerate(kinds) if encoder.place in means[k]]
            if known:
                at = np.array([y for y, _ in known]) + 0.12 * (encoder.place - (len(encoders) - 1) / 2)
                axes.plot([v for _, v in known], at, "o", ms=5, color=COLOURS[encoder.place])
        axes.set_yticks(range(len(kinds)), [printable(kind).replace("_", " ") for kind in kinds])
        axes.grid(axis="x")
        axes.set(title="Under common corruptions", xlabel="accuracy (%), mean of five strengths", xlim=(0, None))

    alt = f"Accuracy in percent under {len(kinds)} kinds of corruption, mean over five strengths, for each encoder."
    return draw("corruptions", alt, (352, 330), paint)


def _corrupted_means(encoders: Sequence[Encoder]) -> dict[str, dict[int, list[float]]]:
    """Accuracies by kind of corruption and place of the encoder."""
    means: dict[str, dict[int, list[float]]] = {}
    rows = [
        (encoder.place, row)
        for encoder in encoders
        for member in encoder.with_finding("robustness")
        for row in member.findings["robustness"].tables.get("corruptions", ())
    ]
    for place, row in rows:
        if row.get("accuracy") is not None:
            means.setdefault(row["corruption"], {}).setdefault(place, []).append(row["accuracy"])
    return means
