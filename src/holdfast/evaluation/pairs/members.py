"""How well a score tells members from others: the door from tensors to `holdfast.statistics`."""

from collections.abc import Sequence

import numpy as np
from torch import Tensor

from holdfast import statistics

Scores = Sequence[float] | np.ndarray | Tensor
"""[n], higher is more like a member."""


def membership(scores_members: Scores, scores_others: Scores) -> dict[str, float]:
    """What an attacker reads off a score: auc, tpr_at_1pct_fpr, tpr_at_0.1pct_fpr, best_balanced_accuracy, in [0, 1].

    Higher scores mean member. auc counts ties one half. tpr_at: the largest share of members caught by a rule
    'score >= t' that takes at most that share of others for members. best_balanced_accuracy is over all thresholds on
    these very scores, so it is optimistic, 0.5 at least. Raises ValueError for no scores and for scores that are NaN.
    """
    return statistics.membership(*(_array(scores) for scores in (scores_members, scores_others)))


def _array(scores: Scores) -> np.ndarray:
    return np.asarray(scores.detach().cpu() if isinstance(scores, Tensor) else scores, dtype=np.float64)
