"""One self-contained HTML file: opens from disk, asks no network for anything, escapes everything it was given."""

import base64
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from markupsafe import Markup

from holdfast.report.axes import Key, Limit
from holdfast.report.cells import encoder_note
from holdfast.report.collect import Encoder
from holdfast.report.commands import unfinished
from holdfast.report.comparison import (
    CAPTION,
    apart_sentences,
    apart_summary,
    cautions,
    facts,
    sentences,
    shortlisted,
    title,
    trade_off_plots,
)
from holdfast.report.damaged import aside_lines, without_damage
from holdfast.report.gathered import gathered
from holdfast.report.images import TITLES, Gallery, Pictures, as_script, document, galleries, gather
from holdfast.report.limits import LIMITS, load_limits
from holdfast.report.listed import READERS, leading
from holdfast.report.page.cards import Card, cards
from holdfast.report.page.sections import drawn, parts
from holdfast.report.page.templates import fill
from holdfast.report.page.verdict import shown_first, terms_on, verdict_sentences
from holdfast.report.plots import curve_plots
from holdfast.report.tables import (
    cost_table,
    difference_table,
    differences,
    load_table,
    provenance_table,
    settings_table,
)
from holdfast.report.wording import joined
from holdfast.runs import atomic_path
from holdfast.system import check_writable, refuse_collection

TILES = 16
"""Images of a gallery before more are asked for."""
_INCOMPARABLE = ("Not comparable", "Measured differently")
_TERMS = "<!-- terms -->"
_CURVES = (
    "Lines: mean over runs. Bands: from the smallest to the largest run. Signals are measured on the images that a run "
    "held out; without any, on images outside its long tail, else on training images."
)


def report(
    folders: Iterable[Path | str],
    path: Path | str,
    *,
    limits: Path | str | None = None,
    images: bool = True,
    said: Callable[[str], None] = lambda line: None,
) -> Path:
    """Writes one HTML page about one to eight encoders from their run folders or audit folders; returns its path.

    Runs that differ only in seed and split are shown as one encoder. The file is written whole or not at all.
    limits: a JSON file of limits in place of the package's; see load_limits. images: whether to show those that the
    audits left. said: told of each finding or file that is set aside, which the page names too. Raises ValueError for
    folders without findings, for the same folder twice, for more than eight
    encoders and for limits that are none.
    """
    target = Path(path)
    if target.is_dir():
        remedy = f"name a page, as in --out {target.name}.html"
        refuse_collection(target, "a page or a folder of your own for it", remedy)
        target = target / "report.html"
    chosen = LIMITS if limits is None else load_limits(Path(limits))
    encoders, now = gathered(folders), datetime.now(UTC)
    check_writable(target.parent)
    page, encoders = without_damage(encoders, lambda some: render(some, written=now, limits=chosen, images=images))
    for line in (*aside_lines(encoders), *unfinished(encoders)):
        said(line)
    with atomic_path(target) as temporary:
        temporary.write_text(page, encoding="utf-8")
    return target


def render(
    encoders: Sequence[Encoder], *, written: datetime, limits: Mapping[Key, Limit] = LIMITS, images: bool = True
) -> str:
    """The page as text."""
    found, shown = cards(encoders, limits), _pictures(encoders) if images else None
    page = _filled(encoders, limits, found, shown, written)
    return page.replace(_TERMS, fill_terms(terms_on(page)), 1)


def _filled(
    encoders: Sequence[Encoder],
    limits: Mapping[Key, Limit],
    found: Sequence[Card],
    shown: dict[str, Any] | None,
    written: datetime,
) -> str:
    said = cautions(encoders)
    return fill(
        "page/page.html.j2",
        styles=("page/page.css", "images/images.css"),
        scripts=("page/page.js", "images/map.js", "images/images.js"),
        title=title(encoders),
        written=written.strftime("%-d %B %Y, %H:%M UTC"),
        encoders=[(e.name, e.place, encoder_note(e)) for e in encoders],
        tempered=any("t = " in encoder_note(e) for e in encoders),
        sentences=sentences(encoders),
        verdict=verdict_sentences(found),
        evidence=[] if shown is None else shown_first(shown["drawn"], shown["found"], found),
        apart_first=[one for one in said if one.startswith(_INCOMPARABLE)],
        cautions=[one for one in said if not one.startswith(_INCOMPARABLE)],
        terms_here=Markup(_TERMS),
        facts=facts(encoders),
        cards=[card for card in found if card.lines],
        unmeasured=[card for card in found if not card.lines],
        unfinished=unfinished(encoders),
        parts=parts(encoders, limits, found),
        pictures=shown,
        **_tables(encoders),
    )


