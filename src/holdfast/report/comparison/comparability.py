"""Whether an audit measured two encoders in the same way: only then may its numbers be held against each other."""

from collections.abc import Mapping
from typing import Any

from holdfast.report.collect import Encoder
from holdfast.report.wording import setting, shown

_SETTINGS: dict[str, tuple[str, ...]] = {
    "robustness": (
        *("attack_norm", "attack_eps", "attack_steps", "attack_step", "attack_restarts", "attack_images"),
        *("square_images", "square_queries", "attack_head", "head_images", "head_epochs"),
        *("drift_images", "drift_distance", "corruption_images", "seed"),
    ),
    "invariance": ("shift_images", "seed"),
    "memorization": ("scored_checksum", "scored_views", "pairs", "view_settings"),
    "privacy": ("scored_checksum", "scored_views", "pairs", "view_settings"),
    "tail": ("neighbours", "reference", "views", "seed"),
    "quality": ("views", "knn"),
}
"""By audit: the settings that must be the same, beside those that all audits share."""
_HINTS = {
    "robustness": "measure both with the same --budget",
    "invariance": "measure both with the same --budget",
    "memorization": "train both runs' pairs on the same images with the same --seed",
    "privacy": "train both runs' pairs on the same images with the same --seed",
}


def measured_differently(audit: str, encoder: Encoder, baseline: Encoder) -> str | None:
    """The first setting of an audit in which two encoders differ, in words; None where they are alike or missing."""
    ours, theirs = (_settings(audit, e) for e in (encoder, baseline))
    for name in _SETTINGS.get(audit, ()) if ours and theirs else ():
        values = setting(ours.get(name)), setting(theirs.get(name))
        if values[0] != values[1]:
            return f"{shown(name).replace('_', ' ')} is {values[0]} for {encoder.name}, {values[1]} for {baseline.name}"
    return None


def remedy(audit: str) -> str:
    """What makes two encoders comparable on an axis."""
    return _HINTS.get(audit, "audit both alike")


def _settings(audit: str, encoder: Encoder) -> Mapping[str, Any]:
    found = encoder.with_finding(audit)
    return found[0].findings[audit].settings if found else {}
