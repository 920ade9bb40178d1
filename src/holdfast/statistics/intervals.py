"""Intervals in closed form: of shares, means, means of few runs, and of a statistic that was resampled."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

NORMAL_975 = 1.959963984540054
"""The 0.975 quantile of the normal distribution."""


def known(values: Sequence[float] | np.ndarray) -> np.ndarray:
    """Values as float64. Raises ValueError where one is no number: a statistic of it would be none without a word."""
    numbers = np.asarray(values, dtype=float)
    if np.isnan(numbers).any():
        raise ValueError(
            f"expected measured numbers, got {int(np.isnan(numbers).sum())} NaN among {numbers.size}; "
            "leave out what was not measured"
        )
    return numbers


def sample_variance(values: np.ndarray) -> float:
    """Unbiased variance of values [n]; 0 for a single value."""
    return float(values.var(ddof=1)) if len(values) > 1 else 0.0


def mean_interval(
    values: np.ndarray, *, bounds: tuple[float | None, float | None] = (None, None)
) -> tuple[float, float] | None:
    """95 % interval of the mean of values [n] (Student's t), cut to what it can be; for shares see `bounded_interval`.

    None for fewer than two values and for equal ones: nothing says then how others would spread.
    """
    values = known(values)
    if len(values) < 2 or not sample_variance(values) > 0:
        return None
    half = float(stdtrit(len(values) - 1, 0.975)) * math.sqrt(sample_variance(values) / len(values))
    return within_bounds(float(np.mean(values)), half, bounds)


def explained_values(errors: np.ndarray, away: np.ndarray) -> np.ndarray:
    """Values [n] whose mean is R² = 1 - mean(errors) / mean(away), and that spread as R² does over other images.

    errors, away [n]: squared errors and squared distances from a mean that was given beforehand. A ratio of means to
    first order (the delta method): `mean_interval` of the values is its interval, for what was fitted.
    """
    errors, away = known(errors), known(away)
    scale = float(np.mean(away))
    left = float(np.mean(errors)) / scale
    return 1 - errors / scale + left * (away / scale - 1)


def none_of(images: float) -> float:
    """Upper end in [0, 1] of a share of which not one of so many images was seen (Wilson)."""
    return NORMAL_975**2 / (images + NORMAL_975**2)


def within_bounds(
    value: float, half: float, bounds: tuple[float | None, float | None] = (None, None)
) -> tuple[float, float]:
    """value ± half, cut to (least, most); None is no bound."""
    low, high = bounds
    return (
        value - half if low is None else max(low, value - half),
        value + half if high is None else min(high, value + half),
    )


def difference_interval(
    a: np.ndarray, b: np.ndarray, *, bounds: tuple[float | None, float | None] = (None, None)
) -> tuple[float, float] | None:
    """95 % interval of the mean of a [n] less the mean of b [m], independent of it (Welch); None as `mean_interval`."""
    parts = [known(values) for values in (a, b)]
    strata = np.repeat([0, 1], [len(part) for part in parts])
    found = stratified_interval(np.concatenate(parts), strata, {0: 1.0, 1: -1.0})
    if found is None or found[0] == found[1]:
        return None
    return within_bounds(sum(found) / 2, (found[1] - found[0]) / 2, bounds)


def percentile_interval(drawn: np.ndarray, measured: float) -> tuple[float, float]:
    """95 % percentile interval of drawn values, widened to hold the measured one.

    A best threshold, picked anew in each draw, is pushed up by it.
    """
    low, high = np.quantile(known(drawn), (0.025, 0.975))
    return float(min(low, measured)), float(max(high, measured))


def stratified_interval(
    values: np.ndarray, strata: np.ndarray, weights: Mapping[int, float], *, span: float = 0.0
) -> tuple[float, float] | None:
    """95 % interval of a weighted sum of the means of values [n] within strata [n]: Student's t, by Satterthwaite.

    Each stratum has a variance of its own, so that its size does not matter; None where one has a single value. span:
    for shares and their differences, how far a value may lie from the others: where those of every stratum agree, the
    ends are that far times the share that so many values may hide, as n equal answers do not prove the next one.
    """
    values = known(values)
    parts = [(weight, values[strata == stratum]) for stratum, weight in weights.items()]
    if min(len(part) for _, part in parts) < 2:
        return None
    value = sum(weight * float(part.mean()) for weight, part in parts)
    errors = np.array([weight**2 * sample_variance(part) / len(part) for weight, part in parts])
    if not errors.sum() > 0:
        total = sum(abs(weight) for weight, _ in parts)
        half = span * total * none_of(total**2 / sum(weight**2 / len(part) for weight, part in parts))
        return value - half, value + half
    freedom = errors.sum() ** 2 / (errors**2 / [len(part) - 1 for _, part in parts]).sum()
    half = float(stdtrit(freedom, 0.975)) * math.sqrt(float(errors.sum()))
    return value - half, value + half


@dataclass(frozen=True)
class Estimate:
    """A number with its 95 % interval and what the interval is over."""

    value: float
    low: float | None = None
    high: float | None = None
    spread: float | None = None
    """Population standard deviation over runs, as the SDCLR paper reports; None for a single run."""
    runs: int = 1
    over: str = ""

    @property
    def interval(self) -> tuple[float, float] | None:
        """(low, high), or None where there is none."""
        return None if self.low is None or self.high is None else (self.low, self.high)


def t_quantile(freedom: int) -> float:
    """The 0.975 quantile of Student's t with a whole number of degrees of freedom (Abramowitz and Stegun 26.7.3-4)."""
    low, high = 0.0, 13.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if _t_central(middle, freedom) < 0.95 else (low, middle)
    return (low + high) / 2


def _t_central(t: float, freedom: int) -> float:
    """Probability that |T| < t: a finite cosine series, exact for whole degrees of freedom."""
    angle = math.atan(t / math.sqrt(freedom))
    term = total = math.cos(angle) if freedom % 2 else 1.0
    for k in range(3 if freedom % 2 else 2, freedom - 1, 2):
        term *= (k - 1) / k * math.cos(angle) ** 2
        total += term
    if freedom % 2 == 0:
        return math.sin(angle) * total
    return 2 / math.pi * (angle + (math.sin(angle) * total if freedom > 1 else 0.0))


def over_runs(
    values: Sequence[float], over: str, *, bounds: tuple[float | None, float | None] = (None, None)
) -> Estimate:
    """Mean, population spread and t interval of two or more runs' values; the interval is cut to the score's bounds.

    Runs that happen to agree to the digit say nothing of how others would spread: they get no interval.
    """
    n, mean = len(values), float(np.mean(known(values)))
    half = t_quantile(n - 1) * float(np.std(values, ddof=1)) / math.sqrt(n)
    if half < 1e-9 * max(1.0, abs(mean)):
        return Estimate(value=mean, spread=0.0, runs=n, over=over)
    low, high = within_bounds(mean, half, bounds)
    return Estimate(value=mean, low=low, high=high, spread=float(np.std(values)), runs=n, over=over)


def unpaired(
    a: Sequence[float], b: Sequence[float], over: str, *, bounds: tuple[float | None, float | None] = (None, None)
) -> Estimate:
    """Mean of a minus mean of b with Welch's t interval, cut to the difference's bounds, degrees of freedom rounded
    down; two or more values each."""
    parts = [float(np.var(known(x), ddof=1)) / len(x) for x in (a, b)]
    error, value = math.sqrt(sum(parts)), float(np.mean(a) - np.mean(b))
    weights = sum(part**2 / (len(x) - 1) for part, x in zip(parts, (a, b), strict=True))
    freedom = max(1, int(sum(parts) ** 2 / weights)) if weights > 0 else 1
    low, high = within_bounds(value, t_quantile(freedom) * error, bounds)
    return Estimate(value=value, low=low, high=high, runs=min(len(a), len(b)), over=over)
