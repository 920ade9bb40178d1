"""The scores that stand for each audit in the terminal's table, in comparisons and in cards."""

import re
from collections.abc import Sequence

from holdfast.findings import Score
from holdfast.report.collect import Encoder

_SHORTLISTS: dict[str, tuple[str, ...]] = {
    "quality": ("linear_accuracy", "knn_accuracy", "effective_rank"),
    "balance": ("all", "many", "medium", "few", "std", "worst_class", "worst_group"),
    "robustness": (
        "clean_accuracy",
        r"robust_accuracy_(\d+_255|\d[\dp]*)",
        "corruption_accuracy",
        r"feature_drift_.+",
        "corruption_drift",
    ),
    "invariance": ("whitened_cosine", "accuracy_drop", "sensitivity"),
    "memorization": ("ratio_candidate", "centred_candidate", "auc_external"),
    "privacy": ("auc_averaged", "auc_difference", "auc_cosine"),
}
"""By audit: patterns of score names, the most telling first."""
_MOST = {"privacy": 1}
"""Scores of an audit, at most, where only the first that was measured is shown."""
_OTHERS = 4
"""Scores of an audit that is not listed."""


def shortlist(audit: str, scores: Sequence[Score]) -> list[Score]:
    """The scores that stand for an audit, in the order of its patterns; of an unlisted audit the first few."""
    if audit not in _SHORTLISTS:
        return list(scores)[:_OTHERS]
    found = [s for pattern in _SHORTLISTS[audit] for s in scores if re.fullmatch(pattern, s.name)]
    return found[: _MOST.get(audit, len(found))]


def audits_of(encoders: Sequence[Encoder]) -> list[str]:
    """The audits that any encoder has findings of: the listed ones in their order, then others by name."""
    measured = {audit for encoder in encoders for member in encoder.members for audit in member.findings}
    return [name for name in _SHORTLISTS if name in measured] + sorted(measured - set(_SHORTLISTS))
