"""What all limits of an axis say of an encoder: the worst of them is the verdict, and why stands beside it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from holdfast.report.axes import Axis, Headline, Key, Limit, headline
from holdfast.report.collect import Encoder, scores_of
from holdfast.report.estimates import estimate
from holdfast.report.limits import applies, verdict
from holdfast.report.listed import own_label
from holdfast.report.wording import number, unit_suffix
from holdfast.statistics import Estimate, wilson_interval

_WORST_LAST = ("", "fine", "close", "watch")


@dataclass(frozen=True)
class Judged:
    """The verdict on an axis of an encoder."""

    verdict: str
    """'fine', 'close' or 'watch', the worst that any limit says; nothing where none applies."""
    because: Sequence[str] = ()
    """Numbers beside the card's own that are not fine, in words; its own where no interval shows why."""
    means: str = ""
    """What numbers beyond their limits mean in a word, such as 'near collapse'; mostly nothing."""


@dataclass(frozen=True)
class _Limited:
    label: str
    unit: str
    estimate: Estimate
    limit: Limit
    bound: float
    verdict: str
    beside: bool
    """Whether the card says the number itself, above why it is not fine."""


def judged(encoder: Encoder, axis: Axis, found: Headline, limits: Mapping[Key, Limit]) -> Judged:
    """What the limits of an axis say of an encoder, of the card's number and of every other that has one."""
    held = [one for name in axis_limits(axis, limits) for one in _held(encoder, axis, found, name, limits)]
    worst = max((one.verdict for one in held), key=_WORST_LAST.index, default="")
    own = found.measure.label
    shown = (one for one in held if one.verdict in ("watch", "close") and (one.label != own or _unseen(one)))
    because = [_words(one) for one in shown]
    means = dict.fromkeys(one.limit.means for one in held if one.verdict == "watch" and one.limit.means)
    return Judged(worst, because, ", ".join(means))


def axis_limits(axis: Axis, limits: Mapping[Key, Limit]) -> list[str]:
    """The names of an axis's limits."""
    return [name for audit, name in limits if audit == axis.audit]


def bound_of(limit: Limit, known: Mapping[str, float]) -> float | None:
    """The limit in the score's unit; None where what it refers to was not measured."""
    least, most = limit.bounds(known)
    return most if least is None else least


def _held(encoder: Encoder, axis: Axis, found: Headline, name: str, limits: Mapping[Key, Limit]) -> Iterator[_Limited]:
    """The numbers that a limit of that name is for, each with what it says."""
    limit = limits[axis.audit, name]
    bound = bound_of(limit, found.known)
    if bound is None or not applies(limit, encoder):
        return
    for label, unit, value in _numbers(encoder, axis, found, name):
        said = verdict(limit, value.value, found.known, value.interval or _told(encoder, axis, limit, value.value))
        yield _Limited(label, unit, value, limit, bound, said, axis.second is not None and label == axis.second.name)


def _numbers(encoder: Encoder, axis: Axis, found: Headline, name: str) -> Iterator[tuple[str, str, Estimate]]:
    """(words, unit, number) of what a limit is for: a number of the card, the second one, a score."""
    measure = next((one for one in axis.measures if one.name == name), None)
    if measure is not None:
        own = found if measure is found.measure else headline(encoder, axis, measure)
        if own is not None:
            yield measure.label, measure.unit, own.estimate
        return
    if axis.second is not None and axis.second.name == name and (second := axis.second.of(encoder)) is not None:
        yield axis.second.name, "percent", second[1]
    for score in {one.name: one for one in scores_of(encoder, axis.audit) if one.name == name}.values():
        if (value := estimate(encoder, axis.audit, score)) is not None:
            yield own_label(score), score.unit, value


def _told(encoder: Encoder, axis: Axis, limit: Limit, value: float) -> tuple[float, float] | None:
    """How far a share of so few images may be off, where it is printed without an interval; None for others."""
    settings = [member.findings[axis.audit].settings for member in encoder.with_finding(axis.audit)]
    counts = [int(some[limit.share_of]) for some in settings if some.get(limit.share_of)]
    if not counts or len(counts) < len(settings):
        return None
    low, high = wilson_interval(100 * value, min(counts))
    return low / 100, high / 100


def _unseen(one: _Limited) -> bool:
    """Whether a number is close to its limit by an interval that is not printed."""
    return one.verdict == "close" and one.estimate.interval is None and bool(one.limit.share_of)


def _words(one: _Limited) -> str:
    """'Effective rank 1.2, below the limit of 1.5'."""
    suffix, side = (
        "" if one.unit == "share" else unit_suffix(one.unit),
        "above" if one.limit.most is not None else "below",
    )
    text = "worst group" if one.beside else f"{one.label} {number(one.estimate.value, one.unit)}{suffix}"
    limit = f"the limit of {number(one.bound, one.unit)}{suffix}"
    if one.verdict == "watch":
        return f"{text}, {side} {limit}"
    if one.estimate.interval is None:
        return f"{text}: so few images cannot tell it from {limit}"
    return f"{text}, its interval reaches {side} {limit}"
