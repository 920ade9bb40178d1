"""What counts as worth a look: limits apart from the numbers, each with its reason; a user's file overrides them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

Verdict = Literal["fine", "close", "watch"]
Key = tuple[str, str]
"""Audit and score."""


@dataclass(frozen=True)
class Limit:
    """A limit on one score: beyond it the verdict is 'watch'."""

    most: float | None = None
    """Largest value that is fine, in the score's unit."""
    least: float | None = None
    """Smallest value that is fine, in the score's unit."""
    least_share_of: tuple[str, float] | None = None
    """Another number of the same axis, and the smallest share of it that is fine."""
    reason: str = ""

    def bounds(self, known: Mapping[str, float]) -> tuple[float | None, float | None]:
        """(least, most) in the score's unit; known has the axis's other values by name."""
        least = self.least
        if self.least_share_of is not None and self.least_share_of[0] in known:
            name, share = self.least_share_of
            least = max(share * known[name], -float("inf") if least is None else least)
        return least, self.most


LIMITS: Mapping[Key, Limit] = {
    ("quality", "linear_accuracy"): Limit(
        least_share_of=("halfway", 1.0),
        reason="Below halfway between guessing and certainty a linear classifier finds little of the classes in the "
        "features: train longer, or on more images.",
    ),
    ("balance", "std"): Limit(
        most=5.0,
        reason="SimCLR and SDCLR both publish about 5 points on CIFAR-10-LT (arXiv:2106.02990): more than that is less "
        "even than the long-tailed baselines of the literature.",
    ),
    ("balance", "worst_group"): Limit(
        least_share_of=("all", 0.8),
        reason="Four fifths of the whole is the customary first sign that a group is treated worse (US Uniform "
        "Guidelines on Employee Selection, 29 CFR 1607.4 D).",
    ),
    ("balance", "worst_class"): Limit(
        least_share_of=("all", 0.5),
        reason="A class that is recognised less than half as often as the average class is lost for most uses, "
        "whatever the average says.",
    ),
    ("robustness", "kept"): Limit(
        least=20.0,
        reason="Encoders trained without attacks keep next to nothing at 8/255; adversarially trained ones publish "
        "23 to 37 % of their clean accuracy on CIFAR-10 (arXiv:2501.03507): below a fifth lies under all of these.",
    ),
    ("invariance", "whitened_cosine"): Limit(
        least=0.5,
        reason="At 0.5 a moved image's whitened features share a quarter of their length squared with the image's own; "
        "below that what is known of the image says little about its copy.",
    ),
    ("memorization", "ratio_above_null"): Limit(
        most=0.05,
        reason="At 0.05 the views of an image lie a tenth closer together for an encoder that trained on it than for "
        "one that did not ((1 + 0.05) / (1 − 0.05) = 1.11): single images can then be told by it.",
    ),
    ("privacy", "auc"): Limit(
        most=0.6,
        reason="0.5 is guessing; from 0.6 an attacker puts the training image first in three of five pairs.",
    ),
}
"""By audit and score. Verdicts on few-shot probes are left out: a handful of labels adds its own spread."""


def verdict(
    limit: Limit, value: float, known: Mapping[str, float], interval: tuple[float, float] | None = None
) -> Verdict:
    """'watch' beyond the limit, 'close' where only the interval reaches beyond it; known: other values of the axis."""
    least, most = limit.bounds(known)

    def beyond(number: float) -> bool:
        return (most is not None and number > most) or (least is not None and number < least)

    if beyond(value):
        return "watch"
    return "close" if interval is not None and any(map(beyond, interval)) else "fine"


def load_limits(path: Path) -> Mapping[Key, Limit]:
    """LIMITS with those of a JSON file in their place: {"balance.std": {"most": 3, "reason": "..."}}; null drops one.

    Raises ValueError (expected, got, remedy) for anything else.
    """
    try:
        document = json.loads(path.read_text("utf-8"))
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
    return Limit(most=numbers.get("most"), least=numbers.get("least"), reason=str(given.get("reason", "Your limit.")))
