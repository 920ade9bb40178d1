"""Whether a study was made from a run, by the JSON that both left. No torch here."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

_OF_THE_MACHINE = frozenset(
    {
        *("schema", "version", "out", "download", "memory_gib", "workers", "strict", "devices", "accelerator"),
        *("threads", "compile", "checkpoint_steps", "keep_checkpoints"),
    }
)
"""Settings that decide no weight, or that say who wrote the file."""
_OF_A_STUDY = frozenset({"holdout", "signals_every", "resize"})
"""Settings that a study changes."""
_OF_PLANTED = frozenset({"data", "limit", "labels", "groups"})
"""Settings that a study changes where it plants images: it trains on a file of its own."""


def made_of(ids: Mapping[str, Any]) -> dict[str, Any]:
    """What a study keeps of the images that its run trained on. ids: the run's ids.json."""
    return {"images": ids["checksum"], "train_images": len(ids["train"]), "train": _sum(sorted(ids["train"]))}


def unlike_run(record: Mapping[str, Any], config: Mapping[str, Any], ids: Mapping[str, Any]) -> str | None:
    """Why a study is not of a run, with both identities; None where it is.

    record: study.json. config, ids: the run's config.json and ids.json, as they are now.
    """
    own, theirs = _flat(record["run"]), _flat(config)
    left_out = _OF_THE_MACHINE | _OF_A_STUDY | (_OF_PLANTED if record.get("planted") else frozenset())
    left_out |= {"epochs"} if record["settings"].get("epochs") is not None else frozenset()
    for name in own:
        if name in theirs and name.partition(".")[0] not in left_out and own[name] != theirs[name]:
            return f"{name.removeprefix('settings.')} is {own[name]!r} in the study, {theirs[name]!r} in the run"
    before, now = _images(record), made_of(ids)
    for name, words in (("images", "checksum of the images"), ("train_images", "images"), ("train", "checksum of ids")):
        if before.get(name, now[name]) != now[name]:
            return f"trained on other images: {words} {before[name]} in the study, {now[name]} in the run"
    return None


def first_difference(config: Mapping[str, Any], other: Mapping[str, Any]) -> str | None:
    """The first setting in which two runs differ beside seed and images, in words; None where there is none."""
    ours, theirs = _flat(config), _flat(other)
    left_out = _OF_THE_MACHINE | _OF_A_STUDY | _OF_PLANTED | {"seed", "split", "long_tail"}
    for name, value in ours.items():
        if name in theirs and name.partition(".")[0] not in left_out and value != theirs[name]:
            return f"{name.removeprefix('settings.')} {value!r} and {theirs[name]!r}"
    return None


def _images(record: Mapping[str, Any]) -> Mapping[str, Any]:
    """What the study keeps; of one from before it kept that, what its parts tell."""
    if "of" in record:
        return record["of"]
    parts = [number for members in record["parts"].values() for number in members]
    sources = (record["planted"] or {}).get("source_ids")
    train = parts if sources is None else [sources[number] for number in parts if sources[number] >= 0]
    known = {"train_images": len(train), "train": _sum(sorted(train))}
    return known if record["planted"] else known | {"images": record["checksum"]}


def _sum(ids: Sequence[int]) -> str:
    return hashlib.sha256(json.dumps(list(ids)).encode()).hexdigest()[:16]


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in values.items():
        found |= _flat(value, f"{prefix}{name}.") if isinstance(value, Mapping) else {prefix + name: value}
    return found
