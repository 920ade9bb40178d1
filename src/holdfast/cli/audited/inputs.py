"""What `holdfast audit` measures an encoder on, where its findings go, and what it may spend."""

from dataclasses import MISSING, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from holdfast.budgets import budgeted
from holdfast.cli.options import UserError
from holdfast.data.files import summary
from holdfast.options import MeasurementOptions, Options
from holdfast.runs import RunFolder, is_run_folder
from holdfast.system import local_place

if TYPE_CHECKING:
    from collections.abc import Mapping

    from holdfast.audits import Choice, Members, Subject
    from holdfast.cli.audited.options import AuditOptions
    from holdfast.data import Images
    from holdfast.data.pool import Pool

_NO_NUMBER = ("axes", "minutes", "budget", "devices", "cache", "atlas", "page")
"""Options that decide no number of an axis, or stand in the record by what they decided."""
_SHARED = tuple(field.name for field in fields(MeasurementOptions))
"""Options of the command that are those of `holdfast.audit`."""


def is_features(path: Path) -> bool:
    """Whether a source is a file of features; torch is loaded for files that may be one, only."""
    if path.suffix not in (".parquet", ".npz", ".safetensors") or not path.is_file():
        return False
    from holdfast.evaluation.feature_table import is_features as holds_features

    return holds_features(path)


def is_run(source: str) -> bool:
    """Whether a source is a run folder."""
    return is_run_folder(source)


def folders(source: str, options: "AuditOptions") -> tuple[Path, Path]:
    """What a report is given, and where findings go: a run's own folder keeps those of its encoder alone."""
    if is_run(source) and options.layer == "backbone" and not options.aggregate:
        return Path(source), Path(source) / "findings"
    kind = "-prefeature" * (options.layer == "prefeature") + f"-{options.aggregate}views" * (options.aggregate > 0)
    folder = options.out or Path("audits") / f"{(options.name or source).replace('/', '-')}{kind}"
    return folder, folder


def audit_options(options: "AuditOptions", budget: str, given: frozenset[str], **more: Any) -> Options:
    """The options of the measurement: the budget's, and in their place those that were given by name."""
    import torch

    defaults = {field.name: field.default for field in fields(MeasurementOptions)}
    own = {name: getattr(options, name) for name in _SHARED}
    spent = budgeted(budget, {n: v for n, v in own.items() if n in given or v != defaults[n]})
    device = options.device or (f"cuda:{local_place()}" if torch.cuda.is_available() else "cpu")
    return Options(**spent, device=device, asked=asked(options, budget), **more)


def asked(options: "AuditOptions", budget: str) -> dict[str, Any]:
    """What the command said beside encoders and axes, by option, with the budget that was chosen in the minutes' place;
    'full' is left out, which it is wherever axes are named."""
    said = {field.name: getattr(options, field.name) for field in fields(options) if field.default is not MISSING}
    defaults = {field.name: field.default for field in fields(options)}
    said = {n: v for n, v in said.items() if v != defaults[n] and n not in _NO_NUMBER}
    plain = {n: str(v) if isinstance(v, Path) else list(v) if isinstance(v, tuple) else v for n, v in said.items()}
    return plain | ({} if budget == "full" else {"budget": budget})


def subject_of(source: str, options: "AuditOptions", measured: Options) -> "Subject":
    """The encoder with its images, ready to be measured."""
    from holdfast.audits import Known, prepare

    if is_features(Path(source)):
        return _features_subject(source, options, measured)
    images, test = (_run_images if is_run(source) else _other_images)(source, options)
    members = members_of(source, images, options)
    more = {"name": options.name, "pairs": None, "options": measured, "members": members}
    return prepare(source, images, test, Known(), **more)


def axes_of(source: str, options: "AuditOptions") -> tuple[str, ...] | None:
    """The axes that were asked for: membership alone where there are no images beside members and non-members."""
    bare = options.members is not None and options.data is None and not is_run(source)
    return options.axes or (("membership",) if bare else None)


