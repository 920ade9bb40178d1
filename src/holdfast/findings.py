"""A finding is data: scores, per-sample columns and the settings needed to measure it again. No torch, no verdicts.

On disk a finding is `NAME.json` (scores and settings) and, where it has per-sample columns, `NAME.parquet` beside it.
"""

import difflib
import json
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

SCHEMA_VERSION = 1


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
            return write_json(folder / f"{self.audit}.json", document)

    @classmethod
    def load(cls, path: Path) -> "Finding":
        """The finding that `save` wrote at path (the JSON). Raises ValueError for another schema version."""
        document = json.loads(path.read_text())
        if document.get("schema") != SCHEMA_VERSION:
            raise ValueError(
                f"expected finding schema {SCHEMA_VERSION}, got {document.get('schema')!r} in {path}; "
                "audit the encoder again"
            )
        columns = {}
        if document["columns"]:
            table = pq.read_table(path.with_suffix(".parquet"))
            columns = {name: table[name].to_numpy() for name in table.column_names}
        scores = [
            Score(**{**s, "range": tuple(s["range"]), "interval": s["interval"] and tuple(s["interval"])})
            for s in document["scores"]
        ]
        return cls(
            audit=document["audit"],
            scores=scores,
            columns=columns,
            tables=document["tables"],
            settings={name: current(name, value) for name, value in document["settings"].items()},
        )
