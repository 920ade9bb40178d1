"""card.json: what an encoder is, how it was trained and what audits measured on it, in a schema that is checked."""

import json
import math
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path, PurePath
from typing import Any

from holdfast.findings import Finding, Score
from holdfast.report.axes import AXES, Axis
from holdfast.report.cards.model import model_card, was_edited
from holdfast.report.cards.schema import validate
from holdfast.report.collect import Encoder, Measured, read
from holdfast.report.commands import command, finishing
from holdfast.report.damaged import without_damage
from holdfast.report.listed import conclusions, score_label, shortlist
from holdfast.report.wording import printable, share_and_end
from holdfast.runs import RunFolder, atomic_path, is_run_folder, write_json
from holdfast.system import check_writable, read_json, refuse_collection

SCHEMA_VERSION = 1
_PUBLIC = ("timm/", "torchvision/")
_PATHS = frozenset({"data", "test", "encoder", "init", "out", "study", "labels", "groups", "long_tail"})
"""Settings that may hold a path of one machine: a card keeps its last part."""
_ELSEWHERE = frozenset({"run", "warnings"})
"""Settings of a finding that stand elsewhere in the card."""


@lru_cache(maxsize=1)
def card_schema() -> Mapping[str, Any]:
    """The JSON schema of card.json, as it lies in the package."""
    return json.loads(files("holdfast.report").joinpath("cards/card.schema.json").read_text("utf-8"))


def card(folder: Path | str, *, name: str | None = None, out: Path | str | None = None) -> dict[str, Any]:
    """The card of an audited run folder or audit folder, as JSON values that fit card_schema.

    name: None takes the audits' name for the encoder. out: the folder that the weights' file is named from; None: the
    folder itself. Raises ValueError for a folder without findings.
    """
    alone = Encoder(str(folder), 0, (read(Path(folder)),))
    document, _ = without_damage([alone], lambda some: _card(some[0].members[0], Path(folder), name, out))
    return document


def _card(measured: Measured, folder: Path, name: str | None, out: Path | str | None) -> dict[str, Any]:
    document = {
        "schema": SCHEMA_VERSION,
        "name": printable(name or measured.setting("name") or folder.resolve().name),
        "written": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "holdfast": version("holdfast"),
        "encoder": _encoder(measured, folder if out is None else Path(out)),
        "training": None if measured.run is None else _without_paths(measured.run),
        "axes": [_axis(name, measured.findings[name]) for name in _ordered(measured)],
        "not_measured": [
            {"axis": axis.audit, "command": _command(axis, measured)}
            for axis in AXES.values()
            if axis.audit not in measured.findings
        ],
        "unfinished": finishing(measured, "RUN", _pathless) if measured.unfinished else None,
        "set_aside": [{"axis": aside.audit, "reason": aside.reason} for aside in measured.set_aside],
    }
    validate(document, card_schema(), "the card")
    model_card(document)  # what the table of an axis needs is there
    return document


def write_card(
    folder: Path | str, out: Path | str | None = None, *, name: str | None = None, licence: str | None = None
) -> tuple[Path, Path]:
    """Writes card.json and a Hugging Face model card README.md into out, the folder itself for None; their paths.

    licence: of the weights, as the Hub spells it, such as apache-2.0; None leaves the line to fill in.

    Raises ValueError for a folder without findings, FileExistsError where out is another run, or where a README.md is
    there that we did not write or that was changed since.
    """
    target = Path(folder if out is None else out)
    _refuse_another_run(Path(folder), target)
    document = card(folder, name=name, out=target)
    refuse_collection(target, "a folder for the card", "name another one with --out")
    readme = target / "README.md"
    if readme.exists() and was_edited(readme.read_text("utf-8", "replace")):
        raise FileExistsError(
            f"expected no README.md or one that holdfast card wrote, got {printable(readme)} with other text; "
            "choose another folder with --out, or move it away"
        )
    check_writable(target)
    with atomic_path(readme) as temporary:  # both or neither
        temporary.write_text(model_card(document, licence=licence), encoding="utf-8")
        return write_json(target / "card.json", document), readme


