"""Robustness: PGD (arXiv:1706.06083), Square (arXiv:1912.00049), feature drift, corruptions (arXiv:1903.12261)."""

import time
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from holdfast.attacks import ATTACKS, Goal, untargeted
from holdfast.attacks.harms import Model
from holdfast.audits.robustness.attacks import (
    AttackSetup,
    BudgetResult,
    attacked_images,
    budget_results,
    drifted,
    drifts,
)
from holdfast.audits.robustness.cascade import ensemble, step_length
from holdfast.audits.robustness.corruptions import corruptions
from holdfast.audits.robustness.cost import robustness_passes, robustness_seconds
from holdfast.audits.robustness.first_broken import first_broken
from holdfast.audits.robustness.heads import attacked_head, checksum_of, fine_tuned_network, head_schedule
from holdfast.audits.robustness.masking import masking, without_gradient
from holdfast.audits.robustness.scores import accuracies, attack_table, class_table, drift_scores, slug
from holdfast.audits.subject import Audit, Subject, lacks_gradients
from holdfast.data import Images
from holdfast.evaluation import near_collapse
from holdfast.evaluation.features import measuring
from holdfast.evaluation.probes import LinearProbe, classifier, features_of
from holdfast.findings import Finding, Score
from holdfast.system import about


@dataclass
class _Parts:
    """What the finding is put together from."""

    scores: list[Score]
    tables: dict[str, list[dict[str, Any]]]
    columns: dict[str, np.ndarray]
    facts: dict[str, Any]


def robustness(subject: Subject) -> Finding:
    """What an encoder and its linear head withstand: attacks within a budget, and common corruptions.

    Scores, in percent and with labels only: clean_accuracy; at each budget pgd_accuracy and robust_accuracy, whose
    verdicts are cumulative (broken by any attack at this or a smaller budget is broken), the latter also by group of
    classes, and tail_gap; gradient_masking; corruption_accuracy. Without labels: feature_drift at each budget and
    corruption_drift. Tables: attacks, per_class, drift, corruptions; settings['warnings'] names signs of gradient
    masking. Images that are no bytes, and pixels that a module normalises outside itself, never get here: Images
    refuses them. Raises ValueError for a budget that is none.
    """
    images = attacked_images(subject)
    labelled = subject.pool.labels is not None and images.labels is not None
    parts = _Parts([], {}, _columns(subject, images), {"warnings": []})
    settings, (subject, head) = subject.settings, _network(subject, labelled=labelled)
    with measuring(subject.encoder, subject.options.device) as home:
        features = features_of(subject.encoder, subject.options.precision)
        clean = subject.test_features[subject.test.positions(images.ids)].to(home)
        if labelled and head is None:
            head = attacked_head(subject, features)
        setup = AttackSetup(subject, images, "" if head is None else checksum_of(head))
        _tell_estimate(setup, features, home)
        if head is not None:
            _attack(parts, setup, _goal(setup, features, head, home), head.predict(clean).cpu())
        found = drifts(setup, features, clean)
        corrupted = corruptions(setup, head, clean)
    _add_drift(parts, setup, found)
    parts.scores += corrupted.scores
    parts.tables["corruptions"] = corrupted.rows
    parts.columns |= {n: _spread(setup, corrupted.positions, v) for n, v in corrupted.by_image.items()}
    settings = {**settings, **_budget(setup), **parts.facts, "attacked_images": len(images)}
    return Finding(
        audit="robustness", scores=parts.scores, columns=parts.columns, tables=parts.tables, settings=settings
    )


def _network(subject: Subject, *, labelled: bool) -> tuple[Subject, LinearProbe | None]:
    """What is attacked: for AFF the fine-tuned encoder with its head; else the subject, whose head is still to come."""
    if subject.options.attack_head != "aff":
        return subject, None
    if not labelled:
        raise ValueError("expected labelled images to fine-tune on (--attack-head aff), got none; leave it out")
    return fine_tuned_network(subject)


def _goal(setup: AttackSetup, features: Model, head: LinearProbe, home: torch.device) -> Goal:
    """Any wrong answer; where attacks compute in bf16, one that stays wrong in float32."""
    labels = setup.images.known_labels().to(home)
    goal = untargeted(classifier(features, head), labels)
    if setup.options.precision == "32":
        return goal
    return replace(goal, judge=classifier(features_of(setup.subject.encoder), head))


def _attack(parts: _Parts, setup: AttackSetup, goal: Goal, predicted: Tensor) -> None:
    """Everything that needs labels."""
    labels = goal.references.cpu()
    right = predicted == labels
    found = budget_results(setup, goal, right)
    blind = without_gradient(setup, goal.model, goal.references, right)
    suspects, warnings = masking(right, found, blind)
    parts.scores += accuracies(setup.subject, labels, right, found) + suspects
    parts.facts |= {
        "warnings": warnings + _easy(parts, setup.subject),
        "without_gradient": int(blind.sum()),
        "success_tested_in": "float32",
    }
    parts.facts["attacks_run"] = attacks_run(found)
    parts.tables["attacks"] = attack_table(found, right)
    parts.tables["per_class"] = class_table(setup.subject, labels, right, found)
    parts.tables["first_broken"] = first_broken(setup, goal, found)
    parts.columns |= _verdict_columns(setup, right, found)


def _easy(parts: _Parts, subject: Subject) -> list[str]:
    """A warning, and the setting 'near_collapse', where features are near collapse: what a probe still tells apart by
    them are coarse differences of the pictures, as random weights show them, which no such budget covers. Features of
    one dimension have no spread of directions to ask."""
    signals = subject.signals
    if subject.test_features.shape[1] == 1 or not near_collapse(signals):
        return []
    parts.facts["near_collapse"] = {name: signals[name] for name in ("feature_std", "effective_rank")}
    return [
        f"near collapse (feature std {signals['feature_std']:.3f}, effective rank {signals['effective_rank']:.1f}): "
        "what is right and stays right under attack says that the pictures are easy, not that the encoder withstands; "
        "random weights have such features too"
    ]


