"""How objects show themselves where somebody looks at them: a line of text, a table in a notebook. No torch."""

import base64
import html
import io
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from PIL import Image

LARGEST = 96
"""Side in pixels of a picture that a finding keeps, at most."""


def html_table(title: str, rows: Iterable[Sequence[object]], heads: Sequence[str] = ()) -> str:
    """A table for a notebook: its title, a row of heads where there are any, and the rows; all text is escaped."""
    first = f"<thead><tr>{_cells(heads, 'th')}</tr></thead>" if heads else ""
    body = "".join(f"<tr>{_cells(row, 'td')}</tr>" for row in rows)
    caption = f"<caption style='text-align:left;font-weight:600'>{html.escape(title)}</caption>"
    return f"<table>{caption}{first}<tbody>{body}</tbody></table>"


def _cells(values: Sequence[object], tag: str) -> str:
    return "".join(f"<{tag} style='text-align:left'>{html.escape(str(value))}</{tag}>" for value in values)


def png(pixels: np.ndarray) -> str:
    """Pixels uint8 [3, h, w] as a PNG in base64, LARGEST pixels a side at most."""
    picture = Image.fromarray(np.moveaxis(pixels, 0, -1))
    if max(picture.size) > LARGEST:
        picture.thumbnail((LARGEST, LARGEST), Image.Resampling.BOX)
    buffer = io.BytesIO()
    picture.save(buffer, "png", optimize=True)
    return base64.b64encode(buffer.getvalue()).decode()


def rounded(value: float, unit: str) -> str:
    """A score with the digits that its unit deserves."""
    return f"{value:.1f}" if unit in ("percent", "count") else f"{value:.3f}"


def score_figure(title: str, scores: Sequence[tuple[str, float, tuple[float, float] | None, str]]) -> Any:
    """A matplotlib figure of (name, value, interval, unit): a panel for each unit, since units share no axis."""
    from matplotlib.figure import Figure

    units = list(dict.fromkeys(unit for *_, unit in scores))
    counts = [sum(unit == own for *_, unit in scores) for own in units]
    figure = Figure(figsize=(7, 0.8 + 0.35 * len(scores) + 0.5 * len(units)), layout="constrained")
    panels = figure.subplots(len(units), squeeze=False, height_ratios=counts)[:, 0]
    for panel, unit in zip(panels, units, strict=True):
        own = [row for row in reversed(scores) if row[3] == unit]
        for place, (_, value, interval, _) in enumerate(own):
            panel.plot(interval or (value, value), (place, place), color="C0", linewidth=2)
            panel.plot([value], [place], "o", color="C0")
        panel.set_yticks(range(len(own)), [name for name, *_ in own])
        panel.set_ylim(-0.6, len(own) - 0.4)
        panel.set_xlabel(unit)
    figure.suptitle(title)
    return figure
