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


SPREADS = {"alike": 0.0, "some far out": 0.5, "many far out": 1.0}
"""Deviation of the logarithm of an image's scale: squared distances of features are skewed."""


def explained(draws: int, *, kind: str, left: float, images: int) -> float:
    """R² of a map: squared residuals and distances of features in 8 directions, larger together for some images."""
    spread = SPREADS[kind]

    def held(random: np.random.Generator, _: int) -> bool:
        scale = np.exp(random.normal(-(spread**2) / 2, spread, images))
        errors = left * scale * random.chisquare(8, images) / 8
        away = (1 - left) * scale * random.chisquare(8, images) / 8 + errors
        return inside(st.mean_interval(st.explained_values(errors, away), bounds=(None, 1.0)), 1 - left)

    return share(draws, held, "explained", kind, left, images)


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
        name="explained",
        what="R² of a map or a head on other images (Student's t of a ratio of means to first order)",
        where="equivariance: `r2`, `…_gain`, `…_decoded`",
        regime="from 100 images, squared distances alike or skewed, for the map that was fitted",
        absent="under 100 images; what does not move",
        scores=("equivariance.r2", "equivariance.*_r2", "equivariance.*_gain", "equivariance.*_decoded"),
        cases={
            f"R² {1 - left:g}, {kind}, {images} images": partial(explained, kind=kind, left=left, images=images)
            for kind in SPREADS
            for left in (0.1, 0.5, 0.9)
            for images in (100, 500)
        },
        said_before="no interval",
        draws=2000,
    ),
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
