"""What an audit says beside its table: cautions, what was not measured, and scores as lines."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from holdfast.cli.audited.inputs import is_run
from holdfast.cli.audited.options import AuditOptions
from holdfast.findings import Finding
from holdfast.report.wording import joined
from holdfast.runs import RunFolder

if TYPE_CHECKING:
    from holdfast.audits import Subject


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


def hold_outs_differ(options: AuditOptions) -> str | None:
    """That runs of one seed and split are tested on images of their own, which they held out, and that these differ, so
    that their numbers cannot be compared; with the remedy. None where they do not, and where test images are named."""
    if options.test is not None or options.data is not None or not all(map(is_run, options.encoders)):
        return None
    held: dict[object, dict[tuple[object, ...], list[str]]] = {}
    for source in dict.fromkeys(options.encoders):
        folder = RunFolder.open(source)
        record, config = folder.read_ids(), folder.read_config()
        own = (record.get("unlabelled") or record["checksum"], *(record["held_out"] or ()))
        held.setdefault((config.get("seed"), config.get("split")), {}).setdefault(own, []).append(source)
    kinds = next((found for found in held.values() if len(found) > 1), None)
    if kinds is None:
        return None
    each = " against ".join(joined(sources) for sources in kinds.values())
    return (
        f"different images were held out in training: {each}. Runs are tested on what they held out, so these "
        "cannot be compared; name the same test images for all with --test FILE"
    )


def decided(facts: Mapping[str, Any]) -> list[str]:
    """What was decided about images and classes as they were read, and which classes have no test images."""
    lines = [f"note: {note}" for note in facts.get("notes", ())]
    absent = facts.get("classes_without_test_images", ())
    if absent:
        more = f" and {len(absent) - 5:,} others" if len(absent) > 5 else ""
        lines.append(f"note: no test images of {', '.join(absent[:5])}{more}: these classes are not measured")
    if "single_class" in facts:
        lines.append(f"note: all images are {facts['single_class']!r}: nothing about classes is measured")
    return lines


def tested(subject: "Subject") -> list[str]:
    """How many test images there are, and of the classes the most and the fewest; nothing without labels."""
    if subject.test.labels is None:
        return []
    names = [f"class {name}" if name.isdigit() else name for name in subject.class_names]
    counts = {name: int((subject.labels == index).sum()) for index, name in enumerate(names)}
    some = {name: count for name, count in counts.items() if count}
    most, least = max(some, key=lambda name: some[name]), min(some, key=lambda name: some[name])
    classes = f"{len(some)} classes" if len(some) == len(counts) else f"{len(some)} of {len(counts)} classes"
    if some[most] == some[least]:
        return [f"{len(subject.test):,} test images of {classes}, {some[most]:,} each"]
    return [
        f"{len(subject.test):,} test images of {classes}, from {some[most]:,} ({most}) to {some[least]:,} ({least})"
    ]


def left_out(source: str, missing: Mapping[str, tuple[str, str]]) -> list[str]:
    """What was not measured for want of something, and the remedy; axes that need the same are one line."""
    lines, train = [], "holdfast memorization RUN"
    own = f"holdfast memorization {source if is_run(source) else '--two-encoders F G'}"
    for need, remedy in dict.fromkeys(missing.values()):
        names = [name for name, wanted in missing.items() if wanted == (need, remedy)]
        they = "they need" if len(names) > 1 else "it needs"
        lines.append(f"  not measured: {', '.join(names)}; {they} {need}: {remedy.replace(train, own)}")
    return lines


def score_lines(finding: Finding) -> list[str]:
    """A finding's scores for the terminal."""
    from holdfast.report.listed import score_label

    width = min(44, max(len(score_label(score)) for score in finding.scores))
    lines = [f"  {finding.audit}", *(f"    {warning}" for warning in finding.settings.get("warnings", ()))]
    for score in finding.scores:
        digits = (
            ".2f" if score.unit in ("percent", "count") else ".4f" if score.unit in ("distance", "ratio") else ".3f"
        )
        low_high = "" if score.interval is None else "  [{:{d}}, {:{d}}]".format(*score.interval, d=digits)
        lines.append(f"    {score_label(score):{width}}  {score.value:8{digits}} {score.unit}{low_high}")
    return lines