def _refuse_another_run(folder: Path, target: Path) -> None:
    own = {folder.resolve(), *([folder.resolve().parent] if folder.resolve().name == "findings" else [])}
    if target.resolve() not in own and (is_run_folder(target) or RunFolder(target).encoder.exists()):
        raise FileExistsError(
            f"expected a folder of its own for the card of {printable(folder)}, got another run, {printable(target)}; "
            "choose another folder with --out, or leave it out"
        )


def read_card(path: Path | str) -> dict[str, Any]:
    """The card in a file. Raises ValueError (expected, got, remedy) for another file, FileNotFoundError for no file."""
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f"expected a card.json, got no file at {printable(path)}; write one with: holdfast card RUN"
        )
    try:
        document = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise ValueError(
            f"expected JSON in {printable(path)}, got {error}; write it again with: holdfast card"
        ) from None
    found = document.get("schema") if isinstance(document, dict) else None
    if isinstance(found, int) and found != SCHEMA_VERSION:
        raise ValueError(
            f"expected card schema {SCHEMA_VERSION}, got {found} in {printable(path)}; use its own holdfast"
        )
    validate(document, card_schema(), printable(path))
    return document


def _ordered(measured: Measured) -> list[str]:
    """The audits in the order of the page, others after them."""
    known = [*AXES]
    return sorted(measured.findings, key=lambda name: (known.index(name) if name in known else len(known), name))


def _encoder(measured: Measured, home: Path) -> dict[str, Any]:
    path = RunFolder(measured.folder).encoder
    described = path.with_suffix(".json")
    own = read_json(described, "the description of an encoder") if described.exists() else {}
    source = own.get("encoder") or measured.setting("encoder") or measured.folder.name
    size = own.get("image_size", measured.setting("image_size"))
    return {
        "source": _shortened(str(source)),
        "checksum": own.get("checksum") or measured.setting("encoder_checksum"),
        "dim": own.get("dim") or measured.setting("dim"),
        "stem": own.get("stem"),
        "image_size": size,
        "mean": own.get("mean"),
        "std": own.get("std"),
        "file": _seen_from(home, path) if path.is_file() else None,
    }


def _seen_from(home: Path, path: Path) -> str:
    """A file as a folder's README names it: its plain name beside it, else the way from there."""
    try:
        return Path(os.path.relpath(path.resolve(), home.resolve())).as_posix()
    except ValueError:  # another drive
        return path.resolve().as_posix()


def _axis(name: str, finding: Finding) -> dict[str, Any]:
    scores = [score for score in finding.scores if math.isfinite(score.value)]
    settings = {key: value for key, value in finding.settings.items() if key not in _ELSEWHERE}
    return {
        "axis": name,
        "headlines": [score.name for score in shortlist(name, scores)],
        "scores": [_score(score) for score in scores],
        "settings": _without_paths(settings),
        "warnings": [printable(warning) for warning in finding.settings.get("warnings") or ()],
        "conclusions": [printable(said) for said in conclusions(finding)],
    }


def _score(score: Score) -> dict[str, Any]:
    interval = score.interval if score.interval and all(map(math.isfinite, score.interval)) else None
    return {
        "name": score.name,
        "label": score_label(score),
        "value": score.value,
        "unit": score.unit,
        "range": list(score.range),
        "better": score.better,
        "definition": score.definition,
        "interval": None if interval is None else list(interval),
        "interval_over": score.interval_over,
    }


def _command(axis: Axis, measured: Measured) -> str:
    """What measures the axis as the others were measured; RUN stands for the encoder, paths are as elsewhere here."""
    return command(axis, measured, "RUN", _pathless)


def _without_paths(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings whose sources are named by their last part: where they lie on one machine is nobody's business."""
    return {name: _pathless(name, value) for name, value in settings.items()}


def _pathless(name: str, value: Any) -> Any:
    if isinstance(value, Mapping):
        return _without_paths(value)
    if isinstance(value, list | tuple):
        return [_pathless(name, item) for item in value]
    return _shortened(value) if name in _PATHS and isinstance(value, str) else value


def _shortened(source: str) -> str:
    if source.startswith(_PUBLIC) and "@" not in source:
        return source
    head, at, file = source.partition("@")
    if at and head.startswith(_PUBLIC):
        return f"{head}@{PurePath(file).name}"
    named, end = share_and_end(source)
    words = named.split(" of ")  # 'a fifth of each class of PATH, held out'
    path = words[-1]
    return " of ".join([*words[:-1], PurePath(path).name or path]) + end