def _add_drift(parts: _Parts, setup: AttackSetup, found: dict[str, Tensor]) -> None:
    options = setup.options
    scores, rows = drift_scores(found, options.drift_distance, options.attack_norm, options.drift_steps)
    parts.scores += scores
    parts.tables["drift"] = rows
    parts.columns |= {f"drift_{slug(eps)}": _spread(setup, drifted(setup), v) for eps, v in found.items()}


def _columns(subject: Subject, images: Images) -> dict[str, np.ndarray]:
    return {
        "id": subject.test.ids.cpu().numpy(),
        "attacked": torch.isin(subject.test.ids, images.ids).cpu().numpy(),
    }


def _verdict_columns(setup: AttackSetup, right: Tensor, found: list[BudgetResult]) -> dict[str, np.ndarray]:
    """Per test image; -1 and NaN stand for images that were not attacked."""
    spread = partial(_spread, setup, torch.arange(len(setup.images)))
    columns = {"right": spread(right.long())}
    for result in found:
        columns[f"robust_{slug(result.eps)}"] = spread(result.robust.long())
        columns[f"iteration_{slug(result.eps)}"] = spread(result.pgd.iteration)
        columns[f"margin_{slug(result.eps)}"] = spread(torch.where(right, result.pgd.margin, torch.nan))
    return columns | {name: spread(values) for name, values in _breaks(right, found).items()}


def _breaks(right: Tensor, found: list[BudgetResult]) -> dict[str, Tensor]:
    """[m] by column: the attack that broke an image at each budget (its place in `attacks_run`, from 1; 0 for none), at
    which of its trials, the smallest budget that did, and the length of the smallest change that FAB found."""
    columns, names = {}, attacks_run(found)
    smallest = torch.where(right, torch.inf, 0.0).double()
    shortest = torch.full_like(smallest, torch.inf)
    for result in found:
        by, when = torch.zeros(len(right), dtype=torch.int64), torch.full((len(right),), -1)
        for name, records in result.records.items():
            first = records.broken & (by == 0)
            by[first], when[first] = 1 + names.index(name), records.iteration[first]
            shortest = torch.minimum(shortest, records.norm) if name.startswith("fab") else shortest
        smallest = torch.where((by > 0) & (smallest > result.pixels), result.pixels, smallest)
        columns |= {f"broken_by_{slug(result.eps)}": by, f"broken_at_{slug(result.eps)}": when}
    columns["smallest_eps"] = smallest
    if shortest.isfinite().any():
        columns["fab_norm"] = torch.where(shortest.isfinite(), shortest, torch.nan)
    return columns


def attacks_run(found: list[BudgetResult]) -> list[str]:
    """Names of all attacks that ran at any budget, in the order of ATTACKS."""
    return [name for name in ATTACKS if any(name in result.records for result in found)]


def _spread(setup: AttackSetup, rows: Tensor, values: Tensor) -> np.ndarray:
    """Values [k] of the attacked images at rows [k] as a column of all test images; NaN, or -1 for whole numbers."""
    test = setup.subject.test
    kind, nothing = (torch.float64, torch.nan) if values.is_floating_point() else (torch.int64, -1)
    column = torch.full((len(test),), nothing, dtype=kind)
    column[test.positions(setup.images.ids[rows.to(setup.images.ids.device)]).cpu()] = values.cpu().to(kind)
    return column.numpy()


def _budget(setup: AttackSetup) -> dict[str, Any]:
    """The options of the attacks, as settings of the finding."""
    options = setup.options
    names = "attack_images attack_norm attack_steps attack_restarts auto_attack apgd_steps attack_targets square_images"
    names += " square_queries attack_head drift_images drift_steps drift_distance corruption_images"
    named = {name: getattr(options, name) for name in names.split()} | {"attacks": list(options.attacks)}
    where = [pixels for _, pixels in setup.budgets if ensemble(options, pixels)]
    named["auto_attack_eps"] = [eps for eps, pixels in setup.budgets if pixels in where]
    schedule = head_schedule(options)
    head = {} if schedule is None else {"head_images": options.head_images, "head_steps": schedule.length}
    steps = {eps: step_length(options, pixels) for eps, pixels in setup.budgets}
    return {**named, **head, "attack_eps": [eps for eps, _ in setup.budgets], "attack_step": steps}


def _tell_estimate(setup: AttackSetup, features: Model, home: torch.device) -> None:
    """Tells the listener how many passes there can be at most, and how long they would take."""
    options = setup.options
    if options.progress is None or not len(setup.images):
        return
    batch = setup.images.floats(torch.arange(min(setup.batch_size, len(setup.images)))).to(home)
    seconds = []
    for _ in range(2):  # the first pass of a network is slower than all others
        start = time.perf_counter()
        with torch.no_grad():
            features(batch)
        seconds.append(time.perf_counter() - start)
    images = len(setup.images)
    both, single = robustness_passes(options, images, setup.subject.classes)
    takes = (3 * both + single) * seconds[-1] / len(batch)
    options.progress(
        f"robustness: passes: {both:,} forward and backward passes of an image and {single:,} forward ones, about "
        f"{about(takes, takes)} if nothing breaks; --attack-images, --square-queries and others change it",
        0,
        images,
    )


ROBUSTNESS = Audit(robustness, lacks_gradients, spends=robustness_seconds, long=True)
