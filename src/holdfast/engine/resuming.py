"""Resume: what an interrupted run continues from, and with which settings."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from holdfast.config import RunConfig, upgraded
from holdfast.engine import checkpoint
from holdfast.engine.session import Listener
from holdfast.methods import from_document, to_document
from holdfast.runs import RunFolder, atomic_path, metrics_row

FREE = frozenset(
    (
        *("schema", "version", "workers", "memory_gib", "download", "strict", "devices", "shard_weights"),
        *("checkpoint_steps", "keep_checkpoints", "signals_every"),
    )
)
"""Settings that may change between two sittings: no weight depends on them but for rounding."""


def read_config(run: RunFolder) -> RunConfig:
    """The resolved configuration that a run folder holds. Raises ValueError, with the path, where it is damaged."""
    document = run.read_config()
    try:
        return from_document(document)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{run.config}: {error}") from error


def starting_point(run: RunFolder, listen: Listener, *, first: bool) -> Path | None:
    """The newest checkpoint that is whole; None where there is none. Says which damaged ones it passes over.

    first: whether this is the process that writes; it gives damaged checkpoints another name.
    """
    path, lines = checkpoint.newest_intact(run.checkpoints)
    for line in lines:
        listen({"kind": "caution", "text": line})
    if path is not None and lines:
        listen({"kind": "caution", "text": f"going on from {path.name}, the newest checkpoint that is whole"})
        if first:
            checkpoint.set_aside(run.checkpoints, path)
    return path


def changed_settings(saved: Mapping[str, Any], config: RunConfig) -> dict[str, tuple[Any, Any]]:
    """By setting that decides weights: (what a checkpoint was trained with, what config.json says now)."""
    if not saved:  # schema 1 kept no settings
        return {}
    before, now = _flat(upgraded(saved)), _flat(json.loads(json.dumps(to_document(config))))
    names = sorted(set(before) | set(now))
    return {
        name: (before.get(name), now.get(name))
        for name in names
        if name not in FREE and before.get(name) != now.get(name)
    }


def _flat(document: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of the method and of views beside the run's own: each setting by its name."""
    inner = {key: value for name in ("settings", "views") for key, value in (document.get(name) or {}).items()}
    return {**inner, **{name: value for name, value in document.items() if name not in ("settings", "views")}}


def agreed(saved: Mapping[str, Any], run: RunFolder, config: RunConfig, listen: Listener, *, accept: bool) -> None:
    """Says which settings changed since the checkpoint. Raises ValueError, naming them, unless accept."""
    changed = changed_settings(saved, config)
    if not changed:
        return
    words = ", ".join(f"{name} {before!r}, now {now!r}" for name, (before, now) in changed.items())
    if not accept:
        raise ValueError(
            f"expected {run.config} as the run began, got other settings ({words}); restore them, or accept them with: "
            f"holdfast resume {run.path} --accept-changes"
        )
    text = f"going on with changed settings ({words}): the encoder will be neither the old run's nor a new one's"
    listen({"kind": "caution", "text": text})


def changes_row(saved: Mapping[str, Any], config: RunConfig, step: int) -> dict[str, Any] | None:
    """The row of metrics.jsonl that records changed settings; None where none did."""
    changed = {name: list(pair) for name, pair in changed_settings(saved, config).items()}
    return {"kind": "changed settings", "step": step, "changed": changed} if changed else None


def cut_metrics(path: Path, step: int, listen: Listener) -> None:
    """Drops what was measured after the checkpoint: it will be measured again. A line that is no row is dropped alone,
    with a word unless it is the last, which a killed run leaves half-written."""
    kept = []
    lines = path.read_text(errors="replace").splitlines() if path.exists() else []
    for number, line in enumerate(lines, start=1):
        row = metrics_row(line)
        if row is None:
            if number < len(lines):
                listen({"kind": "caution", "text": f"{path}, line {number}: no row of metrics, left out"})
        elif row["step"] <= step:
            kept.append(line + "\n")
    with atomic_path(path) as temporary:
        temporary.write_text("".join(kept))


def elsewhere(config: RunConfig, devices: int | None, shard_weights: bool | None) -> RunConfig:
    """The configuration for another number of processes, or with weights kept otherwise, where they are given."""
    given = {"devices": devices, "shard_weights": shard_weights}
    return replace(config, **{name: value for name, value in given.items() if value is not None})
