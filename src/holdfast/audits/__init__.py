"""Audits: each turns a Subject into a Finding. `audit` prepares the subject and runs them."""

import difflib
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from holdfast.audits import plan
from holdfast.audits.atlas import write_atlas
from holdfast.audits.balance import BALANCE, balance
from holdfast.audits.duplicates import DUPLICATES
from holdfast.audits.equivariance import EQUIVARIANCE, equivariance
from holdfast.audits.given import asked, given_members, loaded
from holdfast.audits.invariance import INVARIANCE, invariance
from holdfast.audits.membership import MEMBERSHIP
from holdfast.audits.memorization import MEMORIZATION
from holdfast.audits.plan import Choice, measure_speed
from holdfast.audits.privacy import PRIVACY, privacy
from holdfast.audits.quality import QUALITY, quality
from holdfast.audits.robustness import ROBUSTNESS, robustness
from holdfast.audits.shortcuts import SHORTCUTS, shortcuts
from holdfast.audits.subject import (
    Audit,
    Known,
    Members,
    Options,
    Pairs,
    Speed,
    Subject,
    compared,
    find_pairs,
    given_pairs,
    load_pairs,
    prepared,
)
from holdfast.audits.tail import TAIL, tail
from holdfast.budgets import budget_of, budgeted
from holdfast.data import Images
from holdfast.evaluation import alignment, membership, memorization, unit_memorization
from holdfast.findings import Finding
from holdfast.runs import RunFolder

__all__ = [
    "AUDITS",
    "Audit",
    "Choice",
    "Known",
    "Members",
    "Options",
    "Pairs",
    "Speed",
    "Subject",
    "alignment",
    "audit",
    "balance",
    "compared",
    "equivariance",
    "fitting_axes",
    "given_pairs",
    "invariance",
    "largest_budget",
    "load_pairs",
    "measure",
    "measure_speed",
    "membership",
    "memorization",
    "missing_axes",
    "planned",
    "prepare",
    "privacy",
    "quality",
    "robustness",
    "shortcuts",
    "tail",
    "unit_memorization",
]

AUDITS: dict[str, Audit] = {
    "quality": QUALITY,
    "balance": BALANCE,
    "tail": TAIL,
    "robustness": ROBUSTNESS,
    "invariance": INVARIANCE,
    "equivariance": EQUIVARIANCE,
    "shortcuts": SHORTCUTS,
    "duplicates": DUPLICATES,
    "membership": MEMBERSHIP,
    "memorization": MEMORIZATION,
    "privacy": PRIVACY,
}
"""Audits by their command-line name; each file says what its audit needs and costs."""


def audit(
    encoder: nn.Module | str | Path | RunFolder,
    images: Images | str | Path | None = None,
    *,
    test: Images | str | Path | None = None,
    axes: Sequence[str] | str | None = None,
    labels: str | None = None,
    train_ids: Tensor | None = None,
    validation_ids: Tensor | None = None,
    few_shot_ids: Tensor | None = None,
    counts: Sequence[int] | None = None,
    run: dict[str, Any] | None = None,
    name: str | None = None,
    pairs: Pairs | str | Path | None = None,
    members: Images | None = None,
    non_members: Images | None = None,
    budget: str | None = None,
    atlas: Path | None = None,
    **options: Any,
) -> list[Finding]:
    """Measures an encoder: one Finding for each of `axes`, names in AUDITS.

    axes: one name or several; None takes all that the images and pairs allow. labels: where the labels of images and
    test stand, as load_images takes it. budget: what robustness, invariance and equivariance may spend where
    options do not say, 'quick', 'fast' or 'full'; None: 'fast' where axes is None too, else 'full'.

    encoder: a module that takes pixels [n, 3, h, w] in [0, 1] to features, or what load_encoder takes. images: the
    labelled pool that probes are fitted on; test images among them are left out of it; None: those of a run. test:
    None takes what a run of these images held out, else a fifth of every class, drawn by the seed, as the command
    does. Ids are of `images`: train_ids the encoder was trained on (they define groups,
    or counts [classes] do, else the pool's), validation_ids probes are selected on, few_shot_ids the few-shot probe
    is fitted on. Of a run folder whose images these are, all that is read from it; arguments win. run: a run's
    config.json, recorded. name: shown in reports. pairs: encoders trained with and without certain images, for
    memorization and privacy, or a study's folder; None: the study in the encoder's run folder. members, non_members:
    images that the encoder was trained on and others that it was not, of one size, for membership. atlas: a folder
    for thumbnails and what the report shows of each image; None: none are written. options: fields of Options, such
    as probe_on, protocol, group_rule, seed.

    Raises ValueError (expected, got, remedy) where these do not fit together.
    """
    encoder = Path(encoder) if isinstance(encoder, RunFolder) else encoder
    known = Known(train_ids=train_ids, validation_ids=validation_ids, few_shot_ids=few_shot_ids, counts=counts, run=run)
    budget = budget or ("fast" if axes is None else "full")
    options = {"asked": asked(encoder, images, test, labels, budget, options), **budgeted(budget, options)}
    images, test = loaded(encoder, images, test, labels)
    both = given_members(members, non_members)
    audited = prepare(encoder, images, test, known, name=name, pairs=pairs, options=Options(**options), members=both)
    findings = [measure(axis, audited) for axis in fitting_axes(audited, (axes,) if isinstance(axes, str) else axes)]
    if atlas is not None:
        write_atlas(atlas, audited, findings)  # of a crew the first process alone does
    return findings


