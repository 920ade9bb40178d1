"""`holdfast audit`: measures encoders on every axis that the data allow; findings, a page, a table."""

import shlex
import shutil
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from holdfast.budgets import BUDGETS
from holdfast.cli.audited import (
    AuditOptions,
    Minutes,
    audit_options,
    axes_of,
    choose_budget,
    copies_caution,
    decided,
    folders,
    hold_outs_differ,
    is_features,
    left_out,
    subject_of,
    tested,
)
from holdfast.cli.options import (
    Help,
    UserError,
    columns_of,
    copyable,
    fitted,
    given_names,
    parse,
    refuse_idle,
    share_out,
)
from holdfast.cli.progress import Stages
from holdfast.findings import Finding
from holdfast.runs import ready_file, ready_folder
from holdfast.system import clean_stale

if TYPE_CHECKING:
    from holdfast.audits import Choice, Subject
    from holdfast.distributed import Crew

HELP = Help(
    usage="holdfast audit ENCODER ... [OPTIONS]",
    says="Measures encoders on every axis that the images allow, prints a table and writes a page for each: "
    "quality, balance, tail, robustness, invariance, equivariance, shortcuts, duplicates, membership, memorization, "
    "privacy.",
    example="holdfast audit runs/a --test test.parquet",
    first="data test labels axes budget minutes image_size device out page",
    groups={
        "images": "groups download resize pixel_range memory_gib workers strict",
        "probes and groups of classes": "probe_on protocol probe_lr_drop group_rule few_shot_share",
        "what of the encoder is measured": "layer pool aggregate name batch_size precision seed",
        "robustness": "attack_images attack_norm attack_eps attack_steps attack_step attack_restarts square_images "
        "square_queries attack_head head_images head_epochs drift_images drift_distance corruption_images",
        "invariance and equivariance": "shift_images average",
        "membership": "members non_members",
        "several processes": "devices",
        "what is left behind": "cache atlas",
    },
)


def audit(words: Sequence[str]) -> None:
    """Measures encoders, saves the findings, writes a page for each, prints its path and a table."""
    options = parse(AuditOptions, words, HELP)
    if not options.encoders:
        raise UserError("expected an encoder, got none; as in: holdfast audit runs/sdclr-1 --test test.parquet")
    if len(options.encoders) > 1 and (options.name or options.out):
        raise UserError("expected one encoder with --name or --out, got several; audit them one by one")
    refuse_idle("audit", words, options)
    share_out(["audit", *words], options.devices, partial(_audited, options, frozenset(given_names(words))))


def _audited(options: AuditOptions, given: frozenset[str], crew: "Crew") -> None:
    """Audits the encoders one after another, each by all processes."""
    from holdfast.audits import Choice

    for source in options.encoders if crew.first else ():
        _ready(source, options)
    if crew.first and (caution := hold_outs_differ(options)):
        print(fitted(f"caution: {caution}"))
    chosen = Choice(**crew.agreed(asdict(choose_budget(options, given)) if crew.first else None))
    measured = [audit_encoder(source, options, chosen, given=given, crew=crew) for source in options.encoders]
    if crew.first and len(measured) > 1:
        say_next(measured)


def say_next(measured: Sequence[Path]) -> None:
    """The commands that show the encoders side by side; in place of a comparison that would be refused, why."""
    from holdfast.report.comparison import not_comparable
    from holdfast.report.gathered import gathered

    try:
        encoders = gathered(measured)
    except ValueError as error:
        print(fitted(f"not side by side on a page: {error}"))
        return
    named, refused = shlex.join(map(str, measured)), not_comparable(encoders)
    for reason in refused:
        print(fitted(f"not comparable: {reason}"))
    print("next:")
    if len(encoders) > 1 and not refused:
        print(copyable(f"holdfast compare {named}", "  "))
    print(copyable(f"holdfast report {named} --out report.html", "  "))


def _ready(source: str, options: AuditOptions) -> None:
    """Refuses, before anything is measured, a place that cannot be written."""
    folder, target = folders(source, options)
    ready_folder(target)
    clean_stale(folder / "features")
    if options.page:
        ready_file(folder / "report.html")


