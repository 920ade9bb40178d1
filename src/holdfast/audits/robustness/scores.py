"""From verdicts to scores and tables: accuracy under attack, by class and by group, with intervals."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from holdfast.attacks import ATTACKS
from holdfast.audits.robustness.attacks import BudgetResult
from holdfast.audits.robustness.heads import TRAINED
from holdfast.audits.subject import Subject
from holdfast.evaluation.groups import class_accuracy
from holdfast.findings import Score
from holdfast.statistics import group_estimates, mean_interval, share_difference, wilson_interval

_WILSON = "attacked test images (Wilson)"
_BY_CLASS = "attacked test images within classes (Wilson)"
TABLES = 20
"""Steps of PGD in the tables of papers: a score of its own where more are taken."""
NORMS = {"linf": "in the l-infinity norm", "l2": "in the l2 norm"}


def slug(eps: str) -> str:
    """'8_255' of '8/255', '0p5' of '0.5': part of a score's name."""
    return eps.replace("/", "_").replace(".", "p").replace("-", "m").replace("+", "")


def share(name: str, hits: Tensor, definition: str, *, lower: bool = False) -> Score:
    """A percentage of images [m], bool, with its Wilson interval."""
    percent = 100 * float(hits.double().mean())
    return Score(
        name=name,
        value=percent,
        unit="percent",
        range=(0.0, 100.0),
        better="lower" if lower else "higher",
        definition=definition,
        interval=wilson_interval(percent, len(hits)),
        interval_over=_WILSON,
    )


def accuracies(subject: Subject, labels: Tensor, right: Tensor, found: Sequence[BudgetResult]) -> list[Score]:
    """clean_accuracy, then for every budget PGD's, the cumulative one and the groups'."""
    options = subject.options
    scores = [
        share(
            "clean_accuracy",
            right,
            f"Share of attacked test images that the head, {TRAINED[options.attack_head]}, gets right.",
        )
    ]
    for result in found:
        ball = f"{result.eps} {NORMS[options.attack_norm]}"
        pgd = f"PGD-{options.attack_steps} from the image itself, head {TRAINED[options.attack_head]}"
        text = f"Share of attacked test images still right under {pgd}, budget {ball}."
        scores.append(share(f"pgd_accuracy_{slug(result.eps)}", right & ~result.broke["pgd"], text))
        if options.attack_steps > TABLES:
            early = result.broke["pgd"] & (result.pgd.iteration <= TABLES)
            text = text.replace(f"PGD-{options.attack_steps} ", f"the first {TABLES} steps of PGD ")
            scores.append(share(f"pgd{TABLES}_accuracy_{slug(result.eps)}", right & ~early, text))
        text = f"Share still right after every attack run ({_run(result)}) at {ball} and at every smaller budget."
        scores.append(share(f"robust_accuracy_{slug(result.eps)}", result.robust, text))
    for result in found:
        scores += _group_scores(subject, labels, right, result)
    return scores


def _run(result: BudgetResult) -> str:
    """The attacks of a budget, and on how many of the images that were left one was tried where it was not all."""
    said = []
    for name, met in result.met.items():
        part = f" on {int(met.sum()):,} of {result.left[name]:,}" if ATTACKS[name].meets == "sample" else ""
        said.append(f"{ATTACKS[name].title}{part}")
    return ", ".join(said)


def _group_scores(subject: Subject, labels: Tensor, right: Tensor, result: BudgetResult) -> list[Score]:
    if not subject.groups:
        return []
    accuracy, counts = class_accuracy(result.robust, labels, classes=subject.classes)
    found = group_estimates(accuracy, counts, subject.groups)
    scores = [
        Score(
            name=f"robust_accuracy_{slug(result.eps)}_{group}",
            value=found[group].value,
            unit="percent",
            range=(0.0, 100.0),
            better="higher",
            definition=f"Accuracy after all attacks up to {result.eps}, mean over classes with {group} training "
            "images.",
            interval=found[group].interval,
            interval_over=_BY_CLASS,
        )
        for group in subject.groups
        if group in found
    ]
    return scores + _tail_gap(subject, labels, right, result)


