"""What is known of each image, joined by id: what galleries sort by and what the map is coloured by."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from holdfast.atlas import Atlas
from holdfast.findings import Finding


@dataclass(frozen=True, eq=False)
class Field:
    """A number, or a word of a few, for each of n images."""

    key: str
    label: str
    values: np.ndarray
    """float64 [n], NaN where nothing is known; places in `names` where there are any."""
    names: Sequence[str] = ()
    on_map: bool = False
    digits: int = 3
    keep: Literal["all", "ends", ""] = ""
    """Images that stay when a page has too many: those with a value, those at either end, or no matter which."""


def joined_by_id(finding: Finding, column: str, ids: np.ndarray) -> np.ndarray:
    """A column's values for these ids [n], float64; NaN for ids that the finding does not have."""
    own = np.asarray(finding.columns["id"])
    order = np.argsort(own, kind="stable")
    rows = order[np.minimum(np.searchsorted(own[order], ids), len(own) - 1)]
    return np.where(own[rows] == ids, np.asarray(finding.columns[column], dtype=np.float64)[rows], np.nan)


def twins_of(atlas: Atlas) -> Field:
    """How many other images of the atlas look like each."""
    _, inverse, counts = np.unique(atlas.duplicates, return_inverse=True, return_counts=True)
    return Field("twins", "Near-duplicates here", counts[inverse].astype(float) - 1, digits=0)
