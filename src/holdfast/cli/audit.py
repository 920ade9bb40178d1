"""`holdfast audit`: measures encoders on every axis that the data allow; findings, a page, a table."""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from holdfast.budgets import BUDGETS, AttackOptions
from holdfast.cli.audited import audit_options, choose_budget, folders, left_out, subject_of
from holdfast.cli.errors import UserError
from holdfast.cli.options import parse
from holdfast.cli.stages import Stages
from holdfast.findings import Finding

if TYPE_CHECKING:
    from holdfast.audits import Subject

LONG = frozenset({"robustness", "invariance", "memorization"})
"""Axes that take long enough for an estimate to be worth the two seconds that it costs."""


@dataclass(frozen=True, kw_only=True)
class AuditOptions(AttackOptions):
    """Options of `holdfast audit`."""

    encoders: Annotated[tuple[str, ...], tyro.conf.Positional]
    """Run folders, timm/NAME, torchvision/NAME (with :pretrained for weights in your cache), or encoder.safetensors."""
    data: str | None = None
    """Labelled images that probes are fitted on; None: the run's own source."""
    test: str | None = None
    """Test images; None: what the run held out, else a fifth of every class of the data."""
    download: bool = False
    """Let torchvision fetch a data set that is not there (torchvision/CIFAR10:test)."""
    labels: str | None = None
    """Of data and test: folder, FILE.csv, FILE.csv:COLUMN, a column of the source, or none; None: the run's choice,
    else the source's own, which a folder has none of."""
    groups: tuple[str, ...] = ()
    """Of the test images: FILE.csv:COLUMN, a column of the source, or folder; balance reports accuracy by them."""
    resize: Literal["crop", "square", "squash", "pad"] | None = None
    """How a picture becomes square, see `holdfast train`; None: the run's choice, else crop."""
    memory_gib: float = 4.0
    """Most GiB of decoded pixels in memory; a folder or parquet files beyond it are streamed by workers."""
    workers: int | None = None
    """Processes that decode where images are streamed; None: one for each core, 8 at most."""
    strict: bool = False
    """Stop at the first file that cannot be used, instead of setting it aside."""
    axes: tuple[str, ...] | None = None
    """What to measure, see `holdfast audits`; None: all that the data allow."""
    budget: Literal["auto", "quick", "fast", "full"] = "auto"
    """What robustness and invariance may spend, options written out apart. auto: full where they are named in --axes,
    else the largest that takes at most --minutes here, by passes that are timed first."""
    minutes: float = 10.0
    """For --budget auto: what robustness and invariance may take together."""
    cache: bool = True
    """Keep features in the folder, so that another audit does not extract them again."""
    atlas: bool = True
    """Leave thumbnails and what the report shows of each image beside the findings."""
    page: bool = True
    """Write the report page into the folder."""
    image_size: int | None = None
    """Side in pixels that images are resized to; None: the run's, else the images' own."""
    probe_on: Literal["pool", "train"] = "pool"
    """Fit the probe on all labelled images that are not test images, or on those that the encoder was trained on."""
    protocol: Literal["fast", "sdclr", "sdclr-cached"] = "fast"
    """The probe: L-BFGS; the SDCLR paper's SGD with augmented images; or that SGD without augmentation."""
    probe_lr_drop: Literal["on_time", "early"] = "on_time"
    """Lower the SGD probe's rate on time, or an epoch early as the authors' CIFAR script does."""
    group_rule: Literal["thirds", "thresholds"] = "thirds"
    """Groups of classes: thirds by frequency, or more than 100, 20 to 100, fewer than 20 images."""
    few_shot_share: float | None = None
    """Fit the few-shot probe on this share of every class (0.01: 1 %); None: on the run's own few-shot images."""
    layer: Literal["backbone", "prefeature"] = "backbone"
    """Measure the encoder's features, or those of the wide layer after it that a run of emp-ssl keeps."""
    aggregate: int = 0
    """Measure the mean features over so many random views of an image, drawn as its run drew them; 0: the image's."""
    shift_images: int = 500
    """Test images, at most, that the invariance audit transforms."""
    average: int = 0
    """Average features over up to so many random views in the invariance audit; 0: do not."""
    seed: int = 0
    """Decides folds, order and resampling."""
    batch_size: int = 512
    """Images per pass of the encoder."""
    precision: Literal["32", "bf16"] = "32"
    """Of the encoder's passes."""
    device: str | None = None
    """Where to compute; None: a GPU where there is one."""
    name: str | None = None
    """What reports call the encoder; None: its folder's or network's name."""
    out: Path | None = None
    """Folder for the findings of an encoder that is not a run folder; None: audits/NAME."""


