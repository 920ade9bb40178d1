"""The command to run next, ready to copy: a first look of half an hour, and the run that the advice describes."""

import shlex
from pathlib import Path
from typing import Any

from holdfast.config import RunConfig
from holdfast.methods import name_of

LOOK_SECONDS = 1800.0
"""How long a first look takes at most: enough to see whether the signals move."""


def next_steps(document: dict[str, Any], config: RunConfig, *, labels: str | None = None) -> list[dict[str, str]]:
    """What to run and the command for it, the first to run first.

    config: the run that was timed, or that is advised where none was. labels: as the user named them.
    """
    cost = document["cost"]
    if cost is None:
        return [{"what": "train", "command": _command(config, config.epochs, labels)}]
    look = max(1, int(LOOK_SECONDS / max(cost["seconds_per_epoch"], 1e-9)))
    whole = {
        "what": f"train in full, about {_duration(cost['hours'])}",
        "command": _command(config, config.epochs, labels),
    }
    if look >= config.epochs:
        return [whole]
    minutes = max(1, round(look * cost["seconds_per_epoch"] / 60))
    first = {"what": f"a first look, about {minutes} minutes", "command": _command(config, look, labels, "-look")}
    return [first, whole]


def _command(config: RunConfig, epochs: int, labels: str | None, suffix: str = "") -> str:
    words = ["holdfast", "train", name_of(config), "--data", str(config.data), "--encoder", config.encoder]
    words += ["--image-size", str(config.image_size), "--batch-size", str(config.batch_size), "--epochs", str(epochs)]
    words += [] if labels is None else ["--labels", labels]
    return shlex.join([*words, "--out", f"runs/{Path(str(config.data)).stem or 'run'}{suffix}"])


def _duration(hours: float) -> str:
    if hours < 2:
        return f"{max(1, round(60 * hours))} minutes"
    return f"{hours:.1f} hours" if hours < 48 else f"{hours / 24:.0f} days"
