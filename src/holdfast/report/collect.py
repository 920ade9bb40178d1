"""What the report reads: run folders and audit folders; runs that differ only in seed and split are taken together."""

import json
import os
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from holdfast.atlas import NAMES, paths_of
from holdfast.config import upgraded
from holdfast.findings import Finding, Score
from holdfast.report.belonging import SetAside, of_one_encoder
from holdfast.report.wording import joined, method_name, printable, setting, uncounted
from holdfast.runs import RunFolder, is_run_folder, metrics_row
from holdfast.system import is_collection, near_path, read_json, told

MOST_ENCODERS = 8

REPEATS = ("seed", "split")
"""Settings that make a repeat of the same experiment."""

_RESTORE = "restore it from a copy, or train and audit again"

_BOOKKEEPING = {*REPEATS, "out", "checkpoint_steps", "keep_checkpoints", "signals_every"}
_PROTOCOL = ("test", "protocol", "probe_on", "group_rule")


@dataclass(frozen=True, eq=False)
class Measured:
    """One encoder as it lies on disk: its findings, and the run that trained it where there is one."""

    folder: Path
    findings: Mapping[str, Finding]
    run: Mapping[str, Any] | None = None
    metrics: Sequence[Mapping[str, Any]] = ()
    environment: Mapping[str, Any] = field(default_factory=dict)
    unfinished: bool = False
    """Whether an audit of it is running or was stopped."""
    set_aside: Sequence[SetAside] = ()
    """What lies in the folder and is not shown: findings that do not belong to the others, files that are damaged."""
    pictures: bool = True
    """Whether the images that its audits left are shown."""

    @property
    def key(self) -> tuple[Any, Any] | None:
        """(seed, split) of the run; None for an encoder without a run."""
        return None if self.run is None else (self.run.get("seed"), self.run.get("split"))

    def setting(self, name: str) -> Any:
        """A setting of the audits, the balance audit's first; None where no audit has it."""
        ordered = sorted(self.findings.values(), key=lambda finding: finding.audit != "balance")
        return next((f.settings[name] for f in ordered if f.settings.get(name) is not None), None)

    def rows(self, kind: str) -> list[Mapping[str, Any]]:
        """The rows of metrics.jsonl of one kind."""
        return [row for row in self.metrics if row.get("kind") == kind]


@dataclass(frozen=True)
class Encoder:
    """What the report compares: one encoder, or several runs of one experiment."""

    name: str
    place: int
    """Its place in the report, 0 to 7: decides its colour."""
    members: tuple[Measured, ...]

    @property
    def run(self) -> Mapping[str, Any]:
        """The configuration that its runs share (seed and split are the first run's); empty without a run."""
        return self.members[0].run or {}

    @property
    def varies(self) -> str:
        """What tells its runs apart, for 'over 3 ...'."""
        keys = [member.key for member in self.members if member.key is not None]
        different = [name + "s" for i, name in enumerate(REPEATS) if len({key[i] for key in keys}) > 1]
        return " and ".join(different) or "runs"

    def with_finding(self, audit: str) -> list[Measured]:
        """Members that this audit has measured."""
        return [member for member in self.members if audit in member.findings]


def collect(folders: Iterable[Path | str]) -> list[Encoder]:
    """The encoders behind run folders and audit folders, in the order given.

    Raises ValueError for a folder without findings, the same folder or run twice, and more than eight encoders.
    """
    paths = [Path(folder) for folder in folders]
    if not paths:
        raise ValueError("expected at least one run or audit folder, got none; make one with: holdfast audit")
    if len({path.resolve() for path in paths}) < len(paths):
        raise ValueError("expected different folders, got one of them twice; name each folder once")
    groups: dict[str, list[Measured]] = {}
    for path in paths:
        measured = read(path)
        groups.setdefault(_experiment(measured), []).append(measured)
    if len(groups) > MOST_ENCODERS:
        raise ValueError(
            f"expected one to {MOST_ENCODERS} encoders (runs that differ only in seed and split are one), "
            f"got {len(groups)}; name fewer folders"
        )
    for members in groups.values():
        _refuse_repeated_runs(members)
    return _named([tuple(members) for members in groups.values()])


