"""`holdfast audit`: measures encoders, saves findings, prints scores."""

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from holdfast.budgets import AttackOptions
from holdfast.cli.errors import UserError
from holdfast.cli.options import parse
from holdfast.findings import Finding
from holdfast.runs import RunFolder

if TYPE_CHECKING:
    from holdfast.data import Images
    from holdfast.data.pool import Pool


@dataclass(frozen=True, kw_only=True)
class AuditOptions(AttackOptions):
    """Options of `holdfast audit`."""

    encoders: Annotated[tuple[str, ...], tyro.conf.Positional]
    """Run folders, timm/NAME, torchvision/NAME (with :pretrained for weights in your cache), or encoder.safetensors."""
    data: str | None = None
    """Labelled images that probes are fitted on; None: the run's own source."""
    test: str | None = None
    """Test images; None: what the run held out, else a fifth of every class of the data."""
    axes: tuple[str, ...] | None = None
    """What to measure, see `holdfast audits`; None: all that the data allow."""
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
    """Measures encoders, saves the findings, prints the scores."""
    options = parse(AuditOptions, words, prog="holdfast audit")
    if not options.encoders:
        raise UserError("expected an encoder, got none; as in: holdfast audit runs/sdclr-1 --test test.parquet")
    if len(options.encoders) > 1 and (options.name or options.out):
        raise UserError("expected one encoder with --name or --out, got several; audit them one by one")
    folders = [audit_encoder(source, options) for source in options.encoders]
    print(f"next: holdfast report {' '.join(map(str, folders))} --out report.html")


def audit_encoder(source: str, options: AuditOptions) -> Path:
    """Audits one encoder and returns the folder that a report reads."""
    import torch

    from holdfast.audits import audit as measure

    is_run = (Path(source) / "config.json").is_file()
    images, given = (_run_images if is_run else _other_images)(source, options)
    settings = (
        "axes",
        "probe_on",
        "protocol",
        "probe_lr_drop",
        "group_rule",
        "few_shot_share",
        "layer",
        "aggregate",
        "shift_images",
        "average",
        "seed",
        "batch_size",
        "precision",
        "name",
    )
    shared = {name: getattr(options, name) for name in (*settings, *(f.name for f in fields(AttackOptions)))}
    device = options.device or ("cuda" if torch.cuda.is_available() else "cpu")
    folder, target = _folders(source, options, is_run)
    kept = {"unfinished": target / "unfinished", "progress": _Stages()}
    findings = measure(source, images, **given, **shared, device=device, **kept)
    for finding in findings:
        finding.save(target)
    shutil.rmtree(target / "unfinished", ignore_errors=True)
    print(f"{source}: {target}")
    for finding in findings:
        print("\n".join(score_lines(finding)))
    for sentence in left_out(source, options, {finding.audit for finding in findings}):
        print(sentence)
    return folder


def _folders(source: str, options: AuditOptions, is_run: bool) -> tuple[Path, Path]:
    """What a report is given, and where findings go: a run's own folder keeps those of its encoder alone."""
    if is_run and options.layer == "backbone" and not options.aggregate:
        return Path(source), Path(source) / "findings"
    kind = "-prefeature" * (options.layer == "prefeature") + f"-{options.aggregate}views" * (options.aggregate > 0)
    folder = options.out or Path("audits") / f"{(options.name or source).replace('/', '-')}{kind}"
    return folder, folder


class _Stages:
    """Prints a line when a stage of the robustness audit begins: it takes minutes."""

    def __init__(self) -> None:
        self._last = ""

    def __call__(self, stage: str, done: int, images: int) -> None:
        if stage.startswith("robustness") and stage != self._last:
            self._last = stage
            print(f"  {stage}", flush=True)


def _run_images(source: str, options: AuditOptions) -> "tuple[Images, dict[str, Any]]":
    """The images to audit a run on, and the arguments of `audit` that follow from the run."""
    import torch

    from holdfast.data import load_images
    from holdfast.data.pool import load_pool

    record = json.loads(RunFolder.open(source).ids.read_text())
    size = options.image_size or record["image_size"]
    own: Pool | None = None if options.data else load_pool(record)
    images = load_images(options.data, size=size) if options.data else own.images  # type: ignore[union-attr]
    if options.test is not None:
        return images, {"test": load_images(options.test, size=size)}
    if own is not None and own.held_out_kind == "held out":
        # Held-out images cannot both choose the probe's regularisation and be tested on.
        return images, {"test": own.held_out, "validation_ids": torch.empty(0, dtype=torch.int64)}
    return images, {}


def _other_images(source: str, options: AuditOptions) -> "tuple[Images, dict[str, Any]]":
    from holdfast.data import load_images

    if options.data is None:
        raise UserError(f"expected --data with images to audit {source} on, got none; as in: --data digits")
    images = load_images(options.data, size=options.image_size)
    size = options.image_size or images.pixels.shape[-1]
    return images, {} if options.test is None else {"test": load_images(options.test, size=size)}


def left_out(source: str, options: AuditOptions, measured: set[str]) -> list[str]:
    """What was not measured without being asked for, why, and the command that measures it."""
    from holdfast.audits import NEED_PAIRS

    if options.axes is not None:
        return []
    lines = []
    if missing := sorted(NEED_PAIRS - measured):
        train = f"holdfast memorization {source if (Path(source) / 'config.json').is_file() else 'RUN'}"
        lines.append(f"  not measured: {', '.join(missing)}; they need pairs of encoders: {train}")
    return lines


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
