"""Runs of seconds: what tests that train have in common."""

from typing import Any

from holdfast.config import MethodConfig, RunConfig

SHORT: dict[str, Any] = {
    "encoder": "timm/test_resnet",
    "image_size": 12,
    "epochs": 2,
    "batch_size": 16,
    "lr": 0.05,
    "warmup_epochs": 0.0,
    "precision": "32",
    "threads": 1,
    "signals_every": 0,
}
"""Settings of a run on some images, whatever it trains."""


def short_run(method: MethodConfig, **changes: Any) -> RunConfig:
    """A run of a method that is short; changes say what else, or otherwise."""
    return RunConfig(method=method, **SHORT | changes)
