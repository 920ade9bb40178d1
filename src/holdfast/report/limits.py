"""What counts as worth a look. Limits live here, apart from the numbers, each with its reason."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Verdict = Literal["fine", "watch"]


@dataclass(frozen=True)
class Limit:
    """A limit on one score: beyond it the verdict is 'watch'."""

    most: float | None = None
    """Largest value that is fine, in the score's unit."""
    least_share_of: tuple[str, float] | None = None
    """Another score of the same finding, and the smallest share of it that is fine."""
    reason: str = ""


_SPREAD = Limit(
    most=5.0,
    reason="SimCLR and SDCLR both publish about 5 points on CIFAR-10-LT (arXiv:2106.02990): more than that is less "
    "even than the long-tailed baselines of the literature.",
)
_WORST = Limit(
    least_share_of=("all", 0.5),
    reason="A class that is recognised less than half as often as the average class is lost for most uses, "
    "whatever the average says.",
)

LIMITS: Mapping[tuple[str, str], Limit] = {
    ("balance", "std"): _SPREAD,
    ("balance", "worst_class"): _WORST,
}
"""By audit and score. Verdicts on few-shot probes are left out: a handful of labels adds its own spread."""


def verdict(limit: Limit, value: float, scores: Mapping[str, float]) -> Verdict:
    """'watch' beyond the limit; scores holds the finding's other values by name."""
    if limit.most is not None and value > limit.most:
        return "watch"
    if limit.least_share_of is not None:
        name, share = limit.least_share_of
        if name in scores and value < share * scores[name]:
            return "watch"
    return "fine"