def read(path: Path) -> Measured:
    """One run folder or audit folder; a finding that cannot be read is set aside, with the reason.

    Raises ValueError where there is nothing to report, or where the run's own settings are damaged.
    """
    folder = RunFolder(path)
    home = folder.findings if folder.findings.is_dir() else path
    findings, unreadable = _findings(home)
    if not findings:
        _refuse_nothing(path, unreadable)
    times = {name: (home / f"{name}.json").stat().st_mtime for name in findings}
    found, aside = of_one_encoder(findings, times, _encoder_checksum(folder))
    if not found:
        raise ValueError(
            f"expected findings of the encoder in {printable(path)}, got {len(aside)} of another ({aside[0].reason}); "
            f"measure again: holdfast audit {printable(path)}"
        )
    run = folder.read_config() if is_run_folder(path) else None
    run = run or next((f.settings["run"] for f in found.values() if f.settings.get("run")), None)
    environment, damaged = _environment(folder.environment)
    metrics, odd = _metrics(folder.metrics)
    run = None if run is None else upgraded(run)
    asides = [*unreadable, *aside, *damaged, *odd]
    unfinished = (home / "unfinished").is_dir()
    return Measured(path, found, run, metrics, environment, unfinished, asides)


def _refuse_nothing(path: Path, unreadable: Sequence[SetAside]) -> None:
    name = printable(path)
    if unreadable:
        raise ValueError(
            f"expected findings in {name} that can be read, got {len(unreadable)} that cannot ({unreadable[0].reason})"
            f"; measure again: holdfast audit {name}"
        )
    if is_collection(path) and not is_run_folder(path):
        data = shlex.quote(name)
        raise ValueError(
            f"expected an audited run or folder of findings, got {name}, a folder of pictures; train on it first: "
            f"holdfast train simclr --data {data}, or audit an encoder on it: holdfast audit ENCODER --data {data}"
        )
    if not path.is_dir():
        kind = "a file" if path.exists() else "where there is no folder"
        raise ValueError(f"expected a folder of findings, got {name}, {kind}; {near_path(path) or 'check the path'}")
    raise ValueError(f"expected findings in {name}, got none; measure first: holdfast audit {name}")


def _encoder_checksum(folder: RunFolder) -> str | None:
    """The checksum of the encoder that a run folder holds now; None where none lies there."""
    described = folder.encoder.with_suffix(".json")
    there = folder.config.is_file() and described.exists()
    document = read_json(described, "the description of an encoder", _RESTORE) if there else {}
    return document.get("checksum") if "pool" in document else None  # before that, stem and size were not in it


def _findings(home: Path) -> tuple[dict[str, Finding], list[SetAside]]:
    """The findings in a folder, and those that cannot be read; other JSON files are nobody's business."""
    found, unreadable = {}, []
    for path in sorted(home.glob("*.json")):
        try:
            if _is_finding(path):
                found[path.stem] = Finding.load(path)
        except (OSError, ValueError) as error:
            unreadable.append(SetAside(path.stem, _reason(error, path)))
    samples = {paths_of(home, name)[1] for name in NAMES}
    for path in sorted(home.glob("*.parquet")) if home.name == "findings" else ():
        if path not in samples and not os.path.lexists(path.with_suffix(".json")):
            unreadable.append(SetAside(path.stem, f"{path.name} is there, {path.stem}.json is not"))
    return found, unreadable


def _reason(error: Exception, path: Path) -> str:
    """What is wrong with a file, without its remedy and without where it lies on one machine."""
    return str(error).rpartition("; ")[0].replace(str(path.parent / "_")[:-1], "") or str(error)


def _environment(path: Path) -> tuple[Mapping[str, Any], list[SetAside]]:
    """What environment.json holds, and that it cannot be read: a page goes without versions and hardware."""
    try:
        return (read_json(path, remedy=_RESTORE), []) if os.path.lexists(path) else ({}, [])
    except (OSError, ValueError) as error:
        return {}, [SetAside("environment", _reason(error, path))]