def _tail_gap(subject: Subject, labels: Tensor, right: Tensor, result: BudgetResult) -> list[Score]:
    """Does the tail break first? Shares of what was right, so that a low clean accuracy alone makes no gap."""
    lost = {name: _lost(labels, right, result.robust, subject.groups.get(name, ())) for name in ("few", "many")}
    if not all(images for _, images in lost.values()):
        return []
    (few, of_few), (many, of_many) = lost.values()
    value, low, high = share_difference((few, many), (of_few, of_many))
    return [
        Score(
            name=f"tail_gap_{slug(result.eps)}",
            value=value,
            unit="percent",
            range=(-100.0, 100.0),
            better="lower",
            definition=f"Share of right images broken up to {result.eps} in the classes with few training images, less "
            "that in those with many: above 0 the tail breaks first.",
            interval=(low, high),
            interval_over="right images (Newcombe)",
        )
    ]


def _lost(labels: Tensor, right: Tensor, robust: Tensor, classes: Sequence[int]) -> tuple[int, int]:
    """How many right images of some classes were broken, and of how many."""
    mine = right & torch.isin(labels, torch.tensor(list(classes), dtype=labels.dtype))
    return int((mine & ~robust).sum()), int(mine.sum())


def drift_scores(
    found: Mapping[str, Tensor], distance: str, norm: str, steps: int
) -> tuple[list[Score], list[dict[str, Any]]]:
    """Mean distance by budget with Student's interval, as scores and as a table."""
    words, top = {"cosine": ("1 - cosine", 2.0), "l2": ("Euclidean distance", None)}[distance]
    scores, rows = [], []
    for eps, values in found.items():
        numbers = values.double().cpu().numpy()
        mean, interval = float(numbers.mean()), mean_interval(numbers, bounds=(0.0, top))
        low, high = interval or (None, None)
        scores.append(
            Score(
                name=f"feature_drift_{slug(eps)}",
                value=mean,
                unit="distance",
                range=(0.0, top),
                better="lower",
                definition=f"Mean largest {words} between an image's features and those that APGD-{steps} from a "
                f"random start reaches within {eps} {NORMS[norm]}, without labels.",
                interval=interval,
                interval_over="" if interval is None else "attacked test images (Student's t)",
            )
        )
        rows.append({"eps": eps, "mean": mean, "low": low, "high": high, "images": len(values)})
    return scores, rows


def attack_table(found: Sequence[BudgetResult], right: Tensor) -> list[dict[str, Any]]:
    """The cascade, a row per budget and attack: how many images were left before it, on how many of them (PGD: of all
    that were right) it was tried, how many it broke, and the accuracy after it."""
    rows, images = [], max(1, len(right))
    for result in found:
        left = result.robust.clone()
        for name in result.broke:
            left |= result.broke[name]
        for name, broke in result.broke.items():
            left &= ~broke
            rows.append(
                {
                    "eps": result.eps,
                    "attack": name,
                    "title": ATTACKS[name].title,
                    "left": result.left[name],
                    "tried": int(result.met[name].sum()),
                    "broke": int(broke.sum()),
                    "accuracy_left": 100 * float(left.sum()) / images,
                }
            )
    return rows


def class_table(subject: Subject, labels: Tensor, right: Tensor, found: Sequence[BudgetResult]) -> list[dict[str, Any]]:
    """A row per class that has attacked images; accuracies in percent, cumulative, with Wilson intervals."""
    group_of = {index: name for name, members in subject.groups.items() for index in members}
    rows = []
    for index in labels.unique().tolist():
        mine = labels == index
        row = {
            "class": subject.class_names[index],
            "index": index,
            "train_images": subject.counts[index] if subject.counts else 0,
            "group": group_of.get(index, "all"),
            "images": int(mine.sum()),
            "clean": 100 * float(right[mine].double().mean()),
        }
        for result in found:
            percent = 100 * float(result.robust[mine].double().mean())
            low, high = wilson_interval(percent, int(mine.sum()))
            row |= {result.eps: percent, f"{result.eps} low": low, f"{result.eps} high": high}
        rows.append(row)
    return rows
