"""Robust: CF-AMC-SSL on CIFAR-10 (the paper: 10 epochs, 97 minutes; target 8), audited under attack."""

from dataclasses import replace
from typing import Any

from gpu_steps.bench import Bench, Part, Result, Step
from gpu_steps.training import audit_seconds, run_seconds, scores_of, told
from holdfast import RECIPES, audit, resume, train
from holdfast.config import RunConfig
from holdfast.methods import EMPSSLConfig

EPOCHS, MINUTES = 10, 97
TARGET_MINUTES = 8
SHARE = 0.6
"""Of a call's time at most: fewer epochs than the paper's where they do not fit."""


def configuration(bench: Bench, epochs: int) -> RunConfig:
    """The recipe, on all training images."""
    config = replace(RECIPES["cf-amc-ssl/cifar10_crop"](), data=bench.source, holdout=0, signals_every=0, epochs=epochs)
    config = replace(config, **bench.network())
    if not bench.tiny:
        return config
    method = EMPSSLConfig(view_count=2, prefeature_dim=16, head_dim=8)
    return replace(config, method=method, limit=64, batch_size=16, precision="32")


def fitting(bench: Bench) -> tuple[int, float]:
    """(epochs, seconds of one) that the time allows, the paper's at most."""
    each = run_seconds(configuration(bench, 1), bench, images=len(bench.train))
    return max(1, min(1 if bench.tiny else EPOCHS, int(SHARE * bench.seconds / each))), each


def _look(bench: Bench) -> float:
    epochs, each = fitting(bench)
    return epochs * each + audit_seconds(configuration(bench, 1), bench, ["robustness"], **attacks(bench))


def attacks(bench: Bench) -> dict[str, Any]:
    """PGD-20 at the paper's budgets with restarts, Square, and the standard AutoAttack at 8/255 on what is left."""
    chosen: dict[str, Any] = {"attack_eps": ("4/255", "8/255"), "attack_steps": 20, "drift_images": 0}
    chosen |= {"corruption_images": 0, "auto_attack": "standard", "auto_attack_eps": ("8/255",)}
    if bench.tiny:
        chosen |= {"attack_images": 8, "attack_steps": 2, "attack_restarts": 0, "square_images": 0}
        chosen |= {"auto_attack": "targeted", "attack_targets": 1, "apgd_steps": 2}
    return chosen


def _measure(bench: Bench) -> Result:
    folder = bench.work / "robust"
    if (folder / "config.json").is_file():
        run = resume(folder)
    else:
        run = train(configuration(bench, fitting(bench)[0]), folder, listen=told)
    rows = [line for line in run.metrics.read_text().splitlines() if '"epoch"' in line]
    (finding,) = audit(
        run.path,
        bench.train,
        test=bench.test,
        axes=["robustness"],
        layer="prefeature",
        device=str(bench.device),
        unfinished=bench.work / "robust-attacks",
        **attacks(bench),
    )
    return {
        "epochs": len(rows),
        "of_epochs": EPOCHS,
        "paper_minutes": MINUTES,
        "target_minutes": TARGET_MINUTES,
        "layer": "prefeature",
        "scores": scores_of(finding),
        "warnings": finding.settings["warnings"],
    }


def parts(bench: Bench) -> list[Part]:
    """One run and its audit."""
    return [Part(name="cf-amc-ssl", rank=5, guess=420, look=_look, measure=_measure)]


ROBUST = Step(
    name="robust",
    what="CF-AMC-SSL on CIFAR-10: a linear head on pre-features, clean and under PGD-20, Square and AutoAttack",
    parts=parts,
)