def fill_terms(terms: Sequence[tuple[str, str]]) -> str:
    """The definitions of the terms that the page has."""
    rows = [Markup("<div><dt>{}</dt><dd>{}</dd></div>").format(term, meaning) for term, meaning in terms]
    return str(Markup('<dl class="definitions">{}</dl>').format(Markup("").join(rows)))


def _tables(encoders: Sequence[Encoder]) -> dict[str, Any]:
    """What belongs to no axis."""
    return {
        **_differences(encoders),
        "curves": drawn(curve_plots(encoders), _CURVES),
        **_settings(encoders),
        "cost_table": cost_table(encoders),
        "load_table": load_table(encoders),
        "provenance_table": provenance_table(encoders),
    }


def _settings(encoders: Sequence[Encoder]) -> dict[str, Any]:
    """The settings that differ, and behind a fold those that are the same."""
    if not any(e.run for e in encoders):
        return {"settings_table": None, "same_settings": None}
    table = settings_table(encoders)
    differing = [row for row in table.rows if row[0].mark]
    same = [row for row in table.rows if not row[0].mark]
    return {
        "settings_table": replace(table, caption="Run settings that differ", rows=differing) if differing else None,
        "same_settings": replace(table, name="settings-same", caption="Run settings", rows=same, notes=[]),
    }


def _differences(encoders: Sequence[Encoder]) -> dict[str, Any]:
    """Statements, the differences that stand for an axis, and behind a fold all others."""
    found, chosen = differences(encoders), set(shortlisted(encoders))
    few = [d for d in found if (d.audit, d.score.name) in chosen]
    others = [d for d in found if (d.audit, d.score.name) not in chosen]
    made = [difference_table(part, encoders[0]) if part else None for part in (few, others)]
    return {
        "trade_offs": drawn(trade_off_plots(encoders), CAPTION),
        "apart": apart_sentences(encoders) if found else [],
        "apart_short": apart_summary(encoders) if found else "",
        "difference_table": made[0],
        "other_differences": None if made[1] is None else replace(made[1], name="differences-more"),
    }


def _pictures(encoders: Sequence[Encoder]) -> dict[str, Any] | None:
    """The sheet, the script's data and the galleries' places; None where no audit left images."""
    pictures = gather(encoders, READERS)
    if pictures is None:
        return None
    found = galleries(pictures, READERS)
    seen = {view.encoder.place for view in pictures.views}
    first = _shown_first(pictures, found)
    return {
        "drawn": pictures,
        "found": found,
        "first": first,
        "sheet": base64.b64encode(pictures.sheet).decode(),
        "data": Markup(as_script(document(pictures, found))),
        "encoders": [(e.name, e.place) for e in encoders if e.place in seen],
        "unseen": joined([e.name for e in encoders if e.place not in seen]),
        "titles": [TITLES[one.kind] for one in pictures.sets],
        "galleries": [_place_of(gallery, leading()) for gallery in _once(pictures, found, first)],
    }


def _shown_first(pictures: Pictures, found: Sequence[Gallery]) -> int:
    """The place of the encoder with the most galleries, the first one among equals."""
    counts = {view.encoder.place: 0 for view in pictures.views}
    for gallery in found:
        counts[pictures.views[gallery.view].encoder.place] += 1
    return max(sorted(counts), key=lambda place: counts[place])


def _once(pictures: Pictures, found: Sequence[Gallery], first: int) -> list[Gallery]:
    """One gallery of every key: that of the encoder shown first where it has one."""
    ours = {g.key: g for g in reversed(found)} | {
        g.key: g for g in found if pictures.views[g.view].encoder.place == first
    }
    return [ours[key] for key in dict.fromkeys(gallery.key for gallery in found)]


def _place_of(gallery: Gallery, leading: Collection[str]) -> dict[str, Any]:
    """What stands on the page before the script fills it, of the size that it will have."""
    return {
        "key": gallery.key,
        "title": gallery.title,
        "text": gallery.text,
        "strip": gallery.strip,
        "open": gallery.key in leading,
        "extras": bool(gallery.extras),
        "placeholders": range(min(TILES, len(gallery.rows))),
    }
