"""Membership of one encoder: does it tell the images it was trained on from others, by more than pixels do?
(LpLA, arXiv:2506.05743; PartCrop, arXiv:2404.02462; déjà vu, arXiv:2504.05651; blind baselines, arXiv:2406.16201)."""

from typing import Any

import numpy as np

from holdfast.audits.membership.attacks import LEAST_NORMS, LEAST_PARTS, MOST_PARTS, Attack, Attacks, all_attacks
from holdfast.audits.membership.blind import LEAST_BLIND, Blind, blind
from holdfast.audits.membership.deja_vu import LEAST_DEJA_VU
from holdfast.audits.subject import Audit, Lack, Members, Speed, Subject, lacks_pixels
from holdfast.evaluation.inference import PARTS
from holdfast.findings import Finding, Score
from holdfast.statistics import DRAWS, Separation, separation

_OVER = f"images that no attack was fitted on (standard error of {DRAWS:,} draws, near-duplicates together)"
_SHARE: dict[str, Any] = {"unit": "share", "range": (0.0, 1.0)}
_APART: dict[str, Any] = {"unit": "share", "range": (-1.0, 1.0), "better": "lower"}
_NOT_JUDGED = "shift between the two sets, not judged:"
_CHANCE = "chance that a member scores above a non-member, ties one half"


def membership_of_one(subject: Subject) -> Finding:
    """Whether one encoder's features tell its training images from others, which --members and --non-members name.

    Scores auc_ATTACK in [0, 1], 0.5 found nothing, for the norms L1, L2 and largest entry (Gaussian likelihood ratio)
    and parts (PartCrop), each fitted on one half of the images and measured on the other, and deja_vu, which is fitted
    on neither (deja_vu_members, _non_members, _excess: how much better neighbours of corners tell labels);
    random_ATTACK by random weights of the same network; auc_pixels of a blind baseline that sees pixels and files;
    auc, the largest with an interval for the largest. Where the blind baseline, or random weights, tell the two sets
    apart, or where they are too small to know, 'judged' is false. Raises ValueError without members and non-members.
    """
    lack = _lacks(subject)
    if lack is not None or subject.members is None:
        need, remedy = lack or ("members", "pass them")
        raise ValueError(f"expected {need} to measure membership, got none; {remedy}")
    members, seed = subject.members, subject.options.seed
    found, baseline = all_attacks(subject, members), blind(members, seed=seed)
    told = {attack.name: _told(attack.values, members, seed) for attack in found.made}
    random = {a.name: _told(a.random, members, seed) for a in found.made if a.random is not None}
    shift = _shift(baseline, random, members)
    scores = [score for attack in found.made for score in _scores(attack, told, random, baseline, members, seed)]
    return Finding(
        audit="membership",
        scores=[*_strongest(found, told), *_blind_score(baseline), *scores, *_deja_vu_scores(found), _overlap(members)],
        columns=_columns(members, found, baseline),
        tables={
            "attacks": [_row(attack, told, random) for attack in found.made],
            "deja_vu": [] if found.deja_vu is None else found.deja_vu.rows,
        },
        settings=subject.settings
        | dict(members.facts)
        | {
            "judged": not shift and bool(told),
            "shift": shift,
            "strongest": max(told, key=lambda name: told[name].value) if told else None,
            "calibration_images": int(found.calibration.sum()),
            "zero_norms": found.zero_norms,
            **({} if found.deja_vu is None else found.deja_vu.facts),
            "parts": PARTS,
            "files_read": members.stored is not None,
            "warnings": _warnings(members, found, baseline, shift),
        },
    )


def _told(values: np.ndarray, members: Members, seed: int, extra: float = 0.0) -> Separation:
    known = np.isfinite(values)
    return separation(values[known], members.member[known], members.groups[known], seed=seed, extra=extra)


def _shift(baseline: Blind | None, random: dict[str, Separation], members: Members) -> str:
    """Why nothing may be concluded about the encoder; '' where it may."""
    if baseline is None:
        return (
            f"whether the two sets differ by their pixels is not known: {members.fewest:,} images in the smaller set, "
            f"under {LEAST_BLIND}"
        )
    if baseline.whole.tells():
        return f"{_NOT_JUDGED} pixels and files alone tell them apart, {_said(baseline.whole)}"
    for name, told in random.items():
        if told.tells(len(random)):
            return (
                f"{_NOT_JUDGED} random weights of the same network, which saw neither, tell them apart ({name}), "
                f"{_said(told, len(random))}"
            )
    return ""


def _said(told: Separation, tests: int = 1) -> str:
    interval = told.interval(tests)
    return f"AUC {told.value:.3f}" + ("" if interval is None else f" [{interval[0]:.3f}, {interval[1]:.3f}]")


def _strongest(found: Attacks, told: dict[str, Separation]) -> list[Score]:
    if not told:
        return []
    name = max(told, key=lambda one: told[one].value)
    text = next(attack.text for attack in found.made if attack.name == name)
    definition = f"Of the strongest of {len(told)} attacks, {text}: {_CHANCE}; the interval allows for the choice."
    return [_auc("auc", told[name], definition, "lower", tests=len(told))]


def _auc(name: str, told: Separation, definition: str, better: Any, *, tests: int = 1) -> Score:
    interval = told.interval(tests)
    return Score(
        name=name,
        value=told.value,
        definition=definition,
        better=better,
        interval=interval,
        interval_over=_OVER if interval else "",
        **_SHARE,
    )


