"""Quality: are the features good in general?"""

from collections.abc import Iterator, Mapping

import numpy as np

from holdfast.atlas import Atlas
from holdfast.findings import Finding
from holdfast.report.axes.base import COMMON, PROBE, PROBED, Axis, Drawing, HeadlineMeasure, Limit, Section
from holdfast.report.axes.numbers import score
from holdfast.report.collect import Measured
from holdfast.report.conclusions import of_tests
from holdfast.report.images import Field, PerImage, joined_by_id
from holdfast.report.paired import Sample, mean
from holdfast.report.plots import reader_plots
from holdfast.report.samples import means_of
from holdfast.report.wording import printable


def _sample(measured: Measured, finding: Finding, score: str) -> Sample | None:
    columns = finding.columns
    if score == "linear_accuracy" and "correct" in columns:
        return mean(columns["id"], 100.0 * columns["correct"])
    if score == "knn_accuracy" and "knn_predicted" in columns:
        return mean(columns["id"], 100.0 * (columns["knn_predicted"] == columns["label"]))
    return means_of({"alignment": "alignment"})(measured, finding, score)


def _answers(findings: Mapping[str, Finding], atlas: Atlas) -> Iterator[Field]:
    """Whether the probe is right, and what it says; how many training images the class has."""
    finding = next((f for name in ("balance", "quality") if (f := findings.get(name)) and "correct" in f.columns), None)
    if finding is None:
        return
    right = joined_by_id(finding, "correct", atlas.ids)
    yield Field("correct", "Linear probe", right, ("wrong", "right"), on_map=True)
    names = _class_names(atlas, int(np.max(finding.columns["predicted"], initial=0)) + 1)
    yield Field("predicted", "Taken for", joined_by_id(finding, "predicted", atlas.ids), names)
    counts = {row["index"]: row["train_images"] for row in finding.tables.get("per_class", ())}
    if counts and atlas.labels is not None:
        images = np.array([counts.get(int(label)) or np.nan for label in atlas.labels], dtype=np.float64)
        yield Field("train_images", "Training images of the class", images, digits=0)


def _class_names(atlas: Atlas, least: int) -> tuple[str, ...]:
    names = tuple(printable(name) for name in atlas.classes or ())
    return names + tuple(f"class {i}" for i in range(len(names), least))


QUALITY = Axis(
    audit="quality",
    title="Quality",
    question="Are the features good in general?",
    explained="A linear classifier and a vote of nearest neighbours on frozen features; and, without labels, how the "
    "features spread.",
    command="holdfast audit RUN --axes quality",
    needs="images",
    measures=(
        HeadlineMeasure(
            name="linear_accuracy",
            label="Linear probe accuracy",
            unit="percent",
            better="higher",
            range=(0.0, 100.0),
            scale=(0.0, 100.0),
            meaning="Test images whose class a linear classifier reads off the frozen features.",
            of=score("linear_accuracy"),
        ),
        HeadlineMeasure(
            name="effective_rank",
            label="Effective rank",
            unit="count",
            better="higher",
            range=(0.0, None),
            scale=None,
            meaning="How many dimensions the features use; without labels there is no accuracy.",
            of=score("effective_rank"),
            no_interval="it grows with the number of images",
        ),
    ),
    limits={
        "linear_accuracy": Limit(
            least_share_of=("halfway", 1.0),
            reason="Below halfway between guessing and certainty a linear classifier finds little of the classes in "
            "the features: train longer, or on more images.",
        ),
        "effective_rank": Limit(
            least=1.5,
            reason="Below it all features lie nearly along one direction, as those of random weights do: the encoder "
            "has collapsed, or has not begun to learn.",
            means="near collapse",
        ),
        "feature_std": Limit(
            least=0.05,
            reason="Below it the features of two images have a cosine of about 0.9975: all images look alike to the "
            "encoder.",
            means="near collapse",
        ),
    },
    labels={
        "linear_accuracy": "Linear probe accuracy",
        "knn_accuracy": "Nearest-neighbour accuracy (kNN)",
        "effective_rank": "Effective rank",
        "alignment": "Alignment",
        "uniformity": "Uniformity",
        "feature_std": "Feature standard deviation",
    },
    counted={"linear_accuracy|knn_accuracy": "of all test images"},
    shortlist=("linear_accuracy", "knn_accuracy", "effective_rank"),
    top=("linear_accuracy", "knn_accuracy", "effective_rank"),
    sections=(Section("quality", "Quality"),),
    facts=(*COMMON, *PROBE, ("Nearest neighbours", "knn")),
    must_match=(*PROBED, "views", "knn"),
    remedy="audit both alike",
    sample=_sample,
    drawings=(
        Drawing(
            reader_plots, "Whiskers: 95 % intervals, where there are any. Chance is 100 % over the number of classes."
        ),
    ),
    per_image=PerImage(fields=_answers),
    conclusions=of_tests,
)