def members_of(source: str, images: "Images", options: "AuditOptions") -> "Members | None":
    """Members and non-members, read and resized as the images are; None where none are named."""
    if options.members is None or options.non_members is None:
        if options.members == options.non_members:
            return None
        lacking = "--members" if options.members is None else "--non-members"
        raise UserError(f"expected --members and --non-members, got no {lacking}; name both, or neither")
    from holdfast.audits.subject import MOST_MEMBERS, compared

    plain, resize = replace(options, groups=()), options.resize or "crop"
    if is_run(source):
        resize = options.resize or RunFolder.open(source).read_ids().get("resize", "square")
    scale, size, sets = images.ranges or None, images.pixels.shape[-1], []
    for name in (options.members, options.non_members):
        sets.append(_with_labels_if_any(name, plain, size, resize, scale, MOST_MEMBERS))
        scale = scale or sets[0].ranges or None
    return compared(*sets, named=True)


def _with_labels_if_any(name: str, options: "AuditOptions", size: int, resize: Any, scale: Any, limit: int) -> "Images":
    """Members or non-members with labels where the options' choice fits them: only déjà vu asks for them."""
    try:
        return _load(name, options, size, resize, scale, limit=limit)
    except ValueError as error:
        images = _load(name, replace(options, labels="none"), size, resize, scale, limit=limit)
        print(f"{name}: taken without labels ({error}); déjà vu is not measured")
        return images


def _features_subject(source: str, options: "AuditOptions", measured: "Options") -> "Subject":
    """Features that were computed elsewhere: the file's rows stand for images, --test may be another such file."""
    import torch

    from holdfast.audits import Known, prepare
    from holdfast.evaluation.feature_table import FeatureTable, as_images, read_table

    if options.data is not None or options.image_size or options.pool:
        raise UserError(f"expected no --data, --image-size or --pool with features, got one for {source}; leave it out")
    table = read_table(Path(source))
    images, test, features, tested = as_images(table, source), None, table.features, table
    if options.test is not None:
        if not is_features(Path(options.test)):
            raise UserError(f"expected --test with features as {source}, got {options.test}; embed it: holdfast embed")
        other = read_table(Path(options.test))
        if other.features.shape[1] != features.shape[1]:
            raise UserError(f"expected features of {features.shape[1]} dimensions in {options.test}, got others")
        other = replace(other, ids=other.ids + int(table.ids.max()) + 1 - min(0, int(other.ids.min())))
        test = as_images(other, options.test, first_row=len(features), classes=images.classes)
        tested = other
        features = torch.cat([features, other.features])
    if options.groups or options.labels:
        from holdfast.data.sources import relabelled

        named = {"labels": options.labels, "subgroups": options.groups}
        images = images if test else relabelled(images, source, **named)
        test = test and relabelled(test, test.source, **named)
    name = options.name or source
    encoder = FeatureTable(features, tested, first_row=0 if test is None else len(table.features))
    return prepare(encoder, images, test, Known(), name=name, pairs=None, options=measured)


def choose_budget(options: "AuditOptions", given: frozenset[str]) -> "Choice":
    """The budget for all encoders of a command, so that they can be compared: as named; 'full' where axes are named;
    else the largest that the slowest encoder gets through in the minutes that the options allow, and the axes that are
    left out because even the smallest takes longer."""
    from holdfast.audits import Choice, largest_budget, measure_speed
    from holdfast.audits.subject import audited_encoder

    if options.budget != "auto":
        return Choice(options.budget)
    if any(axes_of(source, options) is not None or is_features(Path(source)) for source in options.encoders):
        return Choice("full")
    measured = audit_options(options, "full", given)
    speeds = []
    for source in options.encoders:
        size = _size(source, options)
        speeds.append(measure_speed(audited_encoder(source, measured, size=size), size, measured))
    own = {name: getattr(measured, name) for name in given & set(_SHARED)}
    return largest_budget(speeds, measured, own, 60 * options.minutes)


