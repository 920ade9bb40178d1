"""What the page's script reads of images: one JSON document, its columns as base64 of little-endian bytes."""

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from holdfast.report.images.fields import Field
from holdfast.report.images.gallery import Gallery
from holdfast.report.images.sets import TITLES, ImageSet, Pictures, View
from holdfast.report.wording import printable

_NOWHERE = 65535
"""Stands for a missing place or coordinate."""


def document(pictures: Pictures, found: Sequence[Gallery]) -> dict[str, Any]:
    """JSON values; see page's images.js for the reading."""
    return {
        "tile": pictures.tile,
        "across": pictures.across,
        "sets": [_set(one) for one in pictures.sets],
        "views": [_view(view) for view in pictures.views],
        "galleries": [_gallery(gallery, pictures) for gallery in found],
    }


def as_script(values: Mapping[str, Any]) -> str:
    """JSON that may stand in a <script> element: no '<', '>' or '&', and no line separator that is none in JSON."""
    text = json.dumps(values, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _packed(values: np.ndarray, kind: str) -> str:
    return base64.b64encode(np.ascontiguousarray(values).astype(kind).tobytes()).decode()


def _set(one: ImageSet) -> dict[str, Any]:
    atlas, rows = one.atlas, one.rows
    named = None if atlas.groups is None else atlas.groups[rows].tolist()
    groups = None if named is None else list(dict.fromkeys(named))
    return {
        "kind": one.kind,
        "title": TITLES[one.kind],
        "first": one.first,
        "count": len(rows),
        "ids": _packed(one.ids, "<f8"),
        "paths": None if atlas.paths is None else [printable(atlas.paths[row]) for row in rows],
        "classes": None if atlas.classes is None else [printable(name) for name in atlas.classes],
        "labels": None if atlas.labels is None else _packed(atlas.labels[rows], "<u2"),
        "groups": groups,
        "group": None if named is None or groups is None else _packed(np.array([*map(groups.index, named)]), "u1"),
    }


def _view(view: View) -> dict[str, Any]:
    return {
        "place": view.encoder.place,
        "encoder": view.encoder.name,
        "run": printable(view.member.folder.name) if len(view.encoder.members) > 1 else "",
        "set": view.number,
        "xy": _packed(_coordinates(view.positions), "<u2"),
        "explained": [round(share, 4) for share in view.explained],
        "near": view.nearest.shape[1],
        "nearest": _packed(np.where(view.nearest < 0, _NOWHERE, view.nearest), "<u2"),
        "cosines": _packed(np.round(100 * view.cosines), "i1"),
        "fields": [_field(field) for field in view.fields if np.isfinite(field.values).any()],
    }


def _coordinates(positions: np.ndarray) -> np.ndarray:
    """Both axes to one scale, 0 to 65,000, in the middle of the square; the value for nowhere where there is none."""
    known = np.isfinite(positions[:, 0])
    low, high = positions[known].min(0), positions[known].max(0)
    span = float(max((high - low).max(), 1e-12))
    placed = 65_000 * (0.5 + (positions - (low + high) / 2) / span)
    return np.where(known[:, None], np.nan_to_num(placed), _NOWHERE).round()


def _field(field: Field) -> dict[str, Any]:
    """Words as places in 'names' (the largest value: unknown), dense numbers as floats, sparse ones as places and
    floats."""
    known = np.isfinite(field.values)
    plain = {"key": field.key, "label": field.label, "map": field.on_map, "digits": field.digits}
    if field.names:
        wide = len(field.names) > 255
        values = np.where(known, np.nan_to_num(field.values), _NOWHERE if wide else 255)
        return plain | {"names": list(field.names), "wide": wide, "values": _packed(values, "<u2" if wide else "u1")}
    if known.sum() < len(known) / 2:
        return plain | {"at": _packed(np.flatnonzero(known), "<u2"), "values": _packed(field.values[known], "<f4")}
    return plain | {"values": _packed(field.values, "<f4")}


def _gallery(gallery: Gallery, pictures: Pictures) -> dict[str, Any]:
    classes = pictures.sets[pictures.views[gallery.view].number].atlas.classes or ()
    return {
        "key": gallery.key,
        "title": gallery.title,
        "text": gallery.text,
        "view": gallery.view,
        "rows": _packed(gallery.rows, "<u2"),
        "sort": gallery.sort,
        "descending": gallery.descending,
        "caption": gallery.caption,
        "strip": gallery.strip,
        "extras": [_extra(extra, classes) for extra in gallery.extras],
    }


def _extra(extra: Mapping[str, Any], classes: Sequence[str]) -> dict[str, Any]:
    """Further pictures of an image; 'predicted' is the class that it is taken for, '' where nothing is predicted."""
    place = extra.get("predicted")
    name = "" if place is None else printable(classes[place]) if place < len(classes) else f"class {place}"
    return {"pictures": extra["pictures"], "caption": extra["caption"], "predicted": name}
