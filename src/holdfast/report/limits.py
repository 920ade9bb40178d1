"""What counts as worth a look: limits apart from the numbers, each with its reason; a user's file overrides them."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from holdfast.report.axes import AXES, Key, Limit
from holdfast.report.collect import Encoder

Verdict = Literal["fine", "close", "watch"]


LIMITS: Mapping[Key, Limit] = {
    (axis.audit, name): limit for axis in AXES.values() for name, limit in axis.limits.items()
}
"""By audit and score. Verdicts on few-shot probes are left out: a handful of labels adds its own spread."""


def verdict(
    limit: Limit, value: float, known: Mapping[str, float], interval: tuple[float, float] | None = None
) -> Verdict:
    """'watch' beyond the limit or where another score spoils this one, 'close' where only the interval is beyond it.

    A limit that must surely be passed is 'close' without an interval. known: other values of the axis.
    """
    least, most = limit.bounds(known)

    def beyond(number: float) -> bool:
        return (most is not None and number > most) or (least is not None and number < least)

    ends = (value,) if interval is None else interval
    unsure = limit.surely and (interval is None or not all(map(beyond, ends)))
    if (beyond(value) and not unsure) or any(known.get(name, 0.0) > 0 for name in limit.spoiled_by):
        return "watch"
    return "close" if any(map(beyond, ends)) or (limit.surely and interval is None) else "fine"


def applies(limit: Limit, encoder: Encoder) -> bool:
    """Whether a limit is for an encoder measured as often as this one."""
    splits = {member.key[1] for member in encoder.members if member.key is not None}
    return not limit.over_splits or len(splits) > 1


def load_limits(path: Path) -> Mapping[Key, Limit]:
    """LIMITS with those of a JSON file in their place: {"balance.std": {"most": 3, "reason": "..."}}; null drops one.

    Raises ValueError (expected, got, remedy) for anything else.
    """
    try:
        document = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise FileNotFoundError(f"expected a JSON file of limits, got {path}, where there is none; check it") from None
    except (ValueError, OSError) as error:
        raise ValueError(
            f"expected a JSON file of limits in {path}, got {error}; write it as docs/report.md says"
        ) from None
    if not isinstance(document, dict):
        raise ValueError(
            f'expected {{"balance.std": {{"most": 3}}}} in {path}, got a list or a number; name the scores'
        )
    limits = dict(LIMITS)
    for name, given in document.items():
        key = _key(name, path)
        if given is None:
            limits.pop(key)
        else:
            limits[key] = _limit(name, given, path)
    return limits


def _key(name: str, path: Path) -> Key:
    audit, _, score = name.partition(".")
    if (audit, score) not in LIMITS:
        known = ", ".join(".".join(key) for key in LIMITS)
        raise ValueError(f"expected limits on {known}, got {name!r} in {path}; correct the name")
    return audit, score


def _limit(name: str, given: Any, path: Path) -> Limit:
    numbers = {key: given[key] for key in ("most", "least") if key in given} if isinstance(given, dict) else {}
    sound = all(isinstance(value, int | float) and not isinstance(value, bool) for value in numbers.values())
    if not numbers or not sound or not set(given) <= {"most", "least", "reason"}:
        raise ValueError(
            f'expected {{"most": NUMBER}} or {{"least": NUMBER}}, with a "reason" if you like, for {name} in {path}, '
            f"got {json.dumps(given)[:80]}; correct it"
        )
    reason, share_of = str(given.get("reason", "Your limit.")), LIMITS[_key(name, path)].share_of
    return Limit(most=numbers.get("most"), least=numbers.get("least"), reason=reason, share_of=share_of)