def _size(source: str, options: "AuditOptions") -> int:
    """The side of the images that an encoder will be measured on."""
    if options.image_size:
        return options.image_size
    if is_run(source):
        return RunFolder.open(source).read_ids()["image_size"]
    return _other_images(source, options)[0].pixels.shape[-1]


def _run_images(source: str, options: "AuditOptions") -> "tuple[Images, Images | None]":
    """The images to audit a run on, and test images where some are named."""
    from holdfast.data.pool import load_pool

    record = RunFolder.open(source).read_ids()
    size, resize = options.image_size or record["image_size"], options.resize or record.get("resize", "square")
    own: Pool | None = None if options.data else load_pool(record, **_memory(options))
    scale, chosen = record.get("pixel_range") or record.get("ranges"), _labelled_as(record, options)
    data = str(options.data)
    images = _load(data, chosen, size, resize, scale) if own is None else _described(own.images, options)
    return images, None if options.test is None else _load(options.test, chosen, size, resize, scale)


def _labelled_as(record: "Mapping[str, Any]", options: "AuditOptions") -> "AuditOptions":
    """The options with the run's choice of labels where they name none, for sources of the kind that the run has."""
    choice = record.get("labels")
    if options.labels is not None or choice is None:
        return options
    others = [source for source in (options.data, options.test) if source is not None]
    alike = all(Path(source).is_dir() == Path(record["data"]).is_dir() for source in others)
    if others and (alike or choice == "none"):
        print(f"labels of {', '.join(others)}: {choice}, as the run chose; another choice: --labels")
        return replace(options, labels=choice)
    return options


def _other_images(source: str, options: "AuditOptions") -> "tuple[Images, Images | None]":
    if options.data is None and options.members is not None and axes_of(source, options) == ("membership",):
        from holdfast.audits.subject import MOST_MEMBERS

        plain, size = replace(options, labels="none"), options.image_size or _own_size(source, options)
        return _load(options.members, plain, size, options.resize or "crop", limit=MOST_MEMBERS), None
    if options.data is None:
        raise UserError(f"expected --data with images to audit {source} on, got none; as in: --data digits")
    resize = options.resize or "crop"
    own = options.image_size or _own_size(source, options)
    images = _load(options.data, options, own, resize)
    size = own or images.pixels.shape[-1]
    return images, None if options.test is None else _load(options.test, options, size, resize, images.ranges)


def _own_size(source: str, options: "AuditOptions") -> int | None:
    from holdfast.models import own_size

    return own_size(source, pool=options.pool)


def _load(
    data: str, options: "AuditOptions", size: int | None, resize: Any, scale: Any = None, limit: int | None = None
) -> "Images":
    """Images as the options describe them; groups are those of the test images, where these are given apart.

    scale: of deep pixels, where the options name none: that of the images before.
    """
    from holdfast.data import load_images
    from holdfast.data.sources import source_of

    labels = options.labels
    if labels == "folder" and not source_of(data).in_folders:
        labels = None
        print(f"{data}: it has no folders, so its own labels are taken")
    subgroups = options.groups if options.test in (None, data) else ()
    images = load_images(
        data,
        download=options.download,
        size=size,
        resize=resize,
        pixel_range=options.pixel_range or scale or None,
        strict=options.strict,
        labels=labels,
        subgroups=subgroups,
        limit=limit,
        seed=options.seed,
        **_memory(options),
    )
    if images.rejected:
        print(f"{data}: {len(images.rejected):,} files set aside, the first {summary(images.rejected)}")
    return images


def _memory(options: "AuditOptions") -> dict[str, Any]:
    return {"memory_gib": options.memory_gib, "workers": options.workers}


def _described(images: "Images", options: "AuditOptions") -> "Images":
    """A run's images, with other labels and groups where the options name some."""
    from holdfast.data.sources import relabelled

    subgroups = options.groups if options.test is None else ()
    return relabelled(images, images.source, labels=options.labels, subgroups=subgroups)
