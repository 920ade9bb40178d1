"""What pixels and files alone give away of who is a member: the gate of every number of an encoder."""

from dataclasses import dataclass

import numpy as np

from holdfast.audits.subject import Members
from holdfast.evaluation.inference import blind_scores, blind_spread, picture_statistics
from holdfast.statistics import Separation, separation

LEAST_BLIND = 500
"""Members, and non-members, from which the blind baseline is fitted."""


@dataclass(frozen=True, eq=False)
class Blind:
    """The blind baseline's scores of all images, and how well they tell."""

    values: np.ndarray
    """[n] out-of-fold log odds."""
    extra: float
    """Variance of the AUC beside that of drawing images."""
    whole: Separation


def blind(members: Members, *, seed: int) -> Blind | None:
    """The blind baseline on all images; None for fewer than LEAST_BLIND of either set."""
    if members.fewest < LEAST_BLIND:
        return None
    statistics = picture_statistics(members.images.pixels)
    if members.stored is not None:
        statistics = np.column_stack([statistics, _filled(members.stored)])
    given = (statistics, members.member, members.groups)
    values = blind_scores(*given, seed=seed)
    plain = separation(values, *given[1:], seed=seed)
    extra = max(0.0, blind_spread(*given, seed=seed) - float(plain.draws.var(ddof=1)))
    return Blind(values, extra, Separation(plain.value, plain.draws, plain.images, extra))


def _filled(stored: np.ndarray) -> np.ndarray:
    """Columns without NaN: those unknown stand at the mean of the known, beside columns that say which they were."""
    unknown = np.isnan(stored)
    known = np.maximum(1, (~unknown).sum(0))
    means = np.where(unknown, 0.0, stored).sum(0) / known
    return np.column_stack([np.where(unknown, means, stored), unknown.astype(float)])