def audit_encoder(
    source: str,
    options: AuditOptions,
    chosen: "Choice",
    *,
    given: frozenset[str] = frozenset(),
    crew: "Crew | None" = None,
) -> Path:
    """Audits one encoder and returns the folder that a report reads.

    given: names of options that were written out, which win over the budget's. crew: processes that share the work.
    """
    from holdfast.audits import fitting_axes, missing_axes, write_atlas
    from holdfast.distributed import ALONE

    crew = crew or ALONE

    folder, target = folders(source, options)
    kept = {"unfinished": target / "unfinished", "cache": folder / "features" if options.cache else None}
    kept["crew"] = crew
    with Stages() as stages:
        subject = subject_of(source, options, audit_options(options, chosen.budget, given, progress=stages, **kept))
        axes = [axis for axis in fitting_axes(subject, axes_of(source, options)) if axis not in chosen.left_out]
        for line in () if subject.loaded is None else subject.loaded.lines():
            stages.say(line)
        stages.say(f"{source}: {', '.join(axes)}")
        for line in (*decided(subject.facts), *tested(subject)):
            stages.say(f"  {line}")
        if caution := copies_caution(subject.facts, len(subject.test), options):
            stages.say(f"  caution: {caution}")
        seconds = crew.agreed(_say_plan(stages, subject, axes, chosen.budget) if crew.first else None)
        minutes = options.minutes if options.budget == "auto" and options.axes is None else float("inf")
        left = Minutes(minutes, seconds, dict(chosen.left_out))
        findings = [finding for axis in axes if (finding := _measured(axis, subject, stages, left, target))]
        if options.atlas and axes != ["membership"] and not is_features(Path(source)):
            write_atlas(target, subject, findings)
    if not crew.first:
        return folder
    shutil.rmtree(target / "unfinished", ignore_errors=True)
    missing = {} if axes_of(source, options) is not None else missing_axes(subject)
    notes = [*left_out(source, missing), *left.said(partial(_command, folder)), f"  findings: {target}"]
    _conclude(folder, findings, notes, page=options.page)
    return folder


def _command(folder: Path, axis: str) -> str:
    """What measures a further axis as those were measured that are there."""
    from holdfast.report.axes import AXES
    from holdfast.report.collect import collect
    from holdfast.report.commands import commands

    return commands(AXES[axis], collect([folder]))[0]


def _measured(axis: str, subject: "Subject", stages: Stages, left: Minutes, target: Path) -> Finding | None:
    """The finding of an axis, saved; None where the minutes of its kind are over."""
    from holdfast.audits import measure

    crew = subject.crew
    if not crew.agreed(left.allow(axis)):
        return None
    if crew.first:
        (target / "unfinished").mkdir(parents=True, exist_ok=True)  # pages made meanwhile say that axes are missing
    with stages.axis(axis):
        finding = measure(axis, subject)
    left.spend(axis, finding.settings["seconds"])
    if crew.first:
        finding.save(target)
    return finding


def _say_plan(stages: Stages, subject: "Subject", axes: Sequence[str], budget: str) -> dict[str, float]:
    """Says estimate and budget, where an axis is measured that takes more than a pass or two over the images; returns
    the seconds of each axis, at most."""
    from holdfast.audits import AUDITS, measure_speed, planned
    from holdfast.budgets import budget_of

    if not any(AUDITS[axis].long for axis in axes):
        return {}
    speed = measure_speed(subject.encoder, subject.test.pixels.shape[-1], subject.options)
    seconds = planned(subject, axes, speed)
    stages.plan(seconds, str(subject.device), busy=speed.busy)
    spent = {budget_of(axis, subject.options) for axis in axes} - {None}
    if spent and spent != {"full"}:
        known = budget if spent == {budget} else f"{budget}, changed by options"
        others = ", ".join(f"--budget {name}" for name in BUDGETS if name != budget)
        stages.say(f"  budget of robustness, invariance and equivariance: {known}; others: {others}")
    return seconds


def _conclude(folder: Path, findings: Sequence[Finding], notes: Sequence[str], *, page: bool) -> None:
    """The table of headline scores, warnings, what is missing, and the page."""
    from holdfast.report import report
    from holdfast.report.cells import as_text
    from holdfast.report.damaged import without_damage
    from holdfast.report.gathered import gathered
    from holdfast.report.tables import shortlist_table

    width, names = columns_of(), [finding.audit for finding in findings]
    table, encoders = without_damage(gathered([folder]), lambda some: shortlist_table(some, names))
    print(as_text(table, width))
    for note in table.notes:
        print(fitted(f"  {note}"))
    asides = [aside for encoder in encoders for member in encoder.members for aside in member.set_aside]
    for aside in asides:
        print(fitted(f"  {aside.said(str(folder))}"))
    for finding in findings:
        for warning in finding.settings.get("warnings", ()):
            print(fitted(f"  {finding.audit}: {warning}"))
    print(fitted("\n".join(notes)))
    if page:
        lines: list[str] = []
        path = report([folder], folder / "report.html", said=lines.append)
        for line in lines[len(asides) :]:  # what only drawing found
            print(fitted(f"  {line}"))
        print(f"  page: {path}")