def prepare(
    encoder: nn.Module | str | Path,
    images: Images | str,
    test: Images | str | None,
    known: Known,
    *,
    name: str | None,
    pairs: Pairs | str | Path | None,
    options: Options,
    members: Members | None = None,
) -> Subject:
    """What `audit` measures: images split and checked, nothing computed yet. Arguments and errors as there."""
    images, test = loaded(encoder, images, test, None)
    options = replace(options, cache=None) if isinstance(encoder, nn.Module) else options
    audited = prepared(encoder, images, test, known, name, options)
    return replace(audited, pairs=find_pairs(pairs, encoder), members=members)


def measure(axis: str, audited: Subject) -> Finding:
    """One axis of a subject, with the seconds it took; settings name the budget where the axis has one."""
    start = time.perf_counter()
    finding = AUDITS[axis](audited)
    budget = budget_of(axis, audited.options)
    spent = {} if budget is None else {"budget": budget}
    return replace(finding, settings={**finding.settings, **spent, "seconds": round(time.perf_counter() - start, 2)})


def fitting_axes(audited: Subject, axes: Sequence[str] | None = None) -> list[str]:
    """The axes to measure: those named, else all that a subject's images and pairs allow.

    Raises ValueError for a name that is none, and for one that images or pairs do not allow.
    """
    missing = missing_axes(audited)
    for name in axes or ():
        if name not in AUDITS:
            near = difflib.get_close_matches(name, AUDITS, n=1)
            hint = f"did you mean {near[0]}?" if near else "these are all there are"
            raise ValueError(f"expected axes of {', '.join(AUDITS)}, got {name!r}; {hint}")
        if name in missing:
            need, remedy = missing[name]
            raise ValueError(f"expected {need} to measure {name}, got none; {remedy}")
    if axes is None:
        return [name for name in AUDITS if name not in missing]
    return list(dict.fromkeys(axes))


def missing_axes(audited: Subject) -> Mapping[str, tuple[str, str]]:
    """By axis that a subject's data do not allow: what it would need, and the remedy."""
    needs = {name: audit.lacks(audited) for name, audit in AUDITS.items()}
    return {name: need for name, need in needs.items() if need is not None}


def planned(audited: Subject, axes: Sequence[str], speed: Speed) -> dict[str, float]:
    """Seconds by axis, at most; 'features' first: those of all images, that are not kept from an audit before."""
    return plan.planned(audited, {axis: AUDITS[axis] for axis in axes}, speed)


def largest_budget(speeds: Sequence[Speed], options: Options, given: dict[str, object], seconds: float) -> Choice:
    """The largest of BUDGETS that the slowest encoder gets through in so many seconds, else the smallest, without the
    axes that do not fit in even then."""
    return plan.largest_budget(AUDITS, speeds, options, given, seconds)