def _is_finding(path: Path) -> bool:
    """Whether a JSON file is, or should be, a finding. Raises ValueError and OSError where it cannot be read."""
    if path.parent.name == "findings" or path.with_suffix(".parquet").exists():
        return True
    return "audit" in read_json(path, remedy=_RESTORE)


def _metrics(path: Path) -> tuple[list[Mapping[str, Any]], list[SetAside]]:
    """Rows of metrics.jsonl, and the lines that are none; a last one that a killed run left half written is none."""
    try:
        lines = path.read_text(errors="replace").splitlines() if os.path.lexists(path) else []
    except OSError as error:
        return [], [SetAside("metrics", str(told(error, path)))]
    rows = [metrics_row(line) for line in lines]
    odd = [str(number) for number, row in enumerate(rows[:-1], start=1) if row is None]
    said = [SetAside("metrics", f"no row of metrics in line {joined(odd)} of {path.name}")] if odd else []
    return [row for row in rows if row is not None], said


def _experiment(measured: Measured) -> str:
    """Equal for runs that may be averaged: same configuration but for seed and split, measured in the same way."""
    if measured.run is None:
        return str(measured.folder)
    run = {name: value for name, value in measured.run.items() if name not in _BOOKKEEPING}
    return json.dumps([run, [uncounted(measured.setting(name)) for name in _PROTOCOL]], sort_keys=True)


def _refuse_repeated_runs(members: list[Measured]) -> None:
    seen: dict[Any, Path] = {}
    for member in members:
        if member.key in seen:
            raise ValueError(
                f"expected runs of one experiment to differ in seed or split, got {printable(seen[member.key])} and "
                f"{printable(member.folder)} with the same; name one of them"
            )
        seen[member.key] = member.folder


def _named(groups: list[tuple[Measured, ...]]) -> list[Encoder]:
    """Encoders with names that tell them apart: the method, and where two share it, what differs between them."""
    encoders = [Encoder(_plain_name(members[0]), place, members) for place, members in enumerate(groups)]
    named = []
    for encoder in encoders:
        twins = [other for other in encoders if other.name == encoder.name]
        known = [_distinction(twin, twins) for twin in twins]
        own = known[twins.index(encoder)]
        if known.count(own) > 1:
            own = printable(encoder.members[0].folder)
        named.append(replace(encoder, name=f"{encoder.name} ({own})" if len(twins) > 1 else encoder.name))
    return named


def _plain_name(measured: Measured) -> str:
    if (measured.run or {}).get("method") is not None:
        return method_name(measured.run or {})
    return printable(measured.setting("name") or measured.setting("encoder") or measured.folder.name)


def _distinction(encoder: Encoder, twins: list[Encoder]) -> str:
    """The settings in which an encoder differs from its namesakes, or its folder where that takes more than two."""
    settings = [flat(twin.run) for twin in twins]
    own = flat(encoder.run)
    names = [n for n in own if n not in _BOOKKEEPING and any(s.get(n) != own[n] for s in settings)]
    protocol = [n for n in _PROTOCOL if len({uncounted(str(t.members[0].setting(n))) for t in twins}) > 1]
    parts = [f"{n.split('.')[-1]} {setting(own[n])}" for n in names]
    parts += [f"{n} {setting(encoder.members[0].setting(n))}" for n in protocol]
    return ", ".join(parts) if 1 <= len(parts) <= 2 else printable(encoder.members[0].folder)


def flat(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested settings as one level with dotted names; the method's own ('settings') keep their plain names."""
    result: dict[str, Any] = {}
    for name, value in settings.items():
        if isinstance(value, Mapping):
            result |= flat(value, "" if name == "settings" else f"{prefix}{name}.")
        else:
            result[prefix + name] = value
    return result


def scores_of(encoder: Encoder, audit: str) -> list[Score]:
    """The scores that an audit left for an encoder, as its first member has them."""
    members = encoder.with_finding(audit)
    return list(members[0].findings[audit].scores) if members else []
