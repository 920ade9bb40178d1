"""Which columns of a finding a score is the mean of: image by image, so that encoders can be paired."""

import re
from collections.abc import Callable, Mapping

import numpy as np

from holdfast.findings import Finding
from holdfast.report.collect import Measured
from holdfast.report.comparison.paired import Sample, group_means, mean, ranked_above

Columns = Mapping[str, np.ndarray]


def sample(measured: Measured, audit: str, score: str) -> Sample | None:
    """A score's values by image; None where no columns hold them, or they do not give the finding's own value."""
    finding = measured.findings.get(audit)
    if finding is None or "id" not in finding.columns or audit not in _AUDITS:
        return None
    found = _AUDITS[audit](measured, finding, score)
    value = next((s.value for s in finding.scores if s.name == score), None)
    return found if found is not None and value is not None and found.gives(value) else None


def _quality(measured: Measured, finding: Finding, score: str) -> Sample | None:
    columns = finding.columns
    if score == "linear_accuracy" and "correct" in columns:
        return mean(columns["id"], 100.0 * columns["correct"])
    if score == "knn_accuracy" and "knn_predicted" in columns:
        return mean(columns["id"], 100.0 * (columns["knn_predicted"] == columns["label"]))
    return _plain({"alignment": "alignment"})(measured, finding, score)


def _balance(measured: Measured, finding: Finding, score: str) -> Sample | None:
    """Means over classes; the spread and the worst class are no means and are resampled elsewhere."""
    columns, name = finding.columns, score.removeprefix("few_shot_")
    hits = columns.get("correct" if name == score else "few_shot_correct")
    if hits is None or not {"label", "group"} <= set(columns) or name not in ("all", "many", "medium", "few"):
        return None
    inside = np.unique(columns["label"] if name == "all" else columns["label"][columns["group"] == name])
    return group_means(columns["id"], 100.0 * hits, columns["label"], _evenly(inside))


def _evenly(strata: np.ndarray) -> dict[int, float]:
    return {int(stratum): 1.0 / len(strata) for stratum in strata}


def _robustness(measured: Measured, finding: Finding, score: str) -> Sample | None:
    columns = finding.columns
    budget = re.fullmatch(r"(pgd|robust)_accuracy_(.+?)(?:_(many|medium|few))?", score)
    if budget and budget[3]:
        return _robust_group(measured, columns, budget[2], budget[3])
    hits = _hits(columns, score)
    if hits is not None:
        return mean(columns["id"], np.where(columns["attacked"], 100.0 * hits, np.nan))
    if score == "corruption_accuracy" and "corruption_right" in columns:
        return mean(columns["id"], 100.0 * columns["corruption_right"])
    column = "corruption_drift" if score == "corruption_drift" else score.replace("feature_drift_", "drift_")
    return mean(columns["id"], columns[column]) if column in columns and "drift" in score else None


def _hits(columns: Columns, score: str) -> np.ndarray | None:
    """By test image, 1 right and 0 wrong or broken; what it says of images not attacked means nothing."""
    budget = re.fullmatch(r"(pgd|robust)_accuracy_(.+)", score)
    if score == "clean_accuracy":
        return columns.get("right")
    if budget and budget[1] == "robust":
        return columns.get(f"robust_{budget[2]}")
    if budget and f"iteration_{budget[2]}" in columns:
        return np.where(columns["right"] == 1, columns[f"iteration_{budget[2]}"] < 0, columns["right"])
    return None


def _robust_group(measured: Measured, columns: Columns, eps: str, group: str) -> Sample | None:
    """Mean over a group's classes; which they are stands in the balance audit of the same images."""
    hits, balance = columns.get(f"robust_{eps}"), measured.findings.get("balance")
    if hits is None or balance is None or not {"id", "label", "group"} <= set(balance.columns):
        return None
    if not np.array_equal(balance.columns["id"], columns["id"]):
        return None
    attacked, labels = columns["attacked"].astype(bool), balance.columns["label"]
    inside = np.unique(labels[attacked & (balance.columns["group"] == group)])
    return group_means(columns["id"], np.where(attacked, 100.0 * hits, np.nan), labels, _evenly(inside))


def _invariance(measured: Measured, finding: Finding, score: str) -> Sample | None:
    columns, kind = finding.columns, re.fullmatch(r"(?:(.+)_)?whitened_cosine", score)
    if kind:
        column = f"stability_{kind[1]}" if kind[1] else "stability"
        return mean(columns["id"], columns[column]) if column in columns else None
    return _plain({"cosine": "cosine", "sensitivity": "sensitivity", "accuracy_drop": "accuracy_drop"})(
        measured, finding, score
    )


def _plain(names: Mapping[str, str]) -> Callable[[Measured, Finding, str], Sample | None]:
    """Scores that are the mean of a column, by the column's name."""

    def read(measured: Measured, finding: Finding, score: str) -> Sample | None:
        column = finding.columns.get(names.get(score, ""))
        return None if column is None else mean(finding.columns["id"], column.astype(float))

    return read


def _memorization(measured: Measured, finding: Finding, score: str) -> Sample | None:
    columns, own = finding.columns, re.fullmatch(r"(ratio|difference)_(\w+)", score)
    if "part" not in columns:
        return None
    part = columns["part"]
    if own:
        return mean(columns["id"], np.where(part == own[2], columns[own[1]], np.nan))
    both = np.isin(part, ("candidate", "external"))
    ids, values, member = columns["id"][both], columns["difference"][both], part[both] == "candidate"
    if score == "centred_candidate":
        return group_means(ids, values, member.astype(np.int64), {1: 1.0, 0: -1.0})
    return ranked_above(ids, values, member) if score == "auc_external" else None


def _privacy(measured: Measured, finding: Finding, score: str) -> Sample | None:
    """The attack on means over pairs; with several pairs the others are means of attacks, not attacks on means."""
    columns, attack = finding.columns, re.fullmatch(r"auc_(averaged|difference|cosine)", score)
    if not attack or "member" not in columns:
        return None
    values = columns["cosine" if attack[1] == "cosine" else "difference"]
    return ranked_above(columns["id"], values, columns["member"].astype(bool))


_AUDITS: Mapping[str, Callable[[Measured, Finding, str], Sample | None]] = {
    "quality": _quality,
    "balance": _balance,
    "robustness": _robustness,
    "invariance": _invariance,
    "memorization": _memorization,
    "privacy": _privacy,
    "tail": _plain({"consistency": "neighbour_consistency", "alignment": "view_distance"}),
}
