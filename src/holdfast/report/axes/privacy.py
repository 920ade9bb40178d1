"""Privacy: can an attacker tell what an encoder was trained on?"""

import re

from holdfast.findings import Finding
from holdfast.report.axes.base import PAIRED, Axis, Drawing, HeadlineMeasure, Limit, Section
from holdfast.report.axes.numbers import membership
from holdfast.report.collect import Measured
from holdfast.report.conclusions import of_privacy
from holdfast.report.paired import Sample, ranked_above
from holdfast.report.plots import roc_plots


def _sample(measured: Measured, finding: Finding, score: str) -> Sample | None:
    """The attack on means over pairs; with several pairs the others are means of attacks, not attacks on means."""
    columns, attack = finding.columns, re.fullmatch(r"auc_(averaged|difference|cosine)", score)
    if not attack or "member" not in columns:
        return None
    values = columns["cosine" if attack[1] == "cosine" else "difference"]
    return ranked_above(columns["id"], values, columns["member"].astype(bool))


PRIVACY = Axis(
    audit="privacy",
    title="Privacy",
    question="Can an attacker tell what it was trained on?",
    explained="An attacker sees features and guesses which images were trained on. Members are candidates, others "
    "external images that neither encoder saw.",
    command="holdfast memorization RUN",
    needs="pairs",
    measures=(
        HeadlineMeasure(
            name="auc",
            label="Membership AUC",
            unit="share",
            better="lower",
            range=(0.0, 1.0),
            scale=(0.0, 1.0),
            meaning="How often the strongest attacker tried ranks a training image above another one; 0.5 is guessing.",
            of=membership,
        ),
    ),
    limits={
        "auc": Limit(
            most=0.6,
            reason="0.5 is guessing; from 0.6 an attacker puts the training image first in three of five pairs.",
        ),
    },
    labels={
        "auc_averaged": "Membership AUC (attack on pairs averaged)",
        "auc_difference": "Membership AUC (attack on one pair)",
        "auc_cosine": "Membership AUC (attack on one encoder)",
    },
    shortlist=("auc_averaged", "auc_difference", "auc_cosine"),
    shortlist_most=1,
    top=("auc_averaged", "auc_difference", "auc_cosine"),
    sections=(Section("privacy", "Privacy"),),
    facts=PAIRED,
    must_match=("scored_checksum", "scored_views", "pairs", "view_settings"),
    remedy="train both runs' pairs on the same images with the same --seed",
    sample=_sample,
    paired_over="members and others (paired, Student's t of DeLong's placements)",
    drawings=(
        Drawing(
            roc_plots,
            "A line for each pair of encoders, not for the run’s own encoder. On the diagonal an attack guesses.",
        ),
    ),
    per_image=None,
    conclusions=of_privacy,
)
