"""Duplicates: are test images among the images that probes are fitted on?"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from holdfast.atlas import Atlas
from holdfast.findings import Finding
from holdfast.report.axes.base import COMMON, Axis, Drawing, HeadlineMeasure, Limit, Section
from holdfast.report.axes.numbers import score
from holdfast.report.images import Field, Gallery, PerImage, Pictures, View, joined_by_id
from holdfast.report.plots import twin_plots
from holdfast.report.samples import means_of
from holdfast.report.wording import printable

_KINDS = {
    "leak": (
        "leaks",
        "Test images that are probe images too",
        "By the encoder's features, the most alike first; beside each test image the probe image. Look: near the "
        "threshold some are two pictures of one thing.",
        "a probe image",
    ),
    "test": (
        "repeats",
        "Test images that are there twice",
        "By the encoder's features, the most alike first; beside each the other test image.",
        "a test image",
    ),
}

_REASON = (
    "From 1 % on, memory alone may be worth a point of accuracy. Under some 400 test images a share of none may be 1 % "
    "of others like them."
)
_NO_INTERVAL = "copies come in groups, for which none was measured to hold"


def _fields(findings: Mapping[str, Finding], atlas: Atlas) -> Iterator[Field]:
    finding = findings.get("duplicates")
    if finding is not None and "probe_cosine" in finding.columns:
        nearest = joined_by_id(finding, "probe_cosine", atlas.ids)
        yield Field("probe-cosine", "Cosine of the nearest probe image", nearest)


def _galleries(number: int, view: View, pictures: Pictures) -> Iterator[Gallery]:
    finding = view.member.findings.get("duplicates")
    place = {int(name): row for row, name in enumerate(pictures.sets[view.number].ids)}
    pairs = () if finding is None else finding.tables.get("pairs", ())
    for kind, (key, title, text, beside) in _KINDS.items():
        shown = [row for row in pairs if row["kind"] == kind and row["id"] in place and "other_picture" in row]
        if shown:
            rows = np.array([place[row["id"]] for row in shown])
            yield Gallery(key, title, text, number, rows, extras=[_beside(row, beside) for row in shown])


def _beside(row: Mapping[str, Any], what: str) -> dict[str, Any]:
    name = printable(row["other_name"] or f"id {row['other_id']}")
    picture = {"text": what, "png": row["other_picture"]}
    return {"pictures": [picture], "caption": f"{name}, cosine {row['cosine']:.4f}"}


def _conclusions(finding: Finding) -> list[str]:
    """What the threshold is, and what stands above it."""
    s = finding.settings
    if s.get("threshold_cosine") is None:
        return ["No cosine tells duplicates apart by these features: too many random pairs have the same direction."]
    said = [
        f"Alike begins at a cosine of {s['threshold_cosine']:.4f}: about one of the "
        f"{s['compared_pairs']:,} compared pairs would be above it if none were duplicates, by "
        f"{s['random_pairs']:,} random pairs."
    ]
    if s.get("leaked_images"):
        said.append(
            f"{s['leaked_images']:,} of {s['test_images']:,} test images have a probe image alike: accuracy on them "
            "measures memory."
        )
    return said


DUPLICATES = Axis(
    audit="duplicates",
    title="Duplicates",
    question="Are test images among those that probes are fitted on?",
    explained="Features of all test images are compared with those of all probe images. Random pairs tell how alike "
    "two different images are; what is more alike than one such pair in all is a near-duplicate.",
    command="holdfast audit RUN --axes duplicates",
    needs="images",
    measures=(
        HeadlineMeasure(
            name="leaked",
            label="Leaked test images",
            unit="share",
            better="lower",
            range=(0.0, 1.0),
            scale=(0.0, 1.0),
            meaning="Share of test images with a near-duplicate among the images that probes are fitted on.",
            of=score("leaked"),
            no_interval=_NO_INTERVAL,
        ),
        HeadlineMeasure(
            name="leaked_by_hash",
            label="Leaked test images, by hash",
            unit="share",
            better="lower",
            range=(0.0, 1.0),
            scale=(0.0, 1.0),
            meaning="Share of test images that look like a probe image; by features none can be told.",
            of=score("leaked_by_hash"),
            no_interval=_NO_INTERVAL,
        ),
    ),
    limits={
        "leaked": Limit(most=0.01, share_of="test_images", reason=_REASON),
        "leaked_by_hash": Limit(most=0.01, share_of="test_images", reason=_REASON),
    },
    labels={
        "leaked": "Leaked test images",
        "leaked_by_hash": "Leaked test images, by hash",
        "repeated": "Repeated test images",
        "pool_repeated": "Repeated probe images",
        "threshold": "Cosine from which images are alike",
    },
    shortlist=("leaked", "leaked_by_hash"),
    shortlist_most=1,
    top=("leaked", "leaked_by_hash"),
    precedence=2,
    sections=(Section("duplicates", "Duplicates"),),
    facts=(
        *COMMON,
        *(
            ("Probe images", "compared_probe_images"),
            ("Compared pairs", "compared_pairs"),
            ("Random pairs", "random_pairs"),
        ),
    ),
    must_match=("test_checksum", "probe_identity"),
    remedy="audit both on the same --data and --test",
    sample=means_of({name: name for name in ("leaked", "repeated", "leaked_by_hash")}),
    drawings=(
        Drawing(
            twin_plots,
            "A line for each encoder; dotted: from there on images count as alike. Far right: near-duplicates.",
        ),
    ),
    per_image=PerImage(fields=_fields, galleries=_galleries, keys=("leaks", "repeats"), rank=5),
    conclusions=_conclusions,
)
