"""Linear probes of what is audited: fitted by the protocol that the options name, asked about the test images."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor, nn

from holdfast.data import Images
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


@dataclass(frozen=True, eq=False)
class ProbeInputs:
    """What probes are fitted on and asked about."""

    encoder: nn.Module
    pool: Images
    """Every image that a probe may be fitted on or selected with, labelled."""
    pool_features: Tensor
    """[n_pool, dim] float32."""
    test_features: Tensor
    """[n_test, dim] float32."""
    validation_ids: Tensor | None
    """The pool's images that probes are selected on, never fitted; None: a part of what they are fitted on."""
    classes: int
    protocol: str
    lr_drop: str
    """When SDCLR's learning rate is lowered: 'on_time' or 'early'."""
    seed: int
    extraction: Callable[[str], dict[str, Any]]
    """Keyword arguments of extract_features, by the name of a stage of the work."""

    def rows(self, ids: Tensor) -> tuple[Tensor, Tensor]:
        """Features [m, dim] and labels [m] of the pool's images with these ids, on the features' device."""
        positions, features = self.pool.positions(ids), self.pool_features
        labels = self.pool.known_labels()[positions.cpu()]
        return features[positions.to(features.device)], labels.to(features.device)


@dataclass(frozen=True)
class ProbeResult:
    """A probe's answers on the test images."""

    predicted: Tensor
    """[n_test] int64, on the CPU: of the probe that was selected on validation images."""
    last: Tensor | None
    """Predictions of the last epoch's probe, likewise; None for the L-BFGS probe, which has no epochs."""
    facts: Mapping[str, Any]
    """JSON values: probe images, what was selected and how."""
    probe: LinearProbe
    """The selected one."""


def probed(inputs: ProbeInputs, ids: Tensor, schedule: ProbeSchedule) -> ProbeResult:
    """A probe fitted on the pool's images with these ids, by the protocol of the inputs."""
    if inputs.protocol == "lbfgs":
        return _lbfgs(inputs, ids, few=schedule is FEW_SHOT)
    return _sgd(inputs, ids, replace(schedule, drop=inputs.lr_drop))


def _lbfgs(inputs: ProbeInputs, ids: Tensor, *, few: bool) -> ProbeResult:
    classes, seed = inputs.classes, inputs.seed
    if few:
        probe = few_shot_probe(inputs.pool_features, inputs.pool, ids, classes=classes, seed=seed)
    else:
        validation = None if inputs.validation_ids is None else inputs.rows(inputs.validation_ids)
        probe = fit_probe(*inputs.rows(ids), classes=classes, ids=ids, validation=validation, seed=seed)
    facts = {
        "images": len(ids),
        "regularisation": probe.regularisation,
        "regularisation_at_edge": probe.at_edge,
        "validation_accuracy": probe.validation_accuracy,
        "selected_on": "folds of its images" if few or inputs.validation_ids is None else "validation images",
    }
    return ProbeResult(probe.predict(inputs.test_features).cpu(), None, facts, probe)


def _sgd(inputs: ProbeInputs, ids: Tensor, schedule: ProbeSchedule) -> ProbeResult:
    fitted, validation = _parts(inputs, ids)
    features, labels = inputs.rows(fitted)
    if inputs.protocol == "sdclr":
        images = inputs.pool.select(fitted)
        of_epoch = augmented_features(
            inputs.encoder, images, seed=inputs.seed, **inputs.extraction("augmented probe images")
        )
    else:
        of_epoch = cached_features(features)
    probes = sgd_probe(
        of_epoch,
        labels,
        classes=inputs.classes,
        schedule=schedule,
        validation=inputs.rows(validation),
        seed=inputs.seed,
    )
    facts = {
        "images": len(fitted),
        "epochs": schedule.epochs,
        "selected_epoch": probes.selected_epoch,
        "validation_accuracy": probes.selected.validation_accuracy,
        "validation_images": len(validation),
        "selected_on": "a fifth of its images, not fitted" if len(fitted) < len(ids) else "validation images",
    }
    test = inputs.test_features
    return ProbeResult(probes.selected.predict(test).cpu(), probes.last.predict(test).cpu(), facts, probes.selected)


def _parts(inputs: ProbeInputs, ids: Tensor) -> tuple[Tensor, Tensor]:
    """(fitted, validation) ids for SDCLR's protocol, which selects an epoch on images that it does not fit."""
    if inputs.validation_ids is not None:
        return ids, inputs.validation_ids
    labels = inputs.rows(ids)[1].cpu()
    held = stratified_folds(labels, ids, seed=inputs.seed) == 0
    if not held.any():
        raise ValueError(
            f"expected five images of a class or validation_ids to select an epoch on, got neither ({len(ids):,}); "
            "pass validation_ids, or use the 'lbfgs' protocol"
        )
    return ids[~held], ids[held]
