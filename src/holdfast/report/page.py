"""One self-contained HTML file: opens from disk, asks no network for anything, escapes everything it was given."""

import base64
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from holdfast.findings import Score
from holdfast.report import plots, tables
from holdfast.report.classes import class_table, per_class
from holdfast.report.collect import Encoder, collect
from holdfast.report.differences import estimate
from holdfast.report.layers import layer_plots
from holdfast.report.limits import LIMITS
from holdfast.report.roc import roc_plots
from holdfast.report.steadiness import steadiness_plots
from holdfast.report.summary import cautions, facts, headlines, sentences, title
from holdfast.report.wording import direction, label, shown, unit_suffix
from holdfast.runs import atomic_path


@dataclass(frozen=True)
class CardLine:
    """An encoder's number in a card, and where its interval lies on the card's scale, in percent of its width."""

    name: str
    place: int
    cell: tables.Cell
    at: float
    left: float
    width: float


@dataclass(frozen=True)
class Card:
    """One headline number for every encoder on one scale."""

    title: str
    unit: str
    direction: str
    definition: str
    low: str
    high: str
    lines: Sequence[CardLine]


def report(folders: Iterable[Path | str], path: Path | str) -> Path:
    """Writes one HTML page about one to eight encoders from their run folders or audit folders; returns its path.

    Runs that differ only in seed and split are shown as one encoder. The file is written whole or not at all.
    Raises ValueError for folders without findings, for the same folder twice and for more than eight encoders.
    """
    target = Path(path)
    target = target / "report.html" if target.is_dir() else target
    page = render(collect(folders), written=datetime.now(UTC))
    target.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(target) as temporary:
        temporary.write_text(page, encoding="utf-8")
    return target


def render(encoders: Sequence[Encoder], *, written: datetime) -> str:
    """The page as text."""
    script, style = (files("holdfast.report").joinpath(name).read_text("utf-8") for name in ("page.js", "page.css"))
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    environment = Environment(
        loader=PackageLoader("holdfast.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["shown"] = shown
    return environment.get_template("page.html.j2").render(
        script=Markup(script),
        style=Markup(style),
        policy=f"default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src 'sha256-{digest}'; "
        "base-uri 'none'; form-action 'none'",
        title=title(encoders),
        written=written.strftime("%-d %B %Y, %H:%M UTC"),
        encoders=[(e.name, e.place, tables.encoder_note(e)) for e in encoders],
        sentences=sentences(encoders),
        cautions=cautions(encoders),
        facts=facts(encoders),
        cards=[card(encoders, audit, score) for audit, score in headlines(encoders)],
        **_parts(encoders),
    )


def _parts(encoders: Sequence[Encoder]) -> dict[str, Any]:
    """Tables, plots and definitions."""
    found = tables.sections(encoders)
    per = per_class(encoders)
    groups = [
        plots.group_bars(encoders, "", "Full-shot probe"),
        plots.group_bars(encoders, "few_shot_", "Few-shot probe"),
    ]
    differences = tables.differences(encoders)
    return {
        "score_tables": [tables.score_table(encoders, section, scores) for section, scores in found],
        "difference_table": tables.difference_table(differences, encoders[0]) if differences else None,
        "group_plots": [_markup(plot) for plot in groups if plot],
        "class_plot": _markup(plots.class_bars(per, encoders)) if per else None,
        "class_table": class_table(per, encoders) if per else None,
        "curves": [_markup(plot) for plot in plots.curves(encoders)],
        "rocs": [_markup(plot) for plot in roc_plots(encoders)],
        "steadiness": [_markup(plot) for plot in steadiness_plots(encoders)],
        "layers": [_markup(plot) for plot in layer_plots(encoders)],
        "settings_table": tables.settings_table(encoders) if any(e.run for e in encoders) else None,
        "cost_table": tables.cost_table(encoders),
        "provenance_table": tables.provenance_table(encoders),
        "definitions": [(section.title, [_definition(s) for s in scores]) for section, scores in found],
        "limits": [(label(name), limit.reason) for (_, name), limit in LIMITS.items()],
    }


def _markup(plot: plots.Plot) -> dict[str, Any]:
    """The SVG is matplotlib's own output, in which all text is escaped."""
    return {"name": plot.name, "alt": plot.alt, "svg": Markup(plot.svg)}


def _definition(score: Score) -> dict[str, str]:
    low, high = ("" if bound is None else f"{bound:g}" for bound in score.range)
    bounds = (
        f"from {low} to {high}" if low and high else f"at least {low}" if low else f"at most {high}" if high else ""
    )
    about = [f"in {shown(score.unit)}" if score.unit else "", bounds, direction(score)]
    return {"name": label(score.name), "text": score.definition, "about": ", ".join(filter(None, about))}


def card(encoders: Sequence[Encoder], audit: str, score: Score) -> Card:
    """A headline score on a scale from its lowest to its highest possible or measured value."""
    estimates = [(e, estimate(e, audit, score)) for e in encoders]
    tops = [max(v.value, v.high or v.value) for _, v in estimates if v is not None]
    low = score.range[0] or 0.0
    high = 100.0 if score.unit == "percent" and score.name != "std" else _round_up(max(tops))
    lines = []
    for encoder, value in estimates:
        if value is None:
            continue
        ends = (value.value if value.low is None else value.low, value.value if value.high is None else value.high)
        at, left, right = (min(100.0, max(0.0, 100 * (x - low) / (high - low))) for x in (value.value, *ends))
        cell = tables.estimate_cell(value, score.unit)
        lines.append(CardLine(encoder.name, encoder.place, cell, round(at, 2), round(left, 2), round(right - left, 2)))
    unit = unit_suffix(score.unit).strip()
    return Card(label(score.name), unit, direction(score), score.definition, f"{low:g}", f"{high:g}", lines)


def _round_up(value: float) -> float:
    """The next of 1, 2, 5, 10, 20, 50 ... that holds the value."""
    steps = [digit * 10.0**power for power in range(-3, 9) for digit in (1, 2, 5)]
    return next((step for step in steps if step >= value), value)
