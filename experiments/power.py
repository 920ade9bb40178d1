"""The power of a comparison of a few seeds: which difference would have been seen."""

from collections.abc import Sequence

import numpy as np

from holdfast.statistics import t_quantile


def seen(deltas: Sequence[float], *, draws: int = 4000) -> float:
    """Smallest true difference whose t interval leaves out 0 in 80 % of repetitions, with the deviation found.

    By simulation of normal differences of that deviation; to a hundredth of it.
    """
    n = len(deltas)
    noise = np.random.default_rng(0).normal(size=(draws, n))
    mean, half = noise.mean(1), t_quantile(n - 1) * noise.std(1, ddof=1) / np.sqrt(n)
    low, high = 0.0, 100.0
    while high - low > 0.01:
        middle = (low + high) / 2
        told = np.mean(np.abs(mean + middle) > half)
        low, high = (middle, high) if told < 0.8 else (low, middle)
    return high * float(np.std(deltas, ddof=1))


def seen_by_interval(ends: Sequence[float], count: int) -> float:
    """The same of `count` paired values whose mean has this 95 % t interval."""
    pattern = np.linspace(-1.0, 1.0, count)
    deviation = (ends[1] - ends[0]) / 2 * np.sqrt(count) / t_quantile(count - 1)
    return seen((pattern * deviation / pattern.std(ddof=1)).tolist())
