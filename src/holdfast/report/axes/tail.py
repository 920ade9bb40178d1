"""Tail: is an encoder worse for the rare, where no labels say what is rare?"""

from collections.abc import Iterator, Mapping

import numpy as np

from holdfast.atlas import Atlas
from holdfast.findings import Finding
from holdfast.report.axes.base import Axis, Drawing, HeadlineMeasure, Limit, Section
from holdfast.report.axes.facts import COMMON
from holdfast.report.axes.numbers import score
from holdfast.report.axes.samples import means_of
from holdfast.report.images import MOST, Field, Gallery, PerImage, Pictures, View, joined_by_id
from holdfast.report.plots import density_plots

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
            name="alignment_trend",
            label="Sparseness against view distance",
            unit="correlation",
            better="lower",
            range=(-1.0, 1.0),
            scale=(-1.0, 1.0),
            meaning="Rank correlation of how rare an image is with how far apart its views lie; above 0 the rare are "
            "held less steady.",
            of=score("alignment_trend"),
        ),
    ),
    limits={
        "alignment_trend": Limit(
            most=0.3,
            reason="From 0.3 on, the customary start of a medium correlation (Cohen, 1988), how rare an image is "
            "accounts for about a tenth of how steady it is held (0.3² = 0.09): look at the sparsest images.",
        ),
    },
    labels={
        "alignment_trend": "Sparseness against view distance (trend)",
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
    shortlist=("alignment_trend", "alignment_gap", "consistency", "consistency_trend", "few_auc_density"),
    top=("alignment_trend", "consistency"),
    sections=(Section("tail", "Tail"),),
    facts=(
        *COMMON,
        ("Rare against", "reference"),
        ("Of these", "reference_images"),
        ("Neighbours", "neighbours"),
        ("Images with views", "viewed_images"),
        ("Clusters", "clusters"),
    ),
    must_match=("neighbours", "reference", "views", "seed"),
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
