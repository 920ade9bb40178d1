"""Folds of members and non-members alike, near-duplicates together."""

import numpy as np

from holdfast.statistics import Stream


def folds_of_groups(groups: np.ndarray, member: np.ndarray, folds: int, *, seed: int, purpose: str) -> np.ndarray:
    """The fold [n] (0..folds-1) of each image: members and others are dealt out apart, whole groups at a time.

    groups [n] int64, none of which has members and others; member [n] bool. Groups go in an order that seed and purpose
    decide, each to the fold that has the fewest images of its kind so far, so that folds are equally large and have
    equal shares of members.
    """
    found = np.empty(len(groups), np.int64)
    for kind in (True, False):
        places = np.flatnonzero(member == kind)
        _, group = np.unique(groups[places], return_inverse=True)
        sizes, fold_of = np.bincount(group), np.empty(int(group.max(initial=-1)) + 1, np.int64)
        filled = np.zeros(folds, np.int64)
        for one in Stream(seed, f"{purpose}, {kind}").shuffled(len(sizes)):
            fold_of[one] = filled.argmin()
            filled[fold_of[one]] += sizes[one]
        found[places] = fold_of[group]
    return found
