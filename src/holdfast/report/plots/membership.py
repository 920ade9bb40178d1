"""AUCs of the attacks on one encoder beside that of pixels alone."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from holdfast.findings import Score
from holdfast.report.collect import Encoder
from holdfast.report.plots.svg import COLOURS, Plot, draw

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_ROWS = {"parts": "parts", "norm_inf": "largest entry", "norm_2": "L2 norm", "norm_1": "L1 norm", "pixels": "pixels"}


def attack_aucs(encoders: Sequence[Encoder]) -> list[Plot]:
    """A row for each attack and one for pixels alone, a point for each encoder and run; none without such audits."""
    found = [
        (encoder.place, {score.name: score for score in member.findings["membership"].scores})
        for encoder in encoders
        for member in encoder.with_finding("membership")
    ]
    rows = [name for name in _ROWS if any(f"auc_{name}" in scores for _, scores in found)]
    if not rows:
        return []

    def paint(figure: "Figure") -> None:
        axes = figure.subplots()
        axes.axvline(0.5, color="0.5", lw=0.8)
        for number, (place, scores) in enumerate(found):
            for row, name in enumerate(rows):
                at = row + 0.6 * ((number + 1) / (len(found) + 1) - 0.5)
                _points(axes, at, COLOURS[place], scores.get(f"auc_{name}"), scores.get(f"random_{name}"))
        axes.set(title="AUC of each attack", xlabel="members ranked above non-members", xlim=(-0.03, 1.03))
        axes.set_yticks(range(len(rows)), [_ROWS[name] for name in rows])
        axes.set_ylim(-0.6, len(rows) - 0.4)

    alt = "AUC of each attack on one encoder with its interval, beside that of random weights and of pixels alone."
    return [draw("membership-aucs", alt, (352, 90 + 34 * len(rows)), paint)]


def _points(axes, at: float, colour: str, own: Score | None, null: Score | None) -> None:  # noqa: ANN001  # matplotlib's
    if null is not None:
        axes.plot([null.value], [at - 0.22], "o", mfc="none", color=colour, ms=5)
    if own is not None:
        axes.plot([own.value], [at], "o", color=colour, ms=5)
        axes.plot(own.interval or (own.value,) * 2, [at, at], color=colour, lw=1.4)
