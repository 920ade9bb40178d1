"""Robustness findings of two encoders: whether they were attacked alike, and paired intervals over attacked images."""

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from holdfast.findings import Finding
from holdfast.report.collect import Encoder
from holdfast.report.statistics import DRAWS
from holdfast.report.wording import setting, shown

OVER_ATTACKED = f"attacked test images (paired bootstrap, {DRAWS:,} draws)"
_BUDGET = (
    *("attack_norm", "attack_eps", "attack_steps", "attack_step", "attack_restarts", "attack_images"),
    *("square_images", "square_queries", "attack_head", "head_images", "head_epochs"),
    *("drift_images", "drift_distance", "corruption_images"),
)


def _findings(encoder: Encoder) -> list[Finding]:
    return [member.findings["robustness"] for member in encoder.with_finding("robustness")]


def attacked_differently(encoder: Encoder, baseline: Encoder) -> str | None:
    """The first setting of the attacks in which two encoders differ, in words; None where they are alike or missing."""
    ours, theirs = (_settings(e) for e in (encoder, baseline))
    for name in _BUDGET if ours and theirs else ():
        values = setting(ours.get(name)), setting(theirs.get(name))
        if values[0] != values[1]:
            return f"{shown(name).replace('_', ' ')} is {values[0]} for {encoder.name}, {values[1]} for {baseline.name}"
    return None


def _settings(encoder: Encoder) -> Mapping[str, Any]:
    found = _findings(encoder)
    return found[0].settings if found else {}


def warnings(encoders: list[Encoder]) -> list[str]:
    """What the audits themselves warn of, once for each encoder."""
    said = [
        f"{encoder.name}: {shown(warning)}."
        for encoder in encoders
        for member in encoder.members
        for finding in member.findings.values()
        for warning in finding.settings.get("warnings") or ()
    ]
    return list(dict.fromkeys(said))


def _hits(finding: Finding, score: str) -> np.ndarray | None:
    """By test image: 1 right, 0 wrong or broken, NaN not attacked; None where no column has the score."""
    columns = finding.columns
    budget = re.fullmatch(r"(pgd|robust)_accuracy_(.+)", score)
    if score == "clean_accuracy" and "right" in columns:
        hits = columns["right"]
    elif budget and budget[1] == "robust" and f"robust_{budget[2]}" in columns:
        hits = columns[f"robust_{budget[2]}"]
    elif budget and budget[1] == "pgd" and f"iteration_{budget[2]}" in columns:
        hits = np.where(columns["right"] == 1, columns[f"iteration_{budget[2]}"] < 0, columns["right"])
    else:
        return None
    return np.where(columns["attacked"], hits, np.nan).astype(float)


def over_attacked_images(encoder: Encoder, baseline: Encoder, score: str) -> tuple[float, float] | None:
    """95 % interval of encoder minus baseline, in points, over shared attacked images, runs averaged; None without."""
    groups = [_findings(e) for e in (encoder, baseline)]
    if any("id" not in finding.columns for group in groups for finding in group):
        return None
    ids = groups[0][0].columns["id"]
    if not all(np.array_equal(finding.columns["id"], ids) for group in groups for finding in group):
        return None
    means = []
    for group in groups:
        hits = [found for finding in group if (found := _hits(finding, score)) is not None]
        if len(hits) < len(group):
            return None
        means.append(np.mean(hits, axis=0))
    difference = means[0] - means[1]
    difference = difference[~np.isnan(difference)]
    if not len(difference):
        return None
    draws = np.random.default_rng(0).integers(0, len(difference), (DRAWS, len(difference)))
    low, high = np.percentile(100 * difference[draws].mean(1), [2.5, 97.5])
    return float(low), float(high)
