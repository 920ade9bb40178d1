"""Linear probes of what is audited: fitted by the protocol that the options name, asked about the test images."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from torch import Tensor

from holdfast.evaluation import (
    FEW_SHOT,
    LinearProbe,
    ProbeSchedule,
    augmented_features,
    cached_features,
    few_shot_probe,
    fit_probe,
    sgd_probe,
    stratified_folds,
)

if TYPE_CHECKING:
    from holdfast.audits.base import Subject


@dataclass(frozen=True)
class Outcome:
    """A probe's answers on the test images."""

    predicted: Tensor
    """[n_test] int64, on the CPU: of the probe that was selected on validation images."""
    last: Tensor | None
    """The same of the last epoch; None for the fast probe, which has no epochs."""
    facts: Mapping[str, Any]
    """JSON values: probe images, what was selected and how."""
    probe: LinearProbe
    """The selected one."""


def probed(subject: "Subject", ids: Tensor, schedule: ProbeSchedule) -> Outcome:
    """A probe of the subject's features, fitted on the pool's images with these ids, as its options say."""
    if subject.options.protocol == "fast":
        return _fast(subject, ids, few=schedule is FEW_SHOT)
    return _sgd(subject, ids, replace(schedule, drop=subject.options.probe_lr_drop))


def _fast(subject: "Subject", ids: Tensor, *, few: bool) -> Outcome:
    classes, seed = subject.classes, subject.options.seed
    if few:
        probe = few_shot_probe(subject.pool_features, subject.pool, ids, classes=classes, seed=seed)
    else:
        validation = None if subject.validation_ids is None else subject.rows(subject.validation_ids)
        probe = fit_probe(*subject.rows(ids), classes=classes, ids=ids, validation=validation, seed=seed)
    facts = {
        "images": len(ids),
        "regularisation": probe.regularisation,
        "validation_accuracy": probe.validation_accuracy,
        "selected_on": "folds of its images" if few or subject.validation_ids is None else "validation images",
    }
    return Outcome(probe.predict(subject.test_features).cpu(), None, facts, probe)


def _sgd(subject: "Subject", ids: Tensor, schedule: ProbeSchedule) -> Outcome:
    options = subject.options
    fitted, validation = _parts(subject, ids)
    features, labels = subject.rows(fitted)
    if options.protocol == "sdclr":
        images = subject.pool.select(fitted)
        of_epoch = augmented_features(
            subject.encoder, images, seed=options.seed, **subject.extraction("augmented probe images")
        )
    else:
        of_epoch = cached_features(features)
    probes = sgd_probe(
        of_epoch,
        labels,
        classes=subject.classes,
        schedule=schedule,
        validation=subject.rows(validation),
        seed=options.seed,
    )
    facts = {
        "images": len(fitted),
        "epochs": schedule.epochs,
        "selected_epoch": probes.selected_epoch,
        "validation_accuracy": probes.selected.validation_accuracy,
        "validation_images": len(validation),
        "selected_on": "a fifth of its images, not fitted" if len(fitted) < len(ids) else "validation images",
    }
    test = subject.test_features
    return Outcome(probes.selected.predict(test).cpu(), probes.last.predict(test).cpu(), facts, probes.selected)


def _parts(subject: "Subject", ids: Tensor) -> tuple[Tensor, Tensor]:
    """(fitted, validation) ids for SDCLR's protocol, which selects an epoch on images that it does not fit."""
    if subject.validation_ids is not None:
        return ids, subject.validation_ids
    labels = subject.rows(ids)[1].cpu()
    held = stratified_folds(labels, ids, seed=subject.options.seed) == 0
    if not held.any():
        raise ValueError(
            f"expected five images of a class or validation_ids to select an epoch on, got neither ({len(ids):,}); "
            "pass validation_ids, or use the 'fast' protocol"
        )
    return ids[~held], ids[held]
