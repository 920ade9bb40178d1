"""How well a score tells members from others: ROC, AUC, true positives at low false-positive rates, with intervals."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from holdfast.statistics.resampling import DRAWS, Stream, drawn_weights

Scores = Sequence[float] | np.ndarray
"""[n], higher is more like a member."""


def membership(scores_members: Scores, scores_others: Scores) -> dict[str, float]:
    """What an attacker reads off a score: auc, tpr_at_1pct_fpr, tpr_at_0.1pct_fpr, best_balanced_accuracy, in [0, 1].

    Higher scores mean member. auc counts ties one half. tpr_at: the largest share of members caught by a rule
    'score >= t' that takes at most that share of others for members. best_balanced_accuracy is over all thresholds on
    these very scores, so it is optimistic, 0.5 at least. Raises ValueError for no scores and for scores that are NaN.
    """
    return Roc.of(scores_members, scores_others).metrics


@dataclass(frozen=True, eq=False)
class Roc:
    """Members and others (possibly weighted) at each different score, from the highest score down."""

    thresholds: np.ndarray
    """[t] different scores, falling."""
    members: np.ndarray
    """[..., t] members with that score."""
    others: np.ndarray
    """[..., t] others with that score."""

    @classmethod
    def of(cls, members: Scores, others: Scores) -> "Roc":
        """The curve that scores [m] of members and [o] of others draw."""
        members, others = _checked(members, "members"), _checked(others, "others")
        values, places = np.unique(-np.concatenate([members, others]), return_inverse=True)
        counts = [np.bincount(part, minlength=len(values)) for part in np.split(places, [len(members)])]
        return cls(-values, counts[0].astype(float), counts[1].astype(float))

    @cached_property
    def true_positives(self) -> np.ndarray:
        """[..., t] share of members at or above each threshold."""
        return self.members.cumsum(-1) / self.members.sum(-1, keepdims=True)

    @cached_property
    def false_positives(self) -> np.ndarray:
        """[..., t] share of others at or above each threshold."""
        return self.others.cumsum(-1) / self.others.sum(-1, keepdims=True)

    @property
    def auc(self) -> np.ndarray:
        """[...] chance that a member scores above another image, ties one half."""
        below = 1 - self.false_positives + self.others / self.others.sum(-1, keepdims=True) / 2
        return (self.members * below).sum(-1) / self.members.sum(-1)

    def tpr_at(self, rate: float) -> np.ndarray:
        """[...] largest true-positive rate at a false-positive rate of at most `rate`; 0 where no threshold has it."""
        return np.where(self.false_positives <= rate + 1e-12, self.true_positives, 0.0).max(-1)

    @property
    def best_balanced_accuracy(self) -> np.ndarray:
        """[...] over all thresholds, and over calling nobody a member."""
        return np.maximum(0.5, (1 + self.true_positives - self.false_positives).max(-1) / 2)

    @property
    def metrics(self) -> dict[str, float]:
        """As `membership` returns them."""
        return {name: float(value) for name, value in self.arrays.items()}

    @property
    def arrays(self) -> dict[str, np.ndarray]:
        """The metrics of each curve, [...]."""
        return {
            "auc": self.auc,
            "tpr_at_1pct_fpr": self.tpr_at(0.01),
            "tpr_at_0.1pct_fpr": self.tpr_at(0.001),
            "best_balanced_accuracy": self.best_balanced_accuracy,
        }


def _checked(scores: Scores, name: str) -> np.ndarray:
    values = np.asarray(scores, dtype=np.float64).reshape(-1)
    if not len(values) or np.isnan(values).any():
        raise ValueError(
            f"expected scores of {name} without NaN, got {len(values)} of which {int(np.isnan(values).sum())} are NaN; "
            "leave out what was not measured"
        )
    return values


def resampled_membership(
    members: Scores,
    others: Scores,
    *,
    groups: tuple[np.ndarray, np.ndarray] | None = None,
    seed: int = 0,
    draws: int = DRAWS,
) -> dict[str, np.ndarray]:
    """`membership` of each of `draws` resamplings of members [m] and others [o] among themselves, [draws] by name.

    groups: a near-duplicate group for each member and other; groups are drawn whole. The same seed draws the same
    images whatever their scores, so that attacks and encoders are compared on the same resamplings.
    """
    members, others = _checked(members, "members"), _checked(others, "others")
    groups = groups or (np.arange(len(members)), np.arange(len(others)))
    values, places = np.unique(-np.concatenate([members, others]), return_inverse=True)
    parts = zip(
        _resampled(places[: len(members)], groups[0], len(values), seed, "members", draws),
        _resampled(places[len(members) :], groups[1], len(values), seed, "others", draws),
        strict=True,
    )
    found = [Roc(-values, *weighted).arrays for weighted in parts]
    return {name: np.concatenate([part[name] for part in found]) for name in found[0]}


def _resampled(
    places: np.ndarray, groups: np.ndarray, thresholds: int, seed: int, purpose: str, draws: int
) -> Iterator[np.ndarray]:
    """Counts [d, thresholds] of samples drawn with replacement by group, in chunks of draws."""
    for weights in drawn_weights(groups, seed=seed, purpose=f"membership bootstrap of {purpose}", draws=draws):
        yield np.stack([np.bincount(places, row, minlength=thresholds) for row in weights])


def calibrated_accuracy(members: Scores, others: Scores, *, seed: int = 0) -> float:
    """Balanced accuracy in [0, 1] on one half of members and others, at the threshold that is best on the other half.

    Both halves in turn, averaged: what an attacker who must choose a threshold beforehand gets. Halves are drawn by
    seed. Raises ValueError for fewer than two members or others.
    """
    members, others = _checked(members, "members"), _checked(others, "others")
    if min(len(members), len(others)) < 2:
        raise ValueError(
            f"expected at least two members and two others, got {len(members)} and {len(others)}; score more images"
        )
    parts = [_halves(scores, seed, name) for scores, name in ((members, "members"), (others, "others"))]
    accuracies = []
    for half in (0, 1):
        threshold = _best_threshold(parts[0][half], parts[1][half])
        caught, wrong = ((part[1 - half] >= threshold).mean() for part in parts)
        accuracies.append((1 + caught - wrong) / 2)
    return float(np.mean(accuracies))


def _halves(scores: np.ndarray, seed: int, purpose: str) -> tuple[np.ndarray, np.ndarray]:
    order = Stream(seed, f"calibration half of {purpose}").shuffled(len(scores))
    return scores[order[::2]], scores[order[1::2]]


def _best_threshold(members: np.ndarray, others: np.ndarray) -> float:
    """Half way to the next lower score: at the last score itself, an equally good unseen one would be cut off."""
    roc = Roc.of(members, others)
    best = int(np.argmax(roc.true_positives - roc.false_positives))
    return float(roc.thresholds[best : best + 2].mean())