def audit(words: Sequence[str]) -> None:
    """Measures encoders, saves the findings, writes a page for each, prints its path and a table."""
    options = parse(AuditOptions, words, prog="holdfast audit")
    if not options.encoders:
        raise UserError("expected an encoder, got none; as in: holdfast audit runs/sdclr-1 --test test.parquet")
    if len(options.encoders) > 1 and (options.name or options.out):
        raise UserError("expected one encoder with --name or --out, got several; audit them one by one")
    given = frozenset(word.partition("=")[0].removeprefix("--").replace("-", "_") for word in words if word[:2] == "--")
    budget = choose_budget(options, given)
    measured = [audit_encoder(source, options, budget=budget, given=given) for source in options.encoders]
    if len(measured) > 1:
        named = " ".join(map(str, measured))
        print(f"next: holdfast compare {named}\n      holdfast report {named} --out report.html")


def audit_encoder(
    source: str, options: AuditOptions, *, budget: str = "full", given: frozenset[str] = frozenset()
) -> Path:
    """Audits one encoder and returns the folder that a report reads.

    given: names of options that were written out, which win over the budget's.
    """
    from holdfast.audits import fitting_axes, measure, missing_axes, write_atlas

    folder, target = folders(source, options)
    kept = {"unfinished": target / "unfinished", "cache": folder / "features" if options.cache else None}
    with Stages() as stages:
        subject = subject_of(source, options, audit_options(options, budget, given, progress=stages, **kept))
        axes = fitting_axes(subject, options.axes)
        stages.say(f"{source}: {', '.join(axes)}")
        if caution := copies_caution(subject.facts, len(subject.test), options):
            stages.say(f"  caution: {caution}")
        _say_plan(stages, subject, axes, budget)
        findings = []
        for axis in axes:
            with stages.axis(axis):
                findings.append(measure(axis, subject))
            findings[-1].save(target)
        if options.atlas:
            write_atlas(target, subject, findings)
    shutil.rmtree(target / "unfinished", ignore_errors=True)
    missing = {} if options.axes is not None else missing_axes(subject)
    _conclude(folder, findings, [*left_out(source, missing), f"  findings: {target}"], page=options.page)
    return folder


def copies_caution(facts: Mapping[str, Any], test_images: int, options: AuditOptions) -> str | None:
    """A line where test images are among those that probes are fitted on, with the remedy; None where none are."""
    found = facts.get("test_copies_in_pool", 0)
    if not found:
        return None
    remedy = f"holdfast inspect {facts['data']}" + (f" --against {options.test}" if options.test else "")
    return (
        f"{found:,} of {test_images:,} test images are copies of images that probes are fitted on: accuracy is too "
        f"high; remove them from one of the two ({remedy} names them)"
    )


def _say_plan(stages: Stages, subject: "Subject", axes: Sequence[str], budget: str) -> None:
    """The estimate and the budget, where an axis is measured that takes more than a pass or two over the images."""
    from holdfast.audits import measure_speed, planned
    from holdfast.budgets import budget_of

    if not set(axes) & LONG:
        return
    speed = measure_speed(subject.encoder, subject.test.pixels.shape[-1], subject.options)
    stages.plan(planned(subject, axes, speed), str(subject.device))
    spent = {budget_of(axis, subject.options) for axis in axes} - {None}
    if spent and spent != {"full"}:
        known = budget if spent == {budget} else f"{budget}, changed by options"
        others = ", ".join(f"--budget {name}" for name in BUDGETS if name != budget)
        stages.say(f"  budget of robustness and invariance: {known}; others: {others}")


def _conclude(folder: Path, findings: Sequence[Finding], notes: Sequence[str], *, page: bool) -> None:
    """The table of headline scores, warnings, what is missing, and the page."""
    from holdfast.report import report
    from holdfast.report.collect import collect
    from holdfast.report.shortlist import shortlist_table
    from holdfast.report.tables import as_text

    print(as_text(shortlist_table(collect([folder]), [finding.audit for finding in findings])))
    for finding in findings:
        for warning in finding.settings.get("warnings", ()):
            print(f"  {finding.audit}: {warning}")
    print("\n".join(notes))
    if page:
        print(f"  page: {report([folder], folder / 'report.html')}")


def score_lines(finding: Finding) -> list[str]:
    """A finding's scores for the terminal."""
    width = max(len(score.name) for score in finding.scores)
    lines = [f"  {finding.audit}", *(f"    {warning}" for warning in finding.settings.get("warnings", ()))]
    for score in finding.scores:
        digits = (
            ".2f" if score.unit in ("percent", "count") else ".4f" if score.unit in ("distance", "ratio") else ".3f"
        )
        low_high = "" if score.interval is None else "  [{:{d}}, {:{d}}]".format(*score.interval, d=digits)
        lines.append(f"    {score.name:{width}}  {score.value:8{digits}} {score.unit}{low_high}")
    return lines
