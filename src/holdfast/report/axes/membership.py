"""Membership: does one encoder tell its training images from others?"""

import re
from collections.abc import Callable

import numpy as np

from holdfast.findings import Finding
from holdfast.report.axes.base import Axis, Drawing, HeadlineMeasure, Limit, Section
from holdfast.report.axes.numbers import Number, score
from holdfast.report.collect import Measured
from holdfast.report.paired import Sample, ranked_above
from holdfast.report.plots import attack_aucs
from holdfast.report.wording import number

_ATTACKS = {"norm_1": "L1 norm", "norm_2": "L2 norm", "norm_inf": "largest entry", "parts": "parts"} | {
    "deja_vu": "déjà vu",
    "pixels": "pixels",
}
_MEANING = "How often the strongest attack tried ranks a training image above another one; 0.5 is guessing."


def _number(*, judged: bool) -> Callable[[Finding], Number | None]:
    """Reads the strongest attack's AUC of a finding that is judged, or of one that is not."""

    def read(finding: Finding) -> Number | None:
        found = score("auc")(finding)
        if found is None or bool(finding.settings.get("judged")) != judged:
            return None
        strongest = _ATTACKS.get(str(finding.settings.get("strongest")), "an attack")
        note = f"attack: {strongest}" if judged else f"attack: {strongest}; {finding.settings.get('shift')}"
        return Number(value=found.value, interval=found.interval, over=found.over, note=note.replace("{", "("))

    return read


def _sample(measured: Measured, finding: Finding, score: str) -> Sample | None:
    """AUCs by the columns that they are of; images that an attack was fitted on are missing there."""
    attack = re.fullmatch(r"auc(?:_(.+))?", score)
    name = attack and (attack[1] or finding.settings.get("strongest"))
    if not name or name not in finding.columns:
        return None
    values = finding.columns[name].astype(float)
    known = np.isfinite(values)
    member = finding.columns["member"].astype(bool)
    return ranked_above(finding.columns["id"][known], values[known], member[known])


def _conclusions(finding: Finding) -> list[str]:
    """What each attack found, and whether anything may be concluded from it."""
    s = finding.settings
    said = [
        f"Members: {s['member_images']:,} images of {s['members']}; non-members: {s['non_member_images']:,} of "
        f"{s['non_members']}. That they are is the user's word."
    ]
    if s["shift"]:
        return [*said, f"Nothing may be concluded: {s['shift']}."]
    for name, words in _ATTACKS.items():
        found = next((one for one in finding.scores if one.name == f"auc_{name}"), None)
        if found is None or found.interval is None or name == "pixels":
            continue
        low, high = (number(end, "") for end in found.interval)
        verdict = (
            "tells members from others"
            if found.interval[0] > 0.5
            else "found nothing, which is no proof that there is nothing to find"
        )
        said.append(f"The attack by {words} {verdict}: AUC {number(found.value, '')} [{low}, {high}].")
    return said


def _measure(name: str, label: str, meaning: str, *, judged: bool) -> HeadlineMeasure:
    return HeadlineMeasure(
        name=name,
        label=label,
        unit="share",
        better="lower",
        range=(0.0, 1.0),
        scale=(0.0, 1.0),
        meaning=meaning,
        of=_number(judged=judged),
    )


MEMBERSHIP = Axis(
    audit="membership",
    title="Membership",
    question="Does this one encoder give away what it was trained on?",
    explained="An attacker with this encoder alone guesses which images it was trained on, from the length of features "
    "and from how parts of an image answer in it. What pixels alone give away is measured first.",
    command="holdfast audit RUN --axes membership --members A --non-members B",
    needs="members",
    measures=(
        _measure("auc", "Membership AUC of one encoder", _MEANING, judged=True),
        _measure(
            "auc_not_judged",
            "Membership AUC of one encoder, not judged",
            f"{_MEANING} Without a verdict: the two sets of images may differ by themselves.",
            judged=False,
        ),
    ),
    limits={
        "auc": Limit(
            most=0.6,
            reason="0.5 is guessing; from 0.6 an attacker puts the training image first in three of five pairs.",
        ),
    },
    labels={
        "auc": "Membership AUC (strongest attack on one encoder)",
        "auc_norm_1": "Membership AUC (L1 norm)",
        "auc_norm_2": "Membership AUC (L2 norm)",
        "auc_norm_inf": "Membership AUC (largest entry)",
        "auc_parts": "Membership AUC (parts)",
        "auc_deja_vu": "Membership AUC (déjà vu)",
        "random_deja_vu": "Déjà vu, random weights",
        "above_pixels_deja_vu": "Déjà vu above pixels",
        "deja_vu_members": "Déjà vu of members",
        "deja_vu_non_members": "Déjà vu of non-members",
        "deja_vu_excess": "Déjà vu of members above non-members",
        "auc_pixels": "AUC of pixels alone, without an encoder",
        "random_norm_1": "L1 norm, random weights",
        "random_norm_2": "L2 norm, random weights",
        "random_norm_inf": "Largest entry, random weights",
        "random_parts": "Parts, random weights",
        "above_pixels_norm_1": "L1 norm above pixels",
        "above_pixels_norm_2": "L2 norm above pixels",
        "above_pixels_norm_inf": "Largest entry above pixels",
        "above_pixels_parts": "Parts above pixels",
        "overlap": "Images in both sets",
    },
    shortlist=("auc", "auc_pixels", "overlap"),
    shortlist_most=2,
    top=("auc",),
    sections=(Section("membership", "Membership"),),
    facts=(
        *(("Members", "member_images"), ("Of", "members")),
        *(("Non-members", "non_member_images"), ("Of", "non_members")),
        *(("Attacks fitted on", "calibration_images"), ("Judged", "judged"), ("Seed", "seed")),
    ),
    must_match=("members_checksum", "non_members_checksum", "members_image_size"),
    remedy="audit both with the same --members, --non-members and --image-size",
    sample=_sample,
    paired_over="members and others (paired, Student's t of DeLong's placements)",
    drawings=(
        Drawing(
            attack_aucs,
            "A point for each attack with its interval; hollow: the same by random weights. At 0.5 an attack guesses.",
        ),
    ),
    per_image=None,
    conclusions=_conclusions,
)
