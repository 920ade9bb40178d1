"""The cards at the top of the page: one per axis, every encoder's number with its interval and the verdict on it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from holdfast.report.axes import AXES, Axis, Headline, HeadlineMeasure, Key, Limit, headline, measure_of, notes_of
from holdfast.report.cells import Cell, estimate_cell, run_cell
from holdfast.report.collect import Encoder
from holdfast.report.commands import commands
from holdfast.report.page.judged import bound_of, judged
from holdfast.report.wording import direction_words, joined, number
from holdfast.statistics import Estimate


@dataclass(frozen=True)
class CardLine:
    """An encoder's number in a card, and where its interval lies on the card's scale, in percent of its width."""

    name: str
    place: int
    cell: Cell
    at: float
    left: float
    width: float
    verdict: str
    """'fine', 'close' or 'watch', the worst that any limit of the axis says; nothing where there is no limit."""
    extra: str
    """A second number."""
    because: Sequence[str] = ()
    """What else of the axis is not fine, in words."""
    means: str = ""
    """What that means in a word, for the first sentence; mostly nothing."""


@dataclass(frozen=True)
class Card:
    """One headline number for every encoder on one scale; or what measures it."""

    axis: Axis
    measure: HeadlineMeasure
    unit: str
    direction: str
    low: str
    high: str
    lines: Sequence[CardLine]
    limit: str
    """The limit in words; nothing where there is none."""
    limit_at: float | None
    """Where it lies on the scale, if it is one for all encoders."""
    reason: str
    notes: Sequence[str]
    absent: str
    """Encoders that were not measured; nothing where all were."""
    commands: Sequence[str]
    """What measures them, in the way in which the others were measured."""
    no_interval: str = ""
    """Why numbers stand without an interval; nothing where all have one."""


def cards(encoders: Sequence[Encoder], limits: Mapping[Key, Limit]) -> list[Card]:
    """A card for each axis, measured or not."""
    return [_card(encoders, axis, limits) for axis in AXES.values()]


def _card(encoders: Sequence[Encoder], axis: Axis, limits: Mapping[Key, Limit]) -> Card:
    measure = measure_of(axis, encoders)
    found = [(encoder, headline(encoder, axis, measure)) for encoder in encoders]
    measured = [(encoder, line) for encoder, line in found if line is not None]
    missing = [encoder for encoder, line in found if line is None]
    limit = limits.get((axis.audit, measure.name))
    low, high = _scale(measure, [line for _, line in measured])
    bounds = [] if limit is None else [b for _, line in measured if (b := bound_of(limit, line.known)) is not None]
    same = bounds[0] if bounds and len({round(b, 6) for b in bounds}) == 1 else None
    return Card(
        axis=axis,
        measure=measure,
        unit="%" if measure.unit == "percent" else "",
        direction=direction_words(measure.better),
        low=f"{low:g}".replace("-", "−"),
        high=f"{high:g}",
        lines=[_line(encoder, axis, line, limits, (low, high)) for encoder, line in measured],
        limit="" if limit is None or not bounds else _limit_words(limit, measure, bounds),
        limit_at=None if same is None or not low <= same <= high else round(100 * (same - low) / (high - low), 2),
        reason="" if limit is None else limit.reason,
        notes=notes_of(number for _, line in measured for number in line.numbers),
        absent=joined([e.name for e in missing]) if measured else "",
        commands=commands(axis, missing),
        no_interval=measure.no_interval if any(_alone(line.estimate) for _, line in measured) else "",
    )


def _alone(estimate: Estimate) -> bool:
    """Whether a number of one run stands without an interval."""
    return estimate.interval is None and estimate.runs == 1


def _line(
    encoder: Encoder, axis: Axis, found: Headline, limits: Mapping[Key, Limit], scale: tuple[float, float]
) -> CardLine:
    estimate, (low, high) = found.estimate, scale
    ends = estimate.interval or (estimate.value, estimate.value)
    at, left, right = (min(100.0, max(0.0, 100 * (x - low) / (high - low))) for x in (estimate.value, *ends))
    said = judged(encoder, axis, found, limits)
    return CardLine(
        name=encoder.name,
        place=encoder.place,
        cell=run_cell(encoder, estimate, found.measure.unit),
        at=round(at, 2),
        left=round(left, 2),
        width=round(right - left, 2),
        verdict=said.verdict,
        extra=_second(encoder, axis),
        because=said.because,
        means=said.means,
    )


def _second(encoder: Encoder, axis: Axis) -> str:
    """The card's second number; nothing for axes that have none."""
    second = None if axis.second is None else axis.second.of(encoder)
    if axis.second is None or second is None:
        return ""
    words, estimate = second
    cell = estimate_cell(estimate, "percent")
    return f"{axis.second.words.format(words)} {cell.text} % {cell.note}".rstrip()


def _limit_words(limit: Limit, measure: HeadlineMeasure, bounds: Sequence[float]) -> str:
    """'at most 5.0 %', or from the smallest to the largest where it is another for each encoder."""
    low, high = (number(end, measure.unit) for end in (min(bounds), max(bounds)))
    side = "at most" if limit.most is not None else "at least"
    return f"{side} {low if low == high else f'{low} to {high}'}{' %' if measure.unit == 'percent' else ''}"


def _scale(measure: HeadlineMeasure, found: Sequence[Headline]) -> tuple[float, float]:
    """From the lowest to the highest possible value, or round numbers about what was measured."""
    if measure.scale is not None:
        return measure.scale
    ends = [x for line in found for x in (line.estimate.value, *(line.estimate.interval or ()))] or [1.0]
    low = -_round_up(-min(ends)) if min(ends) < 0 else 0.0
    return low, max(_round_up(max(ends)), _round_up(-low / 10))


def _round_up(value: float) -> float:
    """The next of 1, 2, 5, 10, 20, 50 ... that holds the value."""
    steps = [digit * 10.0**power for power in range(-3, 9) for digit in (1, 2, 5)]
    return next((step for step in steps if step >= value), value)
