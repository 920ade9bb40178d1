"""Memorization: does training leave marks of single images?"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from holdfast.atlas import Atlas
from holdfast.findings import Finding
from holdfast.report.axes.base import PAIRED, Axis, Drawing, HeadlineMeasure, Limit, Section
from holdfast.report.axes.numbers import ratio_above_null, score
from holdfast.report.collect import Measured
from holdfast.report.conclusions import of_memorization, trustworthy
from holdfast.report.images import MOST, Field, Gallery, PerImage, Pictures, View, joined_by_id
from holdfast.report.paired import Sample, group_means, mean, ranked_above
from holdfast.report.plots import layer_plots, ratio_plots
from holdfast.report.wording import printable

_COLUMNS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("ratio", "Memorization ratio", {"on_map": True, "keep": "ends"}),
    ("difference", "Memorization difference", {"digits": 4}),
    ("q", "q value", {}),
    ("membership_score", "Mean cosine of its views", {}),
    ("knn_density", "Mean cosine to its 20 nearest", {}),
    ("label_disagreement", "Share of neighbours of other classes", {"digits": 2}),
    ("class_count", "Training images of the class", {"digits": 0}),
)
"""(column, words, style) of each number of an image."""


def _sample(measured: Measured, finding: Finding, score: str) -> Sample | None:
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


def _fields(findings: Mapping[str, Finding], atlas: Atlas) -> Iterator[Field]:
    finding = findings.get("memorization")
    if finding is None:
        return
    for column, label, style in _COLUMNS:
        if column in finding.columns:
            yield Field(column, label, joined_by_id(finding, column, atlas.ids), **style)
    own = np.asarray(finding.columns["id"])
    order = np.argsort(own, kind="stable")
    parts, places = np.unique(finding.columns["part"], return_inverse=True)
    rows = order[np.minimum(np.searchsorted(own[order], atlas.ids), len(own) - 1)]
    names = [printable(part) for part in parts]
    yield Field("part", "Part of the study", places[rows].astype(float), names, on_map=True)


def _galleries(number: int, view: View, pictures: Pictures) -> Iterator[Gallery]:
    ratio, part = view.values("ratio"), view.values("part")
    if ratio is None or part is None:
        return
    names = next(f.names for f in view.fields if f.key == "part")
    candidates = np.flatnonzero(part == list(names).index("candidate")) if "candidate" in names else np.arange(0)
    order = candidates[np.argsort(-ratio[candidates], kind="stable")]
    text = (
        f"Of {len(order):,} candidates, which one encoder of each pair trained on and the other did not. The score "
        "sees no labels: look for twins, wrong labels and what is rare."
    )
    if not trustworthy(view.member.findings["memorization"]):
        text = f"This order is not trustworthy: the study’s numbers do not stand out from chance. {text}"
    style: dict[str, Any] = {"view": number, "sort": "ratio"}
    yield Gallery("most-memorised", "Memorised most", text, rows=order[:MOST], descending=True, **style)
    yield Gallery("least-memorised", "Memorised least", text, rows=order[::-1][:MOST], **style)


MEMORIZATION = Axis(
    audit="memorization",
    title="Memorization",
    question="Does training leave marks of single images?",
    explained="Pairs of encoders are trained with (f) and without (g) the same candidate images. What f brings closer "
    "together than g, beyond what both do to images that neither saw, was memorised.",
    command="holdfast memorization RUN",
    needs="pairs",
    measures=(
        HeadlineMeasure(
            name="ratio_above_null",
            label="Mean ratio, candidates less external",
            unit="ratio",
            better="lower",
            range=(-2.0, 2.0),
            scale=None,
            meaning="How much closer together the views of an image lie for an encoder that trained on it; 0 is no "
            "memory of single images.",
            of=ratio_above_null,
        ),
        HeadlineMeasure(
            name="ratio_candidate",
            label="Mean ratio, candidates",
            unit="ratio",
            better="lower",
            range=(-1.0, 1.0),
            scale=None,
            meaning="The same without external images: nothing says how far the ratio moves by chance.",
            of=score("ratio_candidate"),
        ),
    ),
    limits={
        "ratio_above_null": Limit(
            most=0.05,
            reason="At 0.05 the views of an image lie a tenth closer together for an encoder that trained on it than "
            "for one that did not ((1 + 0.05) / (1 − 0.05) = 1.11). It is a mean: it does not say which images it is "
            "of.",
        ),
    },
    labels={
        "ratio_candidate": "Memorization ratio, candidates",
        "difference_candidate": "Memorization difference, candidates (S_C)",
        "difference_shared": "Memorization difference, shared images (S_S)",
        "difference_independent": "Memorization difference, independents (S_I)",
        "difference_external": "Memorization difference, external images (S_E, the null)",
        "centred_candidate": "Candidates above external images",
        "auc_external": "Candidates told from external images (AUC)",
        "p_candidate": "One-sided p of the candidates’ mean",
        "discovered": "Candidates beyond the null (q ≤ 0.05)",
        "class_size": "Ratio against class size (over classes)",
        "cross_pair_gap": "Agreement of pairs, candidates less external",
    },
    shortlist=("ratio_candidate", "centred_candidate", "auc_external"),
    top=("centred_candidate",),
    sections=(Section("memorization", "Memorization"),),
    facts=PAIRED,
    must_match=("scored_checksum", "scored_views", "pairs", "view_settings"),
    remedy="train both runs' pairs on the same images with the same --seed",
    sample=_sample,
    paired_over="scored images within their parts (paired, Student's t)",
    drawings=(
        Drawing(
            ratio_plots, "Where the line does not stand to the right of the dots, nothing was memorised that shows."
        ),
        Drawing(
            layer_plots,
            "LayerMem of encoder pairs, not of the run’s own encoder; bands: 95 % intervals over images. It grows with "
            "depth nearly everywhere: look at the steps.",
        ),
    ),
    per_image=PerImage(
        kind="scored", fields=_fields, galleries=_galleries, keys=("most-memorised", "least-memorised"), rank=0
    ),
    conclusions=of_memorization,
)
