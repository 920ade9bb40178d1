"""Privacy: can an attacker tell what an encoder was trained on, or what its images are of?"""

import re

import numpy as np

from holdfast.findings import Finding
from holdfast.report.axes.base import PAIRED, Axis, Drawing, HeadlineMeasure, Limit, Section
from holdfast.report.axes.numbers import membership, score
from holdfast.report.collect import Measured
from holdfast.report.conclusions import of_privacy
from holdfast.report.paired import Sample, group_means, ranked_above
from holdfast.report.plots import roc_plots
from holdfast.report.samples import evenly


def _sample(measured: Measured, finding: Finding, score: str) -> Sample | None:
    """The attack on means over pairs; with several pairs the others are means of attacks, not attacks on means."""
    columns, attack = finding.columns, re.fullmatch(r"auc_(averaged|difference|cosine)", score)
    if score == "attribute_accuracy" and "attribute_read" in columns:
        groups = columns["attribute"].astype(np.int64)
        weights = evenly(np.unique(groups[groups >= 0]))
        return group_means(columns["id"], 100.0 * columns["attribute_read"], groups, weights)
    if not attack or "member" not in columns:
        return None
    values = columns["cosine" if attack[1] == "cosine" else "difference"]
    return ranked_above(columns["id"], values, columns["member"].astype(bool))


PRIVACY = Axis(
    audit="privacy",
    title="Privacy",
    question="Can an attacker tell what it was trained on?",
    explained="An attacker sees features and guesses which images were trained on. Members are candidates, others "
    "external images that neither encoder saw. An attribute that --groups names is read by a fresh attacker.",
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
        HeadlineMeasure(
            name="attribute_accuracy",
            label="Attribute read",
            unit="percent",
            better="lower",
            range=(0.0, 100.0),
            scale=(0.0, 100.0),
            meaning="Test images whose attribute a fresh attacker reads, mean over groups; see what guessing gives.",
            of=score("attribute_accuracy"),
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
        "attribute_accuracy": "Attribute read by a fresh attacker",
        "attribute_chance": "Attribute guessed",
    },
    shortlist=("auc_averaged", "auc_difference", "auc_cosine", "attribute_accuracy"),
    shortlist_most=1,
    beside={"attribute_accuracy": "attribute_chance"},
    top=("auc_averaged", "auc_difference", "auc_cosine", "attribute_accuracy"),
    sections=(
        Section("privacy", "Privacy"),
        Section("privacy", "Attributes", prefix="attribute_", must_match=("attribute_column", "attribute_groups")),
    ),
    facts=(*PAIRED, ("Attribute", "attribute_column"), ("Its attacker", "attribute_attacker")),
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