def _blind_score(baseline: Blind | None) -> list[Score]:
    if baseline is None:
        return []
    text = (
        f"A logistic regression on statistics of pixels and files, five folds, no encoder: {_CHANCE}; above 0.5 the "
        "two sets differ by themselves."
    )
    return [_auc("auc_pixels", baseline.whole, text, "lower")]


def _scores(
    attack: Attack,
    told: dict[str, Separation],
    random: dict[str, Separation],
    baseline: Blind | None,
    members: Members,
    seed: int,
) -> list[Score]:
    """The attack's AUC, that of random weights, and what lies above the blind baseline on the same images."""
    own, name = told[attack.name], attack.name
    scores = [_auc(f"auc_{name}", own, f"Attack by {attack.text}: {_CHANCE}.", "lower")]
    if name in random:
        text = f"The same attack on random weights of the same network: {_CHANCE}."
        scores.append(_auc(f"random_{name}", random[name], text, "neither"))
    if baseline is not None:
        values = np.where(np.isfinite(attack.values), baseline.values, np.nan)
        value, low, high = own.above(_told(values, members, seed, baseline.extra))
        text = "AUC of the attack less that of the blind baseline, on the same images."
        more = {"definition": text, "interval": (low, high), "interval_over": _OVER}
        scores.append(Score(name=f"above_pixels_{name}", value=value, **more, **_APART))
    return scores


def _deja_vu_scores(found: Attacks) -> list[Score]:
    """How much better neighbours tell labels than backgrounds do, of members, of others, and the difference."""
    rows = [] if found.deja_vu is None else [row for row in found.deja_vu.rows if row["most_confident"] == 1]
    if not rows:
        return []
    by = {row["images"]: row["deja_vu"] for row in rows}
    text = "Accuracy of an image's label by neighbours of its corner less that by backgrounds alone"
    values = {
        "deja_vu_members": (by["members"], f"{text}, over members; by itself an upper bound of what is memorized."),
        "deja_vu_non_members": (by["non-members"], f"{text}, over non-members: how weak the backgrounds' reading is."),
        "deja_vu_excess": (by["members"] - by["non-members"], f"{text}: over members less over non-members."),
    }
    return [
        Score(
            name=name,
            value=value,
            unit="share",
            range=(-1.0, 1.0),
            better="lower" if name == "deja_vu_excess" else "neither",
            definition=said,
        )
        for name, (value, said) in values.items()
    ]


def _overlap(members: Members) -> Score:
    return Score(
        name="overlap",
        value=float(members.facts["dropped_members"] + members.facts["dropped_non_members"]),
        unit="count",
        range=(0.0, None),
        better="neither",
        definition="Images dropped from both sets, as they or near-duplicates of them are in both.",
    )


def _row(attack: Attack, told: dict[str, Separation], random: dict[str, Separation]) -> dict[str, Any]:
    low, high = told[attack.name].interval() or (None, None)
    null = random.get(attack.name)
    images = dict(zip(("members", "non_members"), told[attack.name].images, strict=True))
    row = {"attack": attack.name, **images, "auc": told[attack.name].value, "low": low, "high": high}
    return row | {"random": None if null is None else null.value}


def _columns(members: Members, found: Attacks, baseline: Blind | None) -> dict[str, np.ndarray]:
    columns = {"id": members.images.ids.numpy(), "member": members.member}
    columns |= {attack.name: attack.values for attack in found.made}
    return columns if baseline is None else columns | {"pixels": baseline.values}


def _warnings(members: Members, found: Attacks, baseline: Blind | None, shift: str) -> list[str]:
    facts = members.facts
    said = [shift] if shift else []
    dropped = facts["dropped_members"], facts["dropped_non_members"]
    if any(dropped):
        said.append(
            f"dropped, as they or near-duplicates of them are in both sets: {dropped[0]:,} of the members, "
            f"{dropped[1]:,} of the non-members"
        )
    if found.zero_norms:
        said.append(f"{found.zero_norms:,} images whose features are zero are left out of the norms")
    if baseline is not None and members.stored is None:
        said.append("the blind baseline saw pixels alone: images in memory have no files to look at")
    return said + [f"not measured: {reason}" for reason in found.not_made]


def _lacks(subject: Subject) -> Lack:
    if subject.members is None:
        return "members of the training images, and non-members", "name them: --members A --non-members B"
    if lack := lacks_pixels(subject):
        return lack
    if subject.members.fewest < LEAST_NORMS:
        facts = subject.members.facts
        return (
            f"members and non-members, {LEAST_NORMS} of each that are not in both (of {facts['members']} "
            f"{facts['member_images']:,} are left, of {facts['non_members']} {facts['non_member_images']:,})",
            "give more images",
        )
    return None


def _cost(subject: Subject, speed: Speed) -> float:
    """Passes of all images, and of parts: a quarter of a pass each, and one for the map; twice for random weights."""
    members = subject.members
    if members is None:
        return 0.0
    parts = 0 if members.fewest < LEAST_PARTS else 2 * min(MOST_PARTS, members.fewest) * (1 + PARTS / 4)
    crops = 0 if members.fewest < LEAST_DEJA_VU or members.classes is None else len(members.images)
    return speed.forward * (1 + subject.options.reference) * (len(members.images) + parts + crops)


MEMBERSHIP = Audit(membership_of_one, lacks=_lacks, cost=_cost, long=True)
