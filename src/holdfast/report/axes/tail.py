"""Tail: is an encoder worse for the rare, where no labels say what is rare?"""

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np

from holdfast.atlas import Atlas
from holdfast.findings import Finding
from holdfast.report.axes.base import COMMON, Axis, Drawing, HeadlineMeasure, Limit, Section
from holdfast.report.axes.numbers import Number, score
from holdfast.report.images import MOST, Field, Gallery, PerImage, Pictures, View, joined_by_id
from holdfast.report.plots import density_plots
from holdfast.report.samples import means_of

_FIELDS = (
    ("density_distance", "Distance to its 10th nearest training image", True),
    ("neighbour_consistency", "Share of neighbours that two views share", False),
)
"""(column, words, whether the map may be coloured by it)."""


def _fields(findings: Mapping[str, Finding], atlas: Atlas) -> Iterator[Field]:
    finding = findings.get("tail")
    for column, words, on_map in _FIELDS:
        if finding is not None and column in finding.columns:
            yield Field(column, words, joined_by_id(finding, column, atlas.ids), on_map=on_map)


def _galleries(number: int, view: View, pictures: Pictures) -> Iterator[Gallery]:
    distance = view.values("density_distance")
    if distance is None:
        return
    order = np.argsort(-distance, kind="stable")
    order = order[np.isfinite(distance[order])]
    text = (
        "Test images that lie farthest from all training images, in the encoder’s own features: rare, cluttered or odd."
    )
    yield Gallery("sparsest", "Sparsest places", text, number, order[:MOST], sort="density_distance", descending=True)


def _above_reference(finding: Finding) -> Number | None:
    """The trend less that of random weights, with both beside it."""
    names = ("alignment_trend_above_reference", "alignment_trend", "alignment_trend_reference")
    found, own, random = (score(name)(finding) for name in names)
    if found is None or own is None or random is None:
        return None
    noted = (f"{own.value:.2f}", f"{random.value:.2f}")
    return replace(found, note="trend {}, of random weights {}", noted=noted)


TAIL = Axis(
    audit="tail",
    title="Tail",
    question="Are rare images held as steady as common ones, where no labels say which are rare?",
    explained="Without labels: an image is rare where few training images are near it. Are two views of a rare image "
    "as close, and among the same neighbours, as those of a common one?",
    command="holdfast audit RUN --axes tail",
    needs="images",
    measures=(
        HeadlineMeasure(
            name="alignment_trend_above_reference",
            label="Sparseness against view distance, less that of random weights",
            unit="correlation",
            better="lower",
            range=(-2.0, 2.0),
            scale=(-1.0, 1.0),
            meaning="Rank correlation of how rare an image is with how far apart its views lie beside the nearest "
            "other images, less that of random weights of the same network; above 0 the rare are less steady.",
            of=_above_reference,
        ),
        HeadlineMeasure(
            name="alignment_trend",
            label="Sparseness against view distance",
            unit="correlation",
            better="lower",
            range=(-1.0, 1.0),
            scale=(-1.0, 1.0),
            meaning="Rank correlation of how rare an image is with how far apart its views lie beside the nearest "
            "other images. Random weights have a trend as well, which was not measured here.",
            of=score("alignment_trend"),
        ),
    ),
    limits={
        "alignment_trend_above_reference": Limit(
            most=0.0,
            surely=True,
            reason="The local scale of any features gives a trend, that of random weights too. Above 0, by more than "
            "the noise of the test images, training holds rare images less steady: look at the sparsest ones.",
        ),
    },
    labels={
        "alignment_trend": "Sparseness against view distance (trend)",
        "alignment_trend_reference": "The same trend of random weights",
        "alignment_trend_above_reference": "Sparseness against view distance, less that of random weights",
        "consistency_trend_reference": "Sparseness against shared neighbours, random weights",
        "consistency_trend_above_reference": "Sparseness against shared neighbours, less that of random weights",
        "alignment_gap": "View distance, sparsest less densest group",
        "consistency": "Neighbours that two views share",
        "consistency_trend": "Sparseness against shared neighbours (trend)",
        "consistency_gap": "Shared neighbours, sparsest less densest group",
        "cluster_stability": "Stability of clusters under resampling",
        "cluster_imbalance": "Largest over smallest cluster",
        "few_auc_density": "Rare classes found by density (AUC)",
        "few_auc_clusters": "Rare classes found by cluster size (AUC)",
        "few_lift": "Rare classes in the sparsest tenth, against their share",
    },
    shortlist=(
        "alignment_trend_above_reference",
        "alignment_trend",
        "alignment_gap",
        "consistency",
        "consistency_trend",
        "few_auc_density",
    ),
    top=("alignment_trend_above_reference", "consistency"),
    sections=(Section("tail", "Tail"),),
    facts=(
        *COMMON,
        ("Rare against", "reference"),
        ("Of these", "reference_images"),
        ("Neighbours", "neighbours"),
        ("Images with views", "viewed_images"),
        ("Clusters", "clusters"),
    ),
    must_match=("neighbours", "reference", "reference_images", "density_groups", "views", "trend", "seed"),
    remedy="audit both alike",
    sample=means_of({"consistency": "neighbour_consistency", "alignment": "view_distance"}),
    drawings=(
        Drawing(
            density_plots,
            "Groups are by the distance to the tenth nearest training image: no labels are used. Bands: 95 % "
            "intervals, or the range over runs. The rare are held less steady where distance falls, or shared "
            "neighbours rise, from left to right.",
        ),
    ),
    per_image=PerImage(fields=_fields, galleries=_galleries, keys=("sparsest",), rank=4),
)
