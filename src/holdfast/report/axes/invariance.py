"""Invariance: do features stay when an image is turned, blurred or recoloured?"""

import re
from collections.abc import Iterator, Mapping

import numpy as np

from holdfast.atlas import Atlas
from holdfast.findings import Finding
from holdfast.report.axes.base import PROBED, Axis, Drawing, HeadlineMeasure, Limit, Section
from holdfast.report.axes.numbers import score
from holdfast.report.collect import Measured
from holdfast.report.images import MOST, STRIP, Field, Gallery, PerImage, Pictures, View, joined_by_id
from holdfast.report.paired import Sample, mean
from holdfast.report.plots import steadiness_plots
from holdfast.report.samples import means_of
from holdfast.report.wording import printable

_MEANS = ("cosine", "sensitivity", "accuracy_drop")


def _sample(measured: Measured, finding: Finding, score: str) -> Sample | None:
    columns, kind = finding.columns, re.fullmatch(r"(?:(.+)_)?whitened_cosine", score)
    if kind:
        column = f"stability_{kind[1]}" if kind[1] else "stability"
        return mean(columns["id"], columns[column]) if column in columns else None
    return means_of({name: name for name in _MEANS})(measured, finding, score)


def _fields(findings: Mapping[str, Finding], atlas: Atlas) -> Iterator[Field]:
    finding = findings.get("invariance")
    if finding is None or "stability" not in finding.columns:
        return
    stability = joined_by_id(finding, "stability", atlas.ids)
    yield Field("stability", "Stability (whitened cosine)", stability, on_map=True, keep="all")
    for column in finding.columns:
        if column.startswith("stability_"):
            name = printable(column.removeprefix("stability_")).replace("_", " ")
            yield Field(column, f"Stability under {name}", joined_by_id(finding, column, atlas.ids))


def _galleries(number: int, view: View, pictures: Pictures) -> Iterator[Gallery]:
    for known in view.fields:
        if not known.key.startswith("stability"):
            continue
        order = np.argsort(known.values, kind="stable")
        order = order[np.isfinite(known.values[order])]
        if known.key == "stability":
            text = "Whitened cosine of the clean and the moved image, mean over all transformations and strengths."
            yield Gallery("least-stable", "Least stable", text, number, order[:MOST], sort="stability")
        else:
            name, key = known.label.removeprefix("Stability ").capitalize(), f"least-{known.key}"
            strip = {"sort": known.key, "strip": True, "after": "least-stable"}
            yield Gallery(key, name, "", number, order[:STRIP], **strip)


INVARIANCE = Axis(
    audit="invariance",
    title="Invariance",
    question="Do features stay when an image is turned, blurred or recoloured?",
    explained="Test images are moved by nine transformations, weakly to strongly, and their features compared with "
    "those of the image as it is, after whitening so that every direction counts alike.",
    command="holdfast audit RUN --axes invariance",
    needs="images",
    measures=(
        HeadlineMeasure(
            name="whitened_cosine",
            label="Mean whitened cosine",
            unit="cosine",
            better="higher",
            range=(-1.0, 1.0),
            scale=(0.0, 1.0),
            meaning="How close features stay under nine transformations: 1 has not moved, 0 is as far as another "
            "image.",
            of=score("whitened_cosine"),
        ),
    ),
    limits={
        "whitened_cosine": Limit(
            least=0.5,
            reason="At 0.5 a moved image's whitened features share a quarter of their length squared with the image's "
            "own; below that what is known of the image says little about its copy.",
        ),
    },
    labels={"whitened_cosine": "Whitened cosine", "accuracy_drop": "Accuracy drop", "sensitivity": "Sensitivity"},
    shortlist=("whitened_cosine", "accuracy_drop", "sensitivity"),
    top=("whitened_cosine",),
    sections=(Section("invariance", "Invariance"),),
    open_scores=5,
    facts=(
        ("Moved images", "shift_images"),
        ("Whitened on images", "whitening_images"),
        ("Rank of the whitening", "whitening_rank"),
        ("Budget of time", "budget"),
        ("Seed", "seed"),
    ),
    must_match=(*PROBED, "shift_images", "seed", "whitening", "whitening_images"),
    remedy="measure both with the same --budget",
    sample=_sample,
    drawings=(
        Drawing(
            steadiness_plots,
            "Strength 0 is the clean image. Whitened cosine of clean and moved features: 1 has not moved. Accuracy: a "
            "linear probe fitted on clean images. Lines: mean over runs; bands: from the smallest to the largest run.",
        ),
    ),
    per_image=PerImage(fields=_fields, galleries=_galleries, keys=("least-stable",), rank=2),
)
