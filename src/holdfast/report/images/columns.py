"""What each audit knows of each image, joined by id: what galleries sort by and what the map is coloured by."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from holdfast.atlas import Atlas
from holdfast.findings import Finding
from holdfast.report.axes import slug
from holdfast.report.wording import shown


@dataclass(frozen=True, eq=False)
class Field:
    """A number, or a word of a few, for each of n images."""

    key: str
    label: str
    values: np.ndarray
    """float64 [n], NaN where nothing is known; places in `names` where there are any."""
    names: Sequence[str] = ()
    on_map: bool = False
    digits: int = 3


def fields_of(name: str, atlas: Atlas, findings: Mapping[str, Finding]) -> list[Field]:
    """Of an atlas's images, in its order; findings on other images than the atlas's give nothing."""
    if name == "scored":
        finding = findings.get("memorization")
        mine = finding is not None and finding.settings.get("scored_checksum") == atlas.checksum
        found = list(_memorization(finding, atlas.ids)) if finding is not None and mine else []
    else:
        fitting = {k: f for k, f in findings.items() if f.settings.get("test_checksum") == atlas.checksum}
        found = [field for read in (_answers, _robustness, _invariance) for field in read(fitting, atlas)]
    return [*found, _twins(atlas)]


def _joined(finding: Finding, column: str, ids: np.ndarray) -> np.ndarray:
    """A column's values for these ids [n], float64; NaN for ids that the finding does not have."""
    own = np.asarray(finding.columns["id"])
    order = np.argsort(own, kind="stable")
    rows = order[np.minimum(np.searchsorted(own[order], ids), len(own) - 1)]
    return np.where(own[rows] == ids, np.asarray(finding.columns[column], dtype=np.float64)[rows], np.nan)


def _answers(findings: Mapping[str, Finding], atlas: Atlas) -> Iterator[Field]:
    """Whether the probe is right, and what it says; how many training images the class has."""
    finding = next((f for name in ("balance", "quality") if (f := findings.get(name)) and "correct" in f.columns), None)
    if finding is None:
        return
    right = _joined(finding, "correct", atlas.ids)
    yield Field("correct", "Linear probe", right, ("wrong", "right"), on_map=True)
    names = _class_names(atlas, int(np.max(finding.columns["predicted"], initial=0)) + 1)
    yield Field("predicted", "Taken for", _joined(finding, "predicted", atlas.ids), names)
    counts = {row["index"]: row["train_images"] for row in finding.tables.get("per_class", ())}
    if counts and atlas.labels is not None:
        images = np.array([counts.get(int(label)) or np.nan for label in atlas.labels], dtype=np.float64)
        yield Field("train_images", "Training images of the class", images, digits=0)


def _class_names(atlas: Atlas, least: int) -> tuple[str, ...]:
    names = tuple(shown(name) for name in atlas.classes or ())
    return names + tuple(f"class {i}" for i in range(len(names), least))


def _robustness(findings: Mapping[str, Finding], atlas: Atlas) -> Iterator[Field]:
    """The budget at which an attacked image breaks, and the steps that it took at the largest."""
    finding = findings.get("robustness")
    if finding is None or "right" not in finding.columns:
        return
    budgets = [str(eps) for eps in finding.settings.get("attack_eps", ())]
    budgets = [eps for eps in budgets if f"robust_{slug(eps)}" in finding.columns]
    right = _joined(finding, "right", atlas.ids)
    stood = sum((_joined(finding, f"robust_{slug(eps)}", atlas.ids) == 1).astype(float) for eps in budgets)
    values = np.where(right == 1, 1 + stood, np.where(right == 0, 0.0, np.nan))
    names = ["wrong before any attack", *(f"breaks at {eps}" for eps in budgets), "withstands all attacks"]
    yield Field("robust", "Under attack", values, names, on_map=True)
    for eps in budgets[-1:]:
        steps = _joined(finding, f"iteration_{slug(eps)}", atlas.ids)
        yield Field("steps", f"Steps of PGD to break it at {eps}", np.where(steps >= 0, steps, np.nan), digits=0)


def _invariance(findings: Mapping[str, Finding], atlas: Atlas) -> Iterator[Field]:
    finding = findings.get("invariance")
    if finding is None or "stability" not in finding.columns:
        return
    yield Field("stability", "Stability (whitened cosine)", _joined(finding, "stability", atlas.ids), on_map=True)
    for column in finding.columns:
        if column.startswith("stability_"):
            name = shown(column.removeprefix("stability_")).replace("_", " ")
            yield Field(column, f"Stability under {name}", _joined(finding, column, atlas.ids))


_MEMORIZATION: Sequence[tuple[str, str, dict[str, Any]]] = (
    ("ratio", "Memorization ratio", {"on_map": True}),
    ("difference", "Memorization difference", {"digits": 4}),
    ("q", "q value", {}),
    ("membership_score", "Mean cosine of its views", {}),
    ("knn_density", "Mean cosine to its 20 nearest", {}),
    ("label_disagreement", "Share of neighbours of other classes", {"digits": 2}),
    ("class_count", "Training images of the class", {"digits": 0}),
)


def _memorization(finding: Finding, ids: np.ndarray) -> Iterator[Field]:
    for column, label, style in _MEMORIZATION:
        if column in finding.columns:
            yield Field(column, label, _joined(finding, column, ids), **style)
    own = np.asarray(finding.columns["id"])
    order = np.argsort(own, kind="stable")
    parts, places = np.unique(finding.columns["part"], return_inverse=True)
    rows = order[np.minimum(np.searchsorted(own[order], ids), len(own) - 1)]
    yield Field("part", "Part of the study", places[rows].astype(float), [shown(part) for part in parts], on_map=True)


def _twins(atlas: Atlas) -> Field:
    _, inverse, counts = np.unique(atlas.duplicates, return_inverse=True, return_counts=True)
    return Field("twins", "Near-duplicates here", counts[inverse].astype(float) - 1, digits=0)
