"""Means of distances and cosines, their differences, and means over runs."""

from functools import partial

import numpy as np

from coverage_rows.base import Row, inside, share
from holdfast import statistics as st


def distances(random: np.random.Generator, images: int) -> np.ndarray:
    """Skewed to the right, as distances of views are; the mean is 0.2."""
    return random.gamma(4, 0.05, images)


def mean(draws: int, *, images: int) -> float:
    """Student's interval of skewed distances."""
    return share(
        draws,
        lambda random, _: inside(st.mean_interval(distances(random, images), bounds=(0.0, 2.0)), 0.2),
        "mean",
        images,
    )


def normal(draws: int, *, images: int) -> float:
    """Before: 1.96 standard errors at any number of images."""

    def held(random: np.random.Generator, _: int) -> bool:
        values = distances(random, images)
        half = 1.96 * values.std(ddof=1) / images**0.5
        return inside((values.mean() - half, values.mean() + half), 0.2)

    return share(draws, held, "normal", images)


def difference(draws: int, *, images: tuple[int, int]) -> float:
    """Welch's interval of two sets of skewed distances of one mean."""
    return share(
        draws,
        lambda random, _: inside(st.difference_interval(*(distances(random, n) for n in images)), 0.0),
        "difference",
        images,
    )


def runs(draws: int, *, count: int) -> float:
    """Student's interval over runs."""
    return share(
        draws,
        lambda random, _: inside(st.over_runs(random.normal(size=count).tolist(), "runs").interval, 0.0),
        "runs",
        count,
    )


def unpaired(draws: int, *, counts: tuple[int, int]) -> float:
    """Welch's interval of runs whose spreads differ."""

    def held(random: np.random.Generator, _: int) -> bool:
        first, second = random.normal(size=counts[0]), random.normal(0, 2, counts[1])
        return inside(st.unpaired(first.tolist(), second.tolist(), "runs").interval, 0.0)

    return share(draws, held, "unpaired", counts)


ROWS = (
    Row(
        name="mean",
        what="mean of distances, cosines or ratios (Student's t)",
        where="alignment, drift, invariance, corruption drift, memorization by part, class and layer",
        regime="skewed distances, from 2 images",
        absent="one image; values that do not vary",
        scores=(
            "quality.alignment",
            "robustness.feature_drift_*",
            "robustness.corruption_drift",
            "invariance.*cosine",
            "invariance.*sensitivity",
            "memorization.ratio_candidate",
            "memorization.difference_*",
        ),
        cases={f"{images} images": partial(mean, images=images) for images in (2, 5, 10, 50)},
        before={"5 images": partial(normal, images=5)},
        draws=4000,
    ),
    Row(
        name="difference",
        what="difference of two means (Welch)",
        where="`alignment_gap`, `centred_candidate`, the ratio above the null",
        regime="skewed distances, from 5 images a set",
        absent="one image in a set",
        scores=("tail.alignment_gap", "memorization.centred_candidate"),
        cases={f"{a} and {b} images": partial(difference, images=(a, b)) for a, b in ((5, 5), (10, 40), (50, 50))},
        draws=4000,
    ),
    Row(
        name="runs",
        what="mean over runs, also of paired differences (Student's t)",
        where="reports, `compare`, removal",
        regime="from 2 runs",
        absent="runs that agree to the digit",
        cases={f"{count} runs": partial(runs, count=count) for count in (2, 3, 5)},
        draws=4000,
    ),
    Row(
        name="unpaired_runs",
        what="difference of means over runs that have no partners (Welch)",
        where="`compare`",
        regime="from 2 runs each, one spread twice the other",
        absent="a single run",
        cases={f"{a} and {b} runs": partial(unpaired, counts=(a, b)) for a, b in ((2, 2), (3, 3), (5, 3))},
        draws=4000,
    ),
)
