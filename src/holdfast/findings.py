"""A finding is data: scores, per-sample columns and the settings needed to measure it again. No torch, no verdicts.

On disk a finding is `NAME.json` (scores and settings) and, where it has per-sample columns, `NAME.parquet` beside it.
"""

import difflib
import json
import math
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from holdfast.display import html_table, rounded, score_figure
from holdfast.renamed import current
from holdfast.runs import atomic_path, write_json
from holdfast.system import DamagedError, digest, document_digest, read_json, reading

SCHEMA_VERSION = 1
_REMEDY = "restore it from a copy, or measure it again: holdfast audit"
_MEASURED = ("scores", "tables", "columns", "columns_digest")
"""What the digest of a finding is over: all that was measured; its settings have one of their own."""


@dataclass(frozen=True, kw_only=True)
class Score:
    """One number with what a reader needs to use it."""

    name: str
    """Identifier, lower_snake_case, unique in its finding."""
    value: float
    """In `unit`."""
    unit: str
    """'percent', 'cosine', 'nats', 'count' ..."""
    range: tuple[float | None, float | None]
    """Smallest and largest possible value; None where there is none."""
    better: Literal["higher", "lower", "neither"]
    definition: str
    """One sentence: what exactly was computed."""
    interval: tuple[float, float] | None = None
    """95 % interval in `unit`, or None where none was measured."""
    interval_over: str = ""
    """What the interval is over, such as 'test images (bootstrap, 1,000 draws)'."""

    def __repr__(self) -> str:
        return " ".join(filter(None, (self.name, rounded(self.value, self.unit), self.between, self.unit)))

    @property
    def between(self) -> str:
        """The interval as text, '' where there is none."""
        return "" if self.interval is None else "[{}, {}]".format(*(rounded(v, self.unit) for v in self.interval))


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What one audit measured on one encoder."""

    audit: str
    """The audit's name, a key of AUDITS."""
    scores: Sequence[Score]
    columns: Mapping[str, np.ndarray] = field(default_factory=dict)
    """Per-sample columns of equal length, by name; one of them is 'id'."""
    tables: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    """Small tables that are not per sample (per class, per epoch): rows as dictionaries of JSON values."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Protocol, seed, budget, checksums of split and encoder, hardware, seconds: all that measuring it again needs."""

    def __repr__(self) -> str:
        return f"Finding({self.audit}: {', '.join(map(repr, self.scores))}; {self._images} images)"

    def _repr_html_(self) -> str:
        rows = [(s.name, rounded(s.value, s.unit), s.between, s.unit, s.better, s.definition) for s in self.scores]
        heads = ("score", "value", "95 % interval", "unit", "better", "what it is")
        return html_table(f"{self.audit}, {self._images} images", rows, heads)

    @property
    def _images(self) -> int:
        return len(next(iter(self.columns.values()), ()))

    def to_pandas(self) -> Any:
        """The columns as a pandas DataFrame, a row an image. Raises ModuleNotFoundError where pandas is not there."""
        try:
            import pandas as pd
        except ModuleNotFoundError:
            raise ModuleNotFoundError("expected pandas, which is not installed; pip install pandas") from None
        return pd.DataFrame({name: list(values) for name, values in self.columns.items()})

    def plot(self) -> Any:
        """The scores with their intervals as a matplotlib figure, a panel for each unit."""
        return score_figure(self.audit, [(s.name, s.value, s.interval, s.unit) for s in self.scores])

    def __getitem__(self, name: str) -> Score:
        for score in self.scores:
            if score.name == name:
                return score
        names = [score.name for score in self.scores]
        close = difflib.get_close_matches(name, names, n=1)
        hint = f"did you mean {close[0]}? " if close else ""
        raise KeyError(f"finding {self.audit!r} has no score {name!r}; {hint}it has {names}")

    def save(self, folder: Path) -> Path:
        """Writes folder/AUDIT.json and, with columns, folder/AUDIT.parquet; returns the JSON's path."""
        folder.mkdir(parents=True, exist_ok=True)
        document = {
            "schema": SCHEMA_VERSION,
            "audit": self.audit,
            "scores": [asdict(score) for score in self.scores],
            "tables": {name: list(rows) for name, rows in self.tables.items()},
            "columns": list(self.columns),
            "settings": dict(self.settings),
        }
        with ExitStack() as both:  # either of the two that cannot be written leaves the finding that was there
            if self.columns:
                path = both.enter_context(atomic_path(folder / f"{self.audit}.parquet"))
                pq.write_table(pa.table({name: pa.array(values) for name, values in self.columns.items()}), path)
                document["columns_digest"] = digest(path)
            digests = {"digest": _digest(document), "settings_digest": _settings_digest(document)}
            return write_json(folder / f"{self.audit}.json", {**document, **digests})

    @classmethod
    def load(cls, path: Path) -> "Finding":
        """The finding that `save` wrote at path (the JSON).

        Raises ValueError, in one line with the path, for another schema version and for a file that does not hold what
        was written; findings of before digests are checked for their form alone.
        """
        document = read_json(path, "a finding", _REMEDY)
        if document.get("schema") != SCHEMA_VERSION:
            raise ValueError(
                f"expected finding schema {SCHEMA_VERSION}, got {document.get('schema')!r} in {path}; "
                "audit the encoder again"
            )
        with reading(path, "a finding", _REMEDY):
            _check_form(document, path)
            scores = [
                Score(**{**s, "range": tuple(s["range"]), "interval": s["interval"] and tuple(s["interval"])})
                for s in document["scores"]
            ]
        columns = _columns(path.with_suffix(".parquet"), document) if document["columns"] else {}
        return cls(
            audit=document["audit"],
            scores=scores,
            columns=columns,
            tables=document["tables"],
            settings={name: current(name, value) for name, value in document["settings"].items()},
        )


