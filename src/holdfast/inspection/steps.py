"""The command to run next, ready to copy: a first look of half an hour, and the run that the advice describes."""

import shlex
from pathlib import Path
from typing import Any

from holdfast.config import RunConfig
from holdfast.methods import fitting_lr, name_of
from holdfast.system import about

LOOK_SECONDS = 1800.0
"""How long a first look takes at most: enough to see whether the signals move."""


def next_steps(document: dict[str, Any], config: RunConfig, *, labels: str | None = None) -> list[dict[str, str]]:
    """What to run and the command for it, the first to run first.

    config: the run that was timed, or that is advised where none was. labels: as the user named them.
    """
    cost = document["cost"]
    if cost is None:
        return [{"what": "train", "command": _command(config, config.epochs, labels)}]
    whole = {
        "what": f"train in full, about {_lasting(cost['hours'] * 3600, cost)}",
        "command": _command(config, config.epochs, labels),
    }
    if cost["hours"] * 3600 <= LOOK_SECONDS:
        return [whole]
    return [_timed_look(document["first_look"], config, labels) or _shorter(cost, config, labels), whole]


def _shorter(cost: dict[str, Any], config: RunConfig, labels: str | None) -> dict[str, str]:
    """The run itself, with as many epochs as half an hour holds."""
    epochs = max(1, int(LOOK_SECONDS / cost["seconds_per_epoch"]))
    lasting = _lasting(epochs * cost["seconds_per_epoch"], cost)
    return {"what": f"a first look, about {lasting}", "command": _command(config, epochs, labels, "-look")}


def _timed_look(look: dict[str, Any] | None, config: RunConfig, labels: str | None) -> dict[str, str] | None:
    """The fast recipe, as it was timed and sized here; None where it was not."""
    if look is None:
        return None
    method, _, recipe = look["recipe"].partition("/")
    words = ["holdfast", "train", method, "--recipe", recipe, "--data", str(config.data)]
    words += ["--batch-size", str(look["batch_size"]), "--epochs", str(look["epochs"])]
    words += [] if look["limit"] is None else ["--limit", str(look["limit"])]
    words += _reading(config, labels)
    command = shlex.join([*words, "--out", f"runs/{_called(config)}-look"])
    return {"what": f"a first look, about {_lasting(60 * look['minutes'], look)}", "command": command}


def _command(config: RunConfig, epochs: int, labels: str | None, suffix: str = "") -> str:
    words = ["holdfast", "train", name_of(config), "--data", str(config.data), "--encoder", config.encoder]
    words += ["--image-size", str(config.image_size), "--batch-size", str(config.batch_size), "--epochs", str(epochs)]
    lr = fitting_lr(config)
    words += [] if lr is None else ["--lr", f"{lr:g}"]
    words += _reading(config, labels)
    return shlex.join([*words, "--out", f"runs/{_called(config)}{suffix}"])


def _called(config: RunConfig) -> str:
    """A folder's name for the run, after its images; a pattern's asterisk is none."""
    return Path(str(config.data)).stem.replace("*", "").strip("-_.") or "run"


def _reading(config: RunConfig, labels: str | None) -> list[str]:
    """How the images are read, where the user said so."""
    words = [] if labels is None else ["--labels", labels]
    return (
        words if config.pixel_range is None else [*words, "--pixel-range", *(f"{v:.12g}" for v in config.pixel_range)]
    )


def _lasting(seconds: float, timed: dict[str, Any]) -> str:
    """How long it takes, down to what it would on a machine with nothing else to do."""
    return about(seconds / timed.get("busy", 1.0), seconds)
