"""Balance: how evenly an encoder serves common and rare classes, by SDCLR's linear probes (arXiv:2106.02990)."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from holdfast.audits.balance.reference import against_reference
from holdfast.audits.balance.subgroups import group_columns, group_rows, worst_group
from holdfast.audits.subject import Audit, ProbeResult, Subject, lacks_labels
from holdfast.evaluation.groups import class_accuracy
from holdfast.findings import Finding, Score
from holdfast.statistics import Measure, group_estimates, group_statistics, wilson_interval, worst_by_chance

_OVER = {
    "std": "test images within classes (inverted test)",
    "worst_class": "test images, all classes at once (exact)",
}
_OVER_MEANS = "test images within classes (Wilson)"
_MEANINGS = {
    "all": "mean over classes of the accuracy on the class's test images",
    "many": "mean accuracy over the classes with many training images, each class counting once",
    "medium": "mean accuracy over the classes with a medium number of training images, each class counting once",
    "few": "mean accuracy over the classes with few training images, each class counting once",
    "std": "population standard deviation (divide by the number of groups) of the group accuracies of this one split, "
    "less what the noise of so many test images adds to it",
    "worst_class": "lowest accuracy of any class; chance alone makes {:.1f} of equally good classes, so it reads low, "
    "and its interval does not",
}


def balance(subject: Subject) -> Finding:
    """Accuracy by class and by group of classes: many, medium and few training images.

    Scores all, many, medium, few, std and worst_class in percent, for the full-shot probe and, with few-shot images,
    for the few-shot probe under few_shot_*. The groups and std are absent where classes are (nearly) equal in number.
    Table 'per_class' has the classes that have test images. Where the test images have groups (site, camera), table
    'per_group' has the accuracy in each, and worst_group is the lowest of those with enough images. Raises ValueError
    where labels are missing.
    """
    full, few = subject.full_shot, subject.few_shot
    scores = _scores(subject, full, "", "linear probe")
    if few is not None:
        scores += _scores(subject, few, "few_shot_", "few-shot linear probe")
    groups = group_rows(subject, full.predicted)
    return Finding(
        audit="balance",
        scores=scores + against_reference(subject) + worst_group(groups),
        columns=_columns(subject, full, few) | group_columns(subject),
        tables={"per_class": _per_class(subject, full, few)} | ({"per_group": groups} if groups else {}),
        settings=subject.settings
        | {
            "groups": _group_note(subject),
            "warnings": _at_edge(full, few),
            "std_estimate": "without the noise of the test images",
            "random_reference": subject.options.reference and bool(subject.groups),
            "classes_without_test": _untested(subject),
            "full_shot": dict(full.facts),
            "few_shot": None if few is None else dict(few.facts),
        },
    )


def _at_edge(full: ProbeResult, few: ProbeResult | None) -> list[str]:
    """Says where a probe's regularisation is the last that was tried: one beyond might be better."""
    probes = {"linear probe": full, "few-shot probe": few}
    return [
        f"the {name}'s regularisation {found.facts['regularisation']:g} is the last that is tried: others may be better"
        for name, found in probes.items()
        if found is not None and found.facts.get("regularisation_at_edge")
    ]


def _accuracy(subject: Subject, predicted: Any) -> tuple[np.ndarray, np.ndarray]:
    return class_accuracy(predicted == subject.labels, subject.labels, classes=subject.classes)


def _scores(subject: Subject, outcome: ProbeResult, prefix: str, probe: str) -> list[Score]:
    per_class, counts = _accuracy(subject, outcome.predicted)
    found = group_estimates(per_class, counts, subject.groups)
    by_chance = worst_by_chance(per_class[counts > 0] / 100, counts[counts > 0])
    said = _MEANINGS | {"worst_class": _MEANINGS["worst_class"].format(by_chance)} | _partly(counts)
    scores = [_score(prefix, name, f"{probe}: {said[name]}", measure) for name, measure in found.items()]
    if outcome.last is not None:
        per_class, _ = _accuracy(subject, outcome.last)
        text = f"{probe} after its last epoch, selected on nothing: {said['all']}"
        scores.append(_score(prefix, "last_epoch_all", text, group_estimates(per_class, counts, {})["all"]))
    return scores + _published(prefix, probe, per_class, subject.groups)


def _partly(counts: np.ndarray) -> dict[str, str]:
    """What the mean is over where some classes have no test images."""
    tested = int((counts > 0).sum())
    if tested == len(counts):
        return {}
    return {"all": f"mean over the {tested} of {len(counts)} classes that have test images of the accuracy on them"}


def _score(prefix: str, name: str, text: str, measure: Measure) -> Score:
    return Score(
        name=prefix + name,
        value=measure.value,
        unit="percent",
        range=(0.0, 50.0 if name == "std" else 100.0),
        better="lower" if name == "std" else "higher",
        definition=f"{text[0].upper()}{text[1:]}.",
        interval=measure.interval,
        interval_over=_OVER.get(name, _OVER_MEANS),
    )


def _published(prefix: str, probe: str, per_class: np.ndarray, groups: Mapping[str, Sequence[int]]) -> list[Score]:
    """Std as papers print it."""
    found = group_statistics(per_class, groups)
    if "std" not in found:
        return []
    return [
        Score(
            name=f"{prefix}std_published",
            value=float(found["std"]),
            unit="percent",
            range=(0.0, 50.0),
            better="lower",
            definition=f"{probe[0].upper()}{probe[1:]}: Std as SDCLR's tables have it, the noise of the test images in "
            "it, and too large by that.",
        )
    ]


def _group_of(subject: Subject) -> list[str]:
    """Each class's group; 'all' where there are no groups."""
    names = ["all"] * subject.classes
    for name, members in subject.groups.items():
        for index in members:
            names[index] = name
    return names


def _per_class(subject: Subject, full: ProbeResult, few: ProbeResult | None) -> list[dict[str, Any]]:
    accuracy, counts = _accuracy(subject, full.predicted)
    few_accuracy = None if few is None else _accuracy(subject, few.predicted)[0]
    groups, trained = _group_of(subject), subject.counts or (0,) * subject.classes
    rows = []
    for index in np.flatnonzero(counts):
        low, high = wilson_interval(float(accuracy[index]), int(counts[index]))
        rows.append(
            {
                "class": subject.class_names[index],
                "index": int(index),
                "train_images": trained[index],
                "group": groups[index],
                "test_images": int(counts[index]),
                "accuracy": float(accuracy[index]),
                "low": low,
                "high": high,
                "few_shot_accuracy": None if few_accuracy is None else float(few_accuracy[index]),
            }
        )
    return rows


def _columns(subject: Subject, full: ProbeResult, few: ProbeResult | None) -> dict[str, np.ndarray]:
    labels = subject.labels
    columns = {
        "id": subject.test.ids.cpu().numpy(),
        "label": labels.numpy(),
        "predicted": full.predicted.numpy(),
        "correct": (full.predicted == labels).numpy(),
        "group": np.array(_group_of(subject))[labels.numpy()],
    }
    if few is not None:
        columns["few_shot_predicted"] = few.predicted.numpy()
        columns["few_shot_correct"] = (few.predicted == labels).numpy()
    return columns


def _untested(subject: Subject) -> list[str]:
    tested = set(subject.labels.tolist())
    return [name for index, name in enumerate(subject.class_names) if index not in tested]


def _group_note(subject: Subject) -> str:
    if subject.groups:
        return ", ".join(f"{len(members)} {name}" for name, members in subject.groups.items())
    return "none: the classes have nearly equal numbers of training images"


BALANCE = Audit(balance, lacks=lacks_labels)
