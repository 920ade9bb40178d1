"""Equivariance: do features move in a way that can be foretold?"""

from collections.abc import Iterator, Mapping

from holdfast.atlas import Atlas
from holdfast.findings import Finding
from holdfast.report.axes.base import COMMON, Axis, Drawing, HeadlineMeasure, Limit, Section
from holdfast.report.axes.numbers import score
from holdfast.report.images import Field, PerImage, joined_by_id
from holdfast.report.plots import map_plots
from holdfast.report.samples import means_of


def _shares(findings: Mapping[str, Finding], atlas: Atlas) -> Iterator[Field]:
    finding = findings.get("equivariance")
    if finding is not None:
        yield Field("foretold", "Share foretold of its moves", joined_by_id(finding, "share", atlas.ids), on_map=True)


EQUIVARIANCE = Axis(
    audit="equivariance",
    title="Equivariance",
    question="Can one foretell how features move when an image is turned, mirrored, scaled or recoloured?",
    explained="A linear map from the features of an image to those of its moved copy is fitted on some images and "
    "asked about others. An encoder that keeps what a transformation changes, in an orderly way, answers well; so does "
    "one that does not move at all, which the share moved tells.",
    command="holdfast audit RUN --axes equivariance",
    needs="images",
    measures=(
        HeadlineMeasure(
            name="r2",
            label="Linear map, mean R²",
            unit="R²",
            better="higher",
            range=(None, 1.0),
            scale=(0.0, 1.0),
            meaning="Of where a moved image's features lie, the share that a linear map foretells.",
            of=score("r2"),
            no_interval="it has one from 100 test images on",
        ),
    ),
    limits={
        "r2": Limit(
            least=0.5,
            reason="Below 0.5 a linear map leaves more unknown of where a moved image lies than it foretells.",
        ),
    },
    labels={"r2": "Linear map, mean R²"},
    shortlist=("r2",),
    top=("r2",),
    sections=(Section("equivariance", "Equivariance"),),
    open_scores=5,
    facts=(
        *COMMON,
        *(("Asked about images", "shift_images"), ("Fitted on images", "fitted_images")),
        ("Directions", "fitted_directions"),
    ),
    must_match=("shift_images", "fitted_images", "fitted_directions", "seed", "test_checksum"),
    remedy="measure both with the same --budget, on the same --data and --test",
    sample=means_of({"r2": "share"}),
    drawings=(
        Drawing(map_plots, "Filled: the map. Open: a map fitted on shuffled pairs, which no relation can help."),
    ),
    per_image=PerImage(fields=_shares),
)
