"""Images that are there twice: copies by their bytes, near-duplicates by what they look like; and in two sources."""

from typing import Any

import numpy as np

from holdfast.data.duplicates import EXACT, near_groups
from holdfast.data.survey import Survey

_NAMED, _MEMBERS = 20, 6


def duplicates(seen: Survey) -> dict[str, Any]:
    """Groups of copies and of near-duplicates, how many images more than one of each, and the largest groups.

    Plain surfaces, which all look alike, are left out of the near-duplicates, as are all copies of an image but one.
    """
    _, firsts, copies = np.unique(seen.content, return_index=True, return_inverse=True)
    once = np.sort(firsts)
    textured = once[~seen.flat[once]]
    near = near_groups(seen.hashes[textured], seen.thumbnails[textured])
    return {
        "exact": _described(seen, copies, np.arange(len(seen))),
        "near": _described(seen, near, textured),
        "every_pair": len(textured) <= EXACT,
    }


def _described(seen: Survey, groups: np.ndarray, places: np.ndarray) -> dict[str, Any]:
    values, counts = np.unique(groups, return_counts=True)
    several = values[counts > 1]
    largest = several[np.argsort(-counts[counts > 1], kind="stable")][:_NAMED]
    order = np.argsort(groups, kind="stable")
    ordered = groups[order]
    first = []
    for group in largest:
        members = order[np.searchsorted(ordered, group) : np.searchsorted(ordered, group, side="right")]
        names = [seen.names(int(seen.ids[places[place]])) for place in np.sort(members)[:_MEMBERS]]
        first.append({"images": len(members), "names": names})
    extra = int((counts - 1).sum())
    return {"groups": len(several), "extra_images": extra, "largest": first}


def overlap(seen: Survey, other: Survey) -> dict[str, Any]:
    """Images of a source that are in another one too: copies, and all that look alike (copies among them)."""
    copies = np.isin(seen.content, other.content)
    mine, theirs = np.flatnonzero(~seen.flat), np.flatnonzero(~other.flat)
    hashes = np.concatenate([seen.hashes[mine], other.hashes[theirs]])
    thumbnails = _same_side(seen.thumbnails[mine], other.thumbnails[theirs])
    groups = near_groups(hashes, thumbnails)
    of_theirs = groups[len(mine) :]
    alike = copies.copy()
    alike[mine[np.isin(groups[: len(mine)], of_theirs)]] = True
    return {
        "other_images": len(other),
        "exact": int(copies.sum()),
        "near": int(alike.sum()),
        "first": [_pair(seen, other, place, groups, mine, theirs) for place in np.flatnonzero(alike)[:_NAMED].tolist()],
    }


def _same_side(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    side = min(a.shape[-1], b.shape[-1])
    return np.concatenate([_shrunk(a, side), _shrunk(b, side)])


def _shrunk(thumbnails: np.ndarray, side: int) -> np.ndarray:
    step = thumbnails.shape[-1] // side
    return thumbnails[:, :, ::step, ::step] if step > 1 else thumbnails


def _pair(
    seen: Survey, other: Survey, place: int, groups: np.ndarray, mine: np.ndarray, theirs: np.ndarray
) -> dict[str, str]:
    alike = np.flatnonzero(other.content == seen.content[place])
    if not len(alike):
        group = groups[np.searchsorted(mine, place)]
        alike = theirs[np.flatnonzero(groups[len(mine) :] == group)]
    return {"image": seen.names(int(seen.ids[place])), "other": other.names(int(other.ids[alike[0]]))}
