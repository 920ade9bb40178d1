"""Accuracies by class: means of classes and of groups, the spread between groups and the worst class, with intervals.

Of a class only its share of right test images and their number enter; classes are strata. No interval here resamples.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from holdfast.statistics.shares import exact_interval, mean_share_interval, smoothed_variance

GROUPS = ("many", "medium", "few")
Interval = tuple[float, float]
_NOISES = 2000
_CHANCES = 4000


def group_statistics(per_class: np.ndarray, groups: Mapping[str, Sequence[int]]) -> dict[str, np.ndarray]:
    """all, the groups, std and worst_class of accuracies [..., classes] in percent: arrays [...].

    all: mean over classes; a group: mean over its classes; std: population standard deviation of the groups;
    worst_class: minimum. Classes that are NaN throughout are left out, as are groups with no class left; std needs
    two groups. Of measured accuracies std is too large and worst_class too low by the noise of the test images.
    """
    measured = ~np.isnan(per_class.sum(tuple(range(per_class.ndim - 1))))
    result = {"all": per_class[..., measured].mean(-1)}
    for name, members in groups.items():
        members = [index for index in members if measured[index]]
        if members:
            result[name] = per_class[..., members].mean(-1)
    present = [result[name] for name in groups if name in result]
    if len(present) > 1:
        result["std"] = np.std(np.stack(present, -1), axis=-1)
    result["worst_class"] = per_class[..., measured].min(-1)
    return result


@dataclass(frozen=True)
class Measure:
    """A number in percent with its interval."""

    value: float
    interval: Interval


def group_estimates(
    per_class: np.ndarray, counts: np.ndarray, groups: Mapping[str, Sequence[int]], *, level: float = 0.95
) -> dict[str, Measure]:
    """All of `group_statistics` for one encoder's accuracies [classes], with intervals over test images in classes.

    counts [classes]: test images. Means have Wilson's interval at the effective number of images; std is without the
    noise's share, its interval by inversion of the test of every spread; worst_class is the lowest accuracy measured,
    its interval simultaneous over classes and so valid for the lowest true one.
    """
    kept = counts > 0
    shares, sizes, place = per_class[kept] / 100, counts[kept], np.cumsum(kept) - 1
    members = {name: [int(place[k]) for k in classes if kept[k]] for name, classes in groups.items()}
    members = {name: classes for name, classes in members.items() if classes}
    found = {}
    for name, classes in {"all": list(range(len(shares))), **members}.items():
        weights = np.full(len(classes), 1 / len(classes))
        interval = mean_share_interval(shares[classes], sizes[classes], weights, level=level)
        found[name] = Measure(100 * float(shares[classes].mean()), (100 * interval[0], 100 * interval[1]))
    if len(members) > 1:
        found["std"] = spread_between(shares, sizes, list(members.values()), level=level)
    found["worst_class"] = Measure(100 * float(shares.min()), worst_interval(shares, sizes, level=level))
    return found


def spread_between(
    shares: np.ndarray, sizes: np.ndarray, groups: Sequence[Sequence[int]], *, level: float = 0.95
) -> Measure:
    """Population standard deviation in percent of the true accuracies of two or more groups of classes.

    The measured variance of the groups less the part that the noise of the test images has in it, at least 0. The
    interval holds the spreads at which a variance as measured is neither too small nor too large, of groups that lie
    apart in the direction measured: 0 is in it unless chance alone would rarely spread groups as far.
    """
    means = np.array([shares[list(members)].mean() for members in groups])
    unbiased = shares * (1 - shares) / np.maximum(sizes - 1, 1)
    apart = means - means.mean()
    share = float(_of_groups(unbiased, groups).sum()) * (1 - 1 / len(means)) / len(means)
    low, high = _inverted(apart, _of_groups(smoothed_variance(shares, sizes), groups), level)
    value = max(0.0, float((apart**2).mean()) - share) ** 0.5
    return Measure(100 * value, (100 * min(low, value), 100 * max(high, value)))


def _of_groups(variances: np.ndarray, groups: Sequence[Sequence[int]]) -> np.ndarray:
    """Variance of each group's mean from those of its classes."""
    return np.array([variances[list(members)].sum() / len(members) ** 2 for members in groups])


def _inverted(apart: np.ndarray, noise: np.ndarray, level: float) -> Interval:
    """Ends of the spreads that a measured variance allows, by bisection over drawn noise (the same for all calls).

    For the upper end a variance counts as no smaller than noise alone mostly gives: groups that agree to the digit, as
    where everything is right, do not prove that they agree.
    """
    drawn = np.random.default_rng(0).standard_normal((_NOISES, len(apart)))
    drawn = np.concatenate([drawn, -drawn]) * np.sqrt(noise)
    drawn -= drawn.mean(1, keepdims=True)
    measured, tail = float((apart**2).mean()), (1 - level) / 2
    direction = apart / measured**0.5 if measured > 0 else np.linspace(-1, 1, len(apart))
    along, own = drawn @ direction / len(apart), (drawn**2).mean(1)

    def above(spread: float, variance: float) -> float:
        """How often a true spread gives at least such a variance."""
        return float((spread**2 + 2 * spread * along + own >= variance).mean())

    most, least = measured**0.5 + 8 * float(noise.max()) ** 0.5, max(measured, float(np.median(own)))
    return _crossing(partial(above, variance=measured), tail, most), _crossing(
        partial(above, variance=least), 1 - tail, most
    )


def _crossing(rising: Callable[[float], float], level: float, most: float) -> float:
    """Where a rising function of 0..most reaches a level; 0 where it has already."""
    low, high = 0.0, most
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (low, middle) if rising(middle) >= level else (middle, high)
    return 0.0 if rising(0.0) >= level else high


def worst_interval(shares: np.ndarray, sizes: np.ndarray, *, level: float = 0.95) -> Interval:
    """Interval in percent of the lowest true share of several classes, whichever it is (exact, Clopper and Pearson).

    The lowest of the lower ends holds as it stands, since the worst class is one of them; of the upper ends all must
    hold at once, so each is as far out as the number of classes asks (Šidák).
    """
    tail, hits = (1 - level) / 2, np.rint(shares * sizes)
    each = 1 - (1 - tail) ** (1 / len(shares))
    low, _ = exact_interval(hits, sizes, tail=tail)
    _, high = exact_interval(hits, sizes, tail=each)
    return 100 * float(low.min()), 100 * float(high.min())


def worst_by_chance(shares: np.ndarray, sizes: np.ndarray) -> float:
    """Mean lowest accuracy in percent where every class is as good as their mean: what chance makes of equal ones."""
    drawn = np.random.default_rng(0).binomial(sizes, float(shares.mean()), (_CHANCES, len(sizes)))
    return 100 * float((drawn / sizes).min(1).mean())


def apart_interval(ours: Sequence[Measure], theirs: Sequence[Measure]) -> Interval:
    """Interval of the difference of two means over runs of numbers that each have a 97.5 % interval (Bonferroni).

    Conservative: it does not use that both were measured on the same images.
    """
    ends = [np.mean([m.interval for m in measures], axis=0) for measures in (ours, theirs)]
    return float(ends[0][0] - ends[1][1]), float(ends[0][1] - ends[1][0])
