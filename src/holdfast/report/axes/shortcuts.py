"""Shortcuts: do features follow the class, or the site and the camera?"""

from collections.abc import Iterator, Mapping

import numpy as np

from holdfast.atlas import Atlas
from holdfast.findings import Finding
from holdfast.report.axes.base import COMMON, Axis, Drawing, HeadlineMeasure, Limit, Section
from holdfast.report.axes.numbers import score
from holdfast.report.collect import Measured
from holdfast.report.images import Field, PerImage, joined_by_id
from holdfast.report.paired import Sample, mean
from holdfast.report.plots import margin_plots


def _margins(findings: Mapping[str, Finding], atlas: Atlas) -> Iterator[Field]:
    finding = findings.get("shortcuts")
    if finding is not None:
        yield Field("margin", "Margin against its group", joined_by_id(finding, "margin", atlas.ids), on_map=True)


def _sample(measured: Measured, finding: Finding, score: str) -> Sample | None:
    """The share that follows its group is a mean over images; medians and tails of margins are not."""
    if score != "follows_group":
        return None
    margins = finding.columns["margin"].astype(float)
    return mean(finding.columns["id"], np.where(np.isnan(margins), np.nan, 100.0 * (margins <= 0)))


SHORTCUTS = Axis(
    audit="shortcuts",
    title="Shortcuts",
    question="Do features follow the class, or where a picture comes from?",
    explained="For each test image: is the same class from another group nearer than another class from the same "
    "group? A margin above 0 says yes.",
    command="holdfast audit RUN --axes shortcuts --groups FILE.csv:COLUMN",
    needs="labels",
    measures=(
        HeadlineMeasure(
            name="margin_median",
            label="Median margin",
            unit="margin",
            better="higher",
            range=(-1.0, 1.0),
            scale=(-1.0, 1.0),
            meaning="Above 0 the class is nearer than the group, for half of the images or more; by the worst column.",
            of=score("margin_median"),
        ),
    ),
    limits={
        "margin_median": Limit(
            least=0.0,
            reason="Below 0, for most images another class of the same group is nearer than their own elsewhere.",
        ),
    },
    labels={
        "margin_median": "Median margin",
        "margin_worst_tenth": "Margin of the worst tenth",
        "margin_shuffled": "Median margin without confounding",
        "follows_group": "Images that follow their group",
        "robustness_index": "Robustness index",
        "support": "Support of the robustness index",
    },
    shortlist=("margin_median", "follows_group", "margin_worst_tenth"),
    top=("margin_median", "follows_group"),
    sections=(Section("shortcuts", "Shortcuts"),),
    facts=(*COMMON, ("Groups by", "group_column"), ("Left out", "left_out_images"), ("Nearest of each", "nearest")),
    must_match=("group_column", "nearest", "neighbours"),
    remedy="audit both with the same --groups",
    sample=_sample,
    drawings=(Drawing(margin_plots, "A line for each encoder. Left of 0 another class of the same group is nearer."),),
    per_image=PerImage(fields=_margins),
)