def _digest(document: Mapping[str, Any]) -> str:
    return document_digest({name: document[name] for name in _MEASURED if name in document})


def _settings_digest(document: Mapping[str, Any]) -> str:
    """Over the settings as they are read again: a name that is a number is text then."""
    return document_digest(json.loads(json.dumps(document["settings"])))


def _check_form(document: Mapping[str, Any], path: Path) -> None:
    """Raises DamagedError where a finding has not the form that `save` gives it, or other numbers than it had."""
    misfits = {
        f"the finding of {path.stem}": document["audit"] == path.stem,
        "a list of scores": isinstance(document["scores"], list) and all(map(_is_score, document["scores"])),
        "tables of rows": isinstance(document["tables"], dict) and all(map(_is_table, document["tables"].values())),
        "names of columns": isinstance(document["columns"], list) and all(map(_is_text, document["columns"])),
        "settings by name": isinstance(document["settings"], dict),
        "numbers as they were written": document.get("digest") in (None, _digest(document)),
        "settings as they were written": document.get("settings_digest") in (None, _settings_digest(document)),
    }
    for expected, fits in misfits.items():
        if not fits:
            raise DamagedError(f"expected {expected} in {path}, got other content; {_REMEDY}")


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_table(rows: object) -> bool:
    return isinstance(rows, list) and all(isinstance(row, dict) and row for row in rows)


def _is_bounds(value: object, *, open_ended: bool) -> bool:
    return (
        isinstance(value, list) and len(value) == 2 and all(_is_number(v) or (open_ended and v is None) for v in value)
    )


def _is_number(value: object) -> bool:
    return type(value) in (int, float) and math.isfinite(value)  # type: ignore[arg-type]


def _is_score(score: object) -> bool:
    if not isinstance(score, dict) or not set(score) <= set(Score.__dataclass_fields__):
        return False
    texts = all(_is_text(score[name]) for name in ("name", "unit", "definition")) and _is_text(
        score.get("interval_over", "")
    )
    bounds = _is_bounds(score["range"], open_ended=True)
    bounds = bounds and (score["interval"] is None or _is_bounds(score["interval"], open_ended=False))
    return texts and bounds and _is_number(score["value"]) and score["better"] in ("higher", "lower", "neither")


def _columns(path: Path, document: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """The columns of a finding from its parquet file. Raises DamagedError, or FileNotFoundError with the path."""
    with reading(path, "the columns of a finding", _REMEDY):
        if document.get("columns_digest") not in (None, digest(path)):
            raise DamagedError(
                f"expected {path} as it was written with {document['audit']}.json, got another; {_REMEDY}"
            )
        table = pq.read_table(path)
        if missing := sorted(set(document["columns"]) - set(table.column_names)):
            raise DamagedError(f"expected the column {missing[0]} in {path}, got none; {_REMEDY}")
        return {name: table[name].to_numpy() for name in table.column_names}
