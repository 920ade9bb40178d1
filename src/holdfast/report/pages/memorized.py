"""A gallery of the most memorised images beside what to know of each: one self-contained HTML page."""

import base64
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from holdfast.findings import Finding
from holdfast.report.axes import trustworthy
from holdfast.report.listed import conclusions
from holdfast.report.page import fill
from holdfast.report.wording import printable
from holdfast.runs import atomic_path

SHOWN = 48
"""Images at either end of the ranking."""
Pixels = Callable[[Sequence[int]], np.ndarray]
"""ids [m] -> uint8 [m, h, w, 3]."""


@dataclass(frozen=True)
class Tile:
    """An image, its nearest neighbour and what is known of it."""

    image: str
    nearest: str
    title: str
    facts: Sequence[tuple[str, str]]
    hints: Sequence[str]


def gallery(finding: Finding, pixels: Pixels, path: Path, *, shown_images: int = SHOWN) -> Path:
    """Writes the candidates that were memorised most and least, by mean ratio over pairs; returns the page's path.

    finding: a memorization audit. pixels: gives images by id. Where the ranking is not trustworthy the page says so
    first.
    """
    candidates = np.flatnonzero(finding.columns["part"] == "candidate")
    order = candidates[np.argsort(-finding.columns["ratio"][candidates], kind="stable")]
    page = fill(
        "pages/gallery.html.j2",
        title=printable(finding.settings["name"]),
        sentences=conclusions(finding),
        trustworthy=trustworthy(finding),
        sections=[
            ("Memorised most", _tiles(finding, order[:shown_images], pixels)),
            ("Memorised least", _tiles(finding, order[::-1][:shown_images], pixels)),
        ],
        candidates=len(candidates),
    )
    with atomic_path(path) as temporary:
        temporary.write_text(page, encoding="utf-8")
    return path


def _tiles(finding: Finding, rows: np.ndarray, pixels: Pixels) -> list[Tile]:
    columns = finding.columns
    own = pixels([int(columns["id"][row]) for row in rows])
    nearest = pixels([int(columns["nearest_id"][row]) for row in rows])
    names = {row["index"]: str(row["class"]) for row in finding.tables["per_class"]}
    return [
        Tile(_inline(a), _inline(b), f"id {columns['id'][row]}", _facts(columns, row, names), _hints(columns, row))
        for row, a, b in zip(rows, own, nearest, strict=True)
    ]


def _inline(pixels: np.ndarray) -> str:
    """An image [h, w, 3] uint8 as a data URI."""
    from matplotlib.image import imsave

    buffer = io.BytesIO()
    imsave(buffer, np.ascontiguousarray(pixels), format="png")
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def _facts(columns: Any, row: int, names: dict[int, str]) -> list[tuple[str, str]]:
    error = f" ± {columns['se_pairs'][row]:.3f}" if "se_pairs" in columns else ""
    facts = [("ratio", f"{columns['ratio'][row]:.3f}"), ("difference", f"{columns['difference'][row]:.3f}{error}")]
    if "q" in columns:
        facts.append(("q", f"{columns['q'][row]:.2g}"))
    facts.append(("near-duplicates", str(int(columns["duplicates"][row]) - 1)))
    if "label" in columns:
        label = int(columns["label"][row])
        facts += [
            ("class", printable(names.get(label, str(label)))),
            ("images of the class", f"{int(columns['class_count'][row]):,}"),
            ("neighbours of other classes", f"{100 * columns['label_disagreement'][row]:.0f} %"),
        ]
    return [*facts, ("nearest", f"id {columns['nearest_id'][row]}, cosine {columns['nearest_cosine'][row]:.2f}")]


def _hints(columns: Any, row: int) -> list[str]:
    """What the pattern suggests; each is a place to look, not a verdict."""
    hints = []
    if columns["duplicates"][row] > 1:
        hints.append("near-duplicates: remove them and measure again, twins hide memorization")
    if "label_disagreement" in columns and columns["label_disagreement"][row] >= 0.9:
        hints.append("its neighbours have other labels: mislabelled or atypical")
    if columns["knn_density"][row] <= np.quantile(columns["knn_density"], 0.1):
        hints.append("few like it: keep where valid; train privately where sensitive")
    if max(columns["loss_f"][row], columns["loss_g"][row]) <= 0.05 * np.median(columns["loss_g"]):
        hints.append("all views alike: blank or corrupt?")
    return hints
