"""How many images each class or group has, and how uneven that is."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from holdfast.data.files import LoadRequest
from holdfast.data.images import Bare
from holdfast.data.sources import relabelled, source_of
from holdfast.data.splits import class_groups
from holdfast.data.survey import Survey

_ROWS = 1000
FEW = 20
"""Images under which a class is rare in absolute terms, as in ImageNet-LT's groups."""


def frequencies(seen: Survey, *, labels: str | None, subgroups: Sequence[str]) -> list[dict[str, Any]]:
    """One entry for the classes, where there are labels, and one for each kind of group; images set aside not counted.

    A folder without labels gets an entry for its first folders, under which its pictures may or may not be classes.
    """
    images = relabelled(with_own_labels(seen), seen.source, labels=labels, subgroups=subgroups)
    entries = []
    if images.labels is not None:
        names = images.classes or tuple(map(str, range(int(images.labels.max()) + 1)))
        entries.append(_entry("classes", np.bincount(images.labels, minlength=len(names)), names))
    elif seen.paths is not None and labels is None:
        entries += _folders(seen)
    for name, column in images.subgroups.items():
        counts = np.bincount(np.asarray(column.numbers), minlength=len(column.names))
        entries.append(_entry(f"group {name}", counts, column.names))
    return entries


def with_own_labels(seen: Survey) -> Bare:
    """The images without pixels, with the labels that the source itself has."""
    bare = seen.bare()
    labels, classes = source_of(seen.source).labels(LoadRequest())
    return bare if labels is None else replace(bare, labels=labels.numpy()[seen.ids], classes=classes)


def _folders(seen: Survey) -> list[dict[str, Any]]:
    """The first folders, told apart from classes: a folder's name is a class only where the user says so."""
    try:
        images = relabelled(seen.bare(), seen.source, labels="folder", subgroups=())
    except ValueError:  # pictures beside the folders: these are no classes
        return []
    if images.labels is None or images.classes is None or len(images.classes) < 2:
        return []
    return [_entry("folders", np.bincount(images.labels, minlength=len(images.classes)), images.classes)]


def _entry(what: str, counts: np.ndarray, names: Sequence[str]) -> dict[str, Any]:
    present = counts[counts > 0]
    shares = present / present.sum()
    few = class_groups(present.tolist())["few"]
    order = np.argsort(-counts, kind="stable")
    return {
        "of": what,
        "count": len(present),
        "empty": int((counts == 0).sum()),
        "largest": int(present.max()),
        "smallest": int(present.min()),
        "imbalance": float(present.max() / present.min()),
        "effective": float(np.exp(-(shares * np.log(shares)).sum())),
        "rare_third_share": float(present[few].sum() / present.sum()) if few else None,
        "under_20": int((present < FEW).sum()),
        "rows": [{"name": str(names[place]), "images": int(counts[place])} for place in order[:_ROWS]],
    }
