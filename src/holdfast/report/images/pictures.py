"""The images of a page: one sheet of thumbnails for all encoders, and what each encoder makes of each image."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from holdfast.atlas import MOST_BYTES, NAMES, Atlas, paint
from holdfast.report.collect import Encoder, Measured
from holdfast.report.images.readers import PerImage, fields_of
from holdfast.report.images.sets import ImageSet, Pictures, View
from holdfast.runs import RunFolder

MOST_IMAGES = 10_000
"""Most images of a page with up to four encoders, half of them beyond: each encoder has numbers for each image."""
ENDS = 250
"""Images at either end of the memorization ratio that stay when a set is thinned."""


def gather(encoders: Sequence[Encoder], readers: Sequence[PerImage]) -> Pictures | None:
    """The pictures that the encoders' audits left; None where none left any. readers: what audits know of each image.

    Of several runs taken together the first one with an atlas is shown. Raises ValueError for a damaged atlas.
    """
    found = [(e, member, kind, atlas) for e in encoders for kind in NAMES for member, atlas in _first(e, kind)]
    if not found:
        return None
    firsts: dict[tuple[str, str], Atlas] = {}
    for _, _, kind, atlas in found:
        firsts.setdefault((kind, atlas.checksum), atlas)
    full = [ImageSet(kind, atlas, np.arange(len(atlas))) for (kind, _), atlas in firsts.items()]
    places = {key: number for number, key in enumerate(firsts)}
    views = [_view(e, m, places[kind, atlas.checksum], full, atlas, readers) for e, m, kind, atlas in found]
    sets = _thinned(full, views, MOST_IMAGES if len(encoders) <= 4 else MOST_IMAGES // 2)
    views = [_cut(view, full[view.number], sets[view.number]) for view in views]
    sheet, tile, across = _sheet(sets)
    return Pictures(sheet, tile, across, sets, views)


def _first(encoder: Encoder, kind: str) -> list[tuple[Measured, Atlas]]:
    """The first member that has an atlas of this kind, and the atlas; empty where none has."""
    for member in (member for member in encoder.members if member.pictures):
        findings = RunFolder(member.folder).findings
        atlas = Atlas.load(findings if findings.is_dir() else member.folder, kind)
        if atlas is not None and len(atlas):
            return [(member, atlas)]
    return []


def _view(
    encoder: Encoder,
    member: Measured,
    number: int,
    sets: Sequence[ImageSet],
    own: Atlas,
    readers: Sequence[PerImage],
) -> View:
    """Everything in the order of the set, which another encoder's atlas may have decided."""
    shared = sets[number].atlas
    rows = _places(own.ids, shared.ids)
    known = rows >= 0
    fields = [
        replace(field, values=np.where(known, field.values[rows], np.nan))
        for field in fields_of(sets[number].kind, own, member.findings, readers)
    ]
    return View(
        encoder=encoder,
        member=member,
        number=number,
        positions=np.where(known[:, None], own.positions[rows], np.float32(np.nan)),
        explained=own.explained,
        nearest=np.where(known[:, None], _places(shared.ids, own.nearest[rows]), -1),
        cosines=own.cosines[rows],
        fields=fields,
    )


def _places(ids: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Where wanted ids [...] stand in ids [n]; -1 for those that do not."""
    order = np.argsort(ids, kind="stable")
    places = order[np.minimum(np.searchsorted(ids[order], wanted), len(ids) - 1)]
    return np.where(ids[places] == wanted, places, -1)


def _thinned(sets: Sequence[ImageSet], views: Sequence[View], most: int) -> list[ImageSet]:
    """Sets with at most so many images together: first those that galleries are about, then the others evenly."""
    total = sum(len(one.rows) for one in sets)
    thin, first = [], 0
    for number, one in enumerate(sets):
        keep = len(one.rows) if total <= most else most * len(one.rows) // total
        rows = (
            one.rows if keep == len(one.rows) else _kept(len(one.rows), keep, [v for v in views if v.number == number])
        )
        thin.append(replace(one, rows=rows, first=first))
        first += len(rows)
    return thin


def _kept(count: int, keep: int, views: Sequence[View]) -> np.ndarray:
    wanted = np.zeros(count, dtype=bool)
    for known in (known for view in views for known in view.fields if known.keep):
        if known.keep == "all":
            wanted |= np.isfinite(known.values)
        else:
            order = np.argsort(known.values, kind="stable")
            wanted[np.concatenate([order[:ENDS], order[-ENDS:]])] = True
    first, others = np.flatnonzero(wanted)[:keep], np.flatnonzero(~wanted)
    even = np.linspace(0, len(others) - 1, min(len(others), keep - len(first))).round().astype(int)
    return np.sort(np.concatenate([first, others[even]]))


def _cut(view: View, before: ImageSet, after: ImageSet) -> View:
    """A view of the images that are left."""
    if len(before.rows) == len(after.rows):
        return view
    rows = after.rows
    new = np.full(len(before.rows) + 1, -1)  # the last place is for -1, which stays
    new[rows] = np.arange(len(rows))
    return replace(
        view,
        positions=view.positions[rows],
        nearest=new[view.nearest[rows]],
        cosines=view.cosines[rows],
        fields=[replace(field, values=field.values[rows]) for field in view.fields],
    )


def _sheet(sets: Sequence[ImageSet]) -> tuple[bytes, int, int]:
    """(JPEG, side of a thumbnail, thumbnails in a row): an audit's own sheet where it has just these images."""
    atlas = sets[0].atlas
    if len(sets) == 1 and len(sets[0].rows) == len(atlas) and len(atlas.sheet) <= MOST_BYTES:
        return atlas.sheet, atlas.tile, atlas.across
    tile = max(one.atlas.tile for one in sets)
    tiles = np.concatenate([_resized(one.atlas.tiles()[one.rows], tile) for one in sets])
    sheet, across = paint(tiles)
    return sheet, tile, across


def _resized(tiles: np.ndarray, side: int) -> np.ndarray:
    places = np.arange(side) * tiles.shape[1] // side
    return tiles if tiles.shape[1] == side else tiles[:, places][:, :, places]
