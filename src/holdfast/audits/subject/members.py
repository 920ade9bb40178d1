"""Members and non-members of an encoder's training images, made comparable: what is in both is dropped."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from holdfast.data import Images, duplicate_groups
from holdfast.data.images import class_names
from holdfast.data.stored import stored_facts

MOST_MEMBERS = 5000
"""Images of each of two named sources, at most, drawn by the seed."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Members:
    """Two sets of images in one: what an encoder was trained on, and what it was not, as somebody says."""

    images: Images
    """[n], members first, each set ascending by id; ids of non-members come after the members'."""
    member: np.ndarray
    """[n] bool."""
    groups: np.ndarray
    """[n] int64 groups of near-duplicates, none with both."""
    stored: np.ndarray | None
    """[n, k] float64, what the files say of themselves; None where there are none."""
    classes: tuple[str, ...] | None
    """[n] name of each image's class; None where one of the sets has no labels."""
    facts: Mapping[str, Any]
    """What findings record: sources, images given and dropped, checksums."""

    @property
    def fewest(self) -> int:
        """Images of the smaller set."""
        return int(min(self.member.sum(), (~self.member).sum()))


def compared(members: Images, others: Images, *, named: bool = False) -> Members:
    """Members and non-members without the groups of near-duplicates that have both.

    named: whether both were loaded from their sources, whose files can be asked. Raises ValueError for images of two
    sizes, which a resize would tell apart.
    """
    sides = [tuple(images.pixels.shape[2:]) for images in (members, others)]
    if sides[0] != sides[1]:
        raise ValueError(
            f"expected members and non-members of one size, got {sides[0][1]} × {sides[0][0]} and {sides[1][1]} × "
            f"{sides[1][0]} pixels; load both with the same size"
        )
    labelled = [images.subset(images.ids.argsort()).loaded().to("cpu") for images in (members, others)]
    sets = [images.unlabelled for images in labelled]
    member = np.arange(len(members) + len(others)) < len(members)
    pixels = torch.cat([images.pixels for images in sets])
    groups = duplicate_groups(pixels).numpy()
    both = np.isin(groups, np.intersect1d(groups[member], groups[~member]))
    first = int(sets[0].ids.max()) + 1 if len(sets[0]) else 0
    kept = torch.from_numpy(np.flatnonzero(~both))
    ids = torch.cat([sets[0].ids, sets[1].ids + first])
    whole = Images(pixels=pixels, ids=ids, source=f"{members.source} and {others.source}").subset(kept)
    stored = np.concatenate([stored_facts(one.source, one.ids, one.rejected) for one in sets])[~both] if named else None
    return Members(
        images=whole,
        member=member[~both],
        groups=groups[~both],
        stored=stored,
        classes=_classes(labelled, kept),
        facts=_facts(sets, member, both),
    )


def _classes(sets: list[Images], kept: Tensor) -> tuple[str, ...] | None:
    if any(images.labels is None for images in sets):
        return None
    names = [class_names(images)[label] for images in sets for label in images.known_labels().tolist()]
    return tuple(names[place] for place in kept.tolist())


def _facts(sets: list[Images], member: np.ndarray, both: np.ndarray) -> dict[str, Any]:
    return {
        "members": sets[0].source,
        "non_members": sets[1].source,
        "members_checksum": sets[0].checksum,
        "non_members_checksum": sets[1].checksum,
        "member_images": int((member & ~both).sum()),
        "non_member_images": int((~member & ~both).sum()),
        "dropped_members": int((member & both).sum()),
        "dropped_non_members": int((~member & both).sum()),
        "members_image_size": sets[0].pixels.shape[-1],
    }
