"""Shares of images: exact ends, Wilson's interval, weighted means of shares, differences of two shares."""

import math

import numpy as np
from scipy.special import betaincinv, ndtri

from holdfast.statistics.intervals import NORMAL_975, known


def exact_interval(hits: np.ndarray, images: np.ndarray, *, tail: float = 0.025) -> tuple[np.ndarray, np.ndarray]:
    """Ends in [0, 1] of shares hits / images, each beyond the truth with a chance of at most `tail` (Clopper 1934)."""
    hits, images = np.asarray(hits, dtype=float), np.asarray(images, dtype=float)
    low = np.where(hits > 0, betaincinv(np.maximum(hits, 1), images - hits + 1, tail), 0.0)
    high = np.where(hits < images, betaincinv(hits + 1, np.maximum(images - hits, 1), 1 - tail), 1.0)
    return low, high


_ROUNDING = 1e-12


def wilson_interval(percent: float, images: int) -> tuple[float, float]:
    """95 % interval of a share in percent, measured on so many images; valid also at 0 and 100 (Wilson 1927)."""
    if images < 1:
        raise ValueError(f"expected at least one image, got {images}; leave the class out")
    low, high = _wilson(percent / 100, images, NORMAL_975)
    return 100 * low, 100 * high


def _wilson(share: float, images: float, quantile: float) -> tuple[float, float]:
    square = quantile**2
    centre = (share + square / (2 * images)) / (1 + square / images)
    half = quantile / (1 + square / images) * math.sqrt(share * (1 - share) / images + square / (4 * images**2))
    # At a share of 0 or 1, up to the rounding of a weighted mean, the end is 0 or 1 itself.
    low = 0.0 if share < _ROUNDING else max(0.0, centre - half)
    return low, 1.0 if share > 1 - _ROUNDING else min(1.0, centre + half)


def smoothed_variance(shares: np.ndarray, images: np.ndarray) -> np.ndarray:
    """Variance of shares [k] over images [k]: half a hit and half a miss are added, so that 0 of 5 is not certain."""
    smooth = (shares * images + 0.5) / (images + 1)
    return smooth * (1 - smooth) * (images + 1) / images**2


def mean_share_interval(
    shares: np.ndarray, images: np.ndarray, weights: np.ndarray, *, level: float = 0.95
) -> tuple[float, float]:
    """Interval in [0, 1] of a weighted mean of shares of strata: Wilson's, at the images that a plain share with its
    variance would have."""
    smooth = float(weights @ ((shares * images + 0.5) / (images + 1)))
    variance = float(weights**2 @ smoothed_variance(shares, images))
    quantile = float(ndtri(0.5 + level / 2))
    return _wilson(float(weights @ shares), smooth * (1 - smooth) / variance, quantile)


def bounded_interval(values: np.ndarray, *, least: float = 0.0, most: float = 1.0) -> tuple[float, float]:
    """95 % interval of the mean of values [n] within bounds: Wilson's, at the images a plain share of its variance has.

    Half a value at each bound is added to the variance, so that equal values, also at a bound, are not certain; of
    values that are only least or most it is Wilson's. For shares by image, and for their paired differences (-1 to 1).
    Raises ValueError for no values and for values beyond the bounds.
    """
    scaled = (known(values) - least) / (most - least)
    if not len(scaled) or not (np.abs(scaled - 0.5) <= 0.5 + _ROUNDING).all():
        raise ValueError(f"expected values from {least:g} to {most:g}, got {_range(values)}; leave out the unmeasured")
    images = len(scaled)
    smooth = (float(scaled.sum()) + 0.5) / (images + 1)
    variance = (float(scaled @ scaled) + 0.5) / (images + 1) - smooth**2
    effective = smooth * (1 - smooth) / variance * images**2 / (images + 1)
    low, high = _wilson(min(1.0, max(0.0, float(scaled.mean()))), effective, NORMAL_975)
    return least + (most - least) * low, least + (most - least) * high


def _range(values: np.ndarray) -> str:
    return f"{float(np.min(values)):g} to {float(np.max(values)):g}" if len(values) else "none"


def bounded_difference(a: np.ndarray, b: np.ndarray, *, least: float = 0.0, most: float = 1.0) -> tuple[float, float]:
    """95 % interval of the mean of bounded values a [n] less that of b [m], independent of it, from the ends of both
    (as Newcombe 1998 does for plain shares)."""
    first, second = ((float(np.mean(values)), *bounded_interval(values, least=least, most=most)) for values in (a, b))
    return ends_difference(first, second)[1:]


def share_difference(hits: tuple[int, int], images: tuple[int, int]) -> tuple[float, float, float]:
    """Share of the first less that of the second, independent one, in percent, with its 95 % interval (Newcombe 1998,
    from Wilson's ends)."""
    first, second = ((hit / n, *_wilson(hit / n, n, NORMAL_975)) for hit, n in zip(hits, images, strict=True))
    value, low, high = ends_difference(first, second)
    return 100 * value, 100 * low, 100 * high


def ends_difference(
    first: tuple[float, float, float], second: tuple[float, float, float]
) -> tuple[float, float, float]:
    """First less second, each a number with the ends of its interval, with an interval of the same level: from the
    ends that matter, as if the two were independent (Newcombe 1998). Of two that were asked about the same images it
    is rather wide."""
    (a, low_a, high_a), (b, low_b, high_b) = first, second
    value = a - b
    return value, value - math.hypot(a - low_a, high_b - b), value + math.hypot(high_a - a, b - low_b)
