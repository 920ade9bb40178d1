"""Pictures that show what an inspection found: duplicates side by side, the smallest and the rarest."""

import base64
import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from holdfast.data.files import LoadRequest, picture
from holdfast.data.sources import relabelled, source_of
from holdfast.data.survey import Survey
from holdfast.inspection.frequencies import with_own_labels

SIDE, SHOWN, GROUPS = 112, 6, 4


def pictures(
    seen: Survey, document: dict[str, Any], *, other: Survey | None = None, labels: str | None
) -> list[dict[str, Any]]:
    """Rows of pictures, each with a title and, by picture, its name, a note and its pixels as a data URI."""
    rows = []
    found = document["duplicates"]
    for group in [*found["exact"]["largest"], *found["near"]["largest"]]:
        if len(rows) < GROUPS and not any(
            set(group["names"]) <= {one["name"] for one in row["pictures"]} for row in rows
        ):
            ids = _ids_of(seen, group["names"])
            rows.append({"title": f"{group['images']} that look alike", "pictures": _shown(seen, ids)})
    rows += _by_features(seen, other, document.get("by_features"))
    shorter = np.minimum(seen.width, seen.height)
    if shorter.min() < shorter.max():
        smallest = np.argsort(shorter, kind="stable")[:SHOWN]
        rows.append({"title": "The smallest", "pictures": _shown(seen, seen.ids[smallest])})
    return [*rows, *_rarest(seen, labels)]


def _by_features(seen: Survey, other: Survey | None, found: dict[str, Any] | None) -> list[dict[str, Any]]:
    """Pairs that are alike by features, side by side, the most alike first: within, and in the other source."""
    rows = []
    for kind, second, title in (("within", seen, "Alike by features"), ("against", other, "In the other source too")):
        pairs = [] if found is None or not found[kind] else found[kind]["first"][:SHOWN]
        if second is not None and found is not None and pairs:
            shown = [one for pair in pairs for one in _pair(seen, second, pair)]
            rows.append({"title": f"{title}, {found['encoder']}, in pairs", "pictures": shown})
    return rows


def _pair(seen: Survey, other: Survey, pair: dict[str, Any]) -> list[dict[str, str]]:
    both = [*_shown(seen, [pair["ids"][0]]), *_shown(other, [pair["ids"][1]])]
    return [{**one, "note": f"{one['note']}, cosine {pair['cosine']:.4f}"} for one in both]


def _rarest(seen: Survey, labels: str | None) -> list[dict[str, Any]]:
    try:
        images = relabelled(with_own_labels(seen), seen.source, labels=labels or _folders(seen), subgroups=())
    except ValueError:  # pictures beside the folders: these are no classes
        return []
    if images.labels is None or not len(images.labels):
        return []
    numbers = images.labels
    counts = np.bincount(numbers)
    rare = int(np.argmin(np.where(counts > 0, counts, counts.max() + 1)))
    name = images.classes[rare] if images.classes else str(rare)
    ids = seen.ids[np.flatnonzero(numbers == rare)[:SHOWN]]
    return [{"title": f"The rarest: {name}, {counts[rare]:,} in all", "pictures": _shown(seen, ids)}]


def _folders(seen: Survey) -> str | None:
    own, _ = source_of(seen.source).labels(LoadRequest())
    return "folder" if own is None and seen.paths is not None else None


def _ids_of(seen: Survey, names: Sequence[str]) -> np.ndarray:
    wanted = set(names)
    return np.array([number for number in seen.ids.tolist() if seen.names(number) in wanted])[:SHOWN]


def _shown(seen: Survey, ids: Iterable[int]) -> list[dict[str, str]]:
    order = np.sort(np.asarray(list(ids)))
    items = source_of(seen.source).survey(LoadRequest())
    found = {place: item for _, piece in items.pieces(order) for place, item in piece}
    sides = dict(zip(seen.ids.tolist(), zip(seen.width.tolist(), seen.height.tolist(), strict=True), strict=True))
    return [
        {"name": seen.names(place), "note": "{} × {}".format(*sides[place]), "uri": _uri(found[place], seen)}
        for place in order.tolist()
    ]


def _uri(item: Any, seen: Survey) -> str:
    """A thumbnail of a picture in a file, in bytes or in pixels [3, h, w], as training sees it, as a data URI."""
    encoded = item if isinstance(item, bytes | np.ndarray) else Path(item)
    pixels = encoded if isinstance(encoded, np.ndarray) else picture(encoded, None, ranges=seen.ranges)
    small = Image.fromarray(np.moveaxis(pixels, 0, -1))
    small.thumbnail((SIDE, SIDE))
    buffer = io.BytesIO()
    small.save(buffer, "jpeg", quality=85)
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}"
