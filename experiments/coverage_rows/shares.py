"""Shares of images, means of values within bounds, and their differences."""

from functools import partial
from statistics import NormalDist

import numpy as np

from coverage_rows.base import Row, inside, share
from holdfast import statistics as st

CONSISTENCIES = {"rare": (0.05, 2.0), "low": (0.2, 3.0), "middling": (2.0, 5.0)}
"""Beta distributions over images of the share of ten neighbours that two views have in common."""


def wilson(draws: int, *, percent: float, images: int) -> float:
    """Over shares near the given one: at a single share the coverage of any interval of counts jumps."""

    def held(random: np.random.Generator, _: int) -> bool:
        true = float(np.clip(percent / 100 + random.uniform(-0.02, 0.02), 0, 1))
        return inside(st.wilson_interval(100 * random.binomial(images, true) / images, images), 100 * true)

    return share(draws, held, "wilson", percent, images)


def resampled_share(draws: int, *, percent: float, images: int) -> float:
    """Before: percentiles of resampled answers, [0, 0] where none is right."""

    def held(random: np.random.Generator, _: int) -> bool:
        measured = random.binomial(images, percent / 100) / images
        drawn = random.binomial(images, measured, 300) / images
        return inside(tuple(np.quantile(drawn, (0.025, 0.975))), percent / 100)

    return share(draws, held, "resampled share", percent, images)


def newcombe(draws: int, *, percents: tuple[float, float], images: tuple[int, int]) -> float:
    """The interval of the difference of two shares."""

    def held(random: np.random.Generator, _: int) -> bool:
        hits = tuple(int(random.binomial(n, p / 100)) for n, p in zip(images, percents, strict=True))
        return inside(st.share_difference(hits, images)[1:], percents[0] - percents[1])  # type: ignore[arg-type]

    return share(draws, held, "newcombe", percents, images)


def neighbours(random: np.random.Generator, kind: str, images: int) -> np.ndarray:
    """Shares of ten neighbours in common, by image."""
    return random.binomial(10, random.beta(*CONSISTENCIES[kind], images)) / 10


def true_mean(kind: str) -> float:
    """The mean of a kind of shares."""
    a, b = CONSISTENCIES[kind]
    return a / (a + b)


def bounded(draws: int, *, kind: str, images: int) -> float:
    """Wilson's interval of a mean of shares by image."""
    return share(
        draws,
        lambda random, _: inside(st.bounded_interval(neighbours(random, kind, images)), true_mean(kind)),
        "bounded",
        kind,
        images,
    )


def bootstrapped(draws: int, *, kind: str, images: int) -> float:
    """Before: percentiles of resampled means."""

    def held(random: np.random.Generator, _: int) -> bool:
        values = neighbours(random, kind, images)
        drawn = values[random.integers(0, images, (300, images))].mean(1)
        return inside(tuple(np.quantile(drawn, (0.025, 0.975))), true_mean(kind))

    return share(draws, held, "bootstrapped", kind, images)


def drops(random: np.random.Generator, lost: float, won: float, images: int) -> np.ndarray:
    """Differences by image of right answers clean and moved, means over four strengths."""
    chance = random.random(images)
    sign = np.where(chance < lost, 100.0, np.where(chance < lost + won, -100.0, 0.0))
    return sign * random.integers(1, 5, images) / 4


def dropped(draws: int, *, lost: float, won: float, images: int) -> float:
    """Wilson's interval of a mean of paired differences."""

    def held(random: np.random.Generator, _: int) -> bool:
        interval = st.bounded_interval(drops(random, lost, won, images), least=-100, most=100)
        return inside(interval, 62.5 * (lost - won))

    return share(draws, held, "dropped", lost, won, images)


def normal_drop(draws: int, *, lost: float, won: float, images: int) -> float:
    """Before: the mean and 1.96 standard errors."""

    def held(random: np.random.Generator, _: int) -> bool:
        values = drops(random, lost, won, images)
        half = 1.96 * values.std(ddof=1) / images**0.5
        return inside((values.mean() - half, values.mean() + half), 62.5 * (lost - won))

    return share(draws, held, "normal drop", lost, won, images)


def gap(draws: int, *, kinds: tuple[str, str], images: int) -> float:
    """The interval of the difference of two means of shares by image."""

    def held(random: np.random.Generator, _: int) -> bool:
        interval = st.bounded_difference(*(neighbours(random, kind, images) for kind in kinds))
        return inside(interval, true_mean(kinds[0]) - true_mean(kinds[1]))

    return share(draws, held, "gap", kinds, images)


CLASSES = {"first": np.array([0.3, 0.5, 0.6]), "second": np.array([0.35, 0.35, 0.5])}
"""Accuracy in the classes of a group, of two encoders."""
Ends = tuple[float, float, float]


def group_mean(random: np.random.Generator, encoder: str, images: int) -> Ends:
    """A mean over classes with its ends."""
    count, weights = np.full(3, images), np.full(3, 1 / 3)
    shares = random.binomial(count, CLASSES[encoder]) / count
    return float(shares.mean()), *st.mean_share_interval(shares, count, weights)


def cosine_mean(random: np.random.Generator, encoder: str, images: int) -> Ends:
    """A mean of skewed cosines with its ends."""
    cosines = 2 * random.beta(*{"first": (8, 1), "second": (5, 1)}[encoder], images) - 1
    return float(cosines.mean()), *st.mean_interval(cosines, bounds=(-1.0, 1.0))  # type: ignore[misc]


ENDS = {"group means": (group_mean, 1 / 15), "cosines": (cosine_mean, 2 * (8 / 9 - 5 / 6))}
"""By kind: a number with its ends of an encoder, and by how much the first's is larger."""


def ends_gap(draws: int, *, kind: str, images: int) -> float:
    """The interval of a difference from the ends of both."""
    measure, true = ENDS[kind]

    def held(random: np.random.Generator, _: int) -> bool:
        return inside(st.ends_difference(*(measure(random, one, images) for one in ("first", "second")))[1:], true)

    return share(draws, held, "ends gap", kind, images)


def trainings_gap(draws: int, *, images: int) -> float:
    """The same of means over two trainings each, all asked about the same images, of which some are hard for all."""
    percents = {"first": (42.0, 38.0), "second": (36.0, 36.0)}

    def held(random: np.random.Generator, _: int) -> bool:
        hard = random.normal(size=images)
        means = []
        for trainings in percents.values():
            found = []
            for percent in trainings:
                right = (hard + random.normal(size=images)) / 2**0.5 < NormalDist().inv_cdf(percent / 100)
                found.append((100 * right.mean(), *st.wilson_interval(100 * right.mean(), images)))
            means.append(tuple(np.mean(found, axis=0)))
        return inside(st.ends_difference(*means)[1:], 4.0)

    return share(draws, held, "trainings gap", images)


ROWS = (
    Row(
        name="wilson",
        what="Wilson's interval of a share",
        where="accuracies, classes, your own groups, robust accuracy, kept, masking",
        regime="from one image, shares near 2, 30 and 50 %",
        absent="no image",
        scores=(
            "quality.*_accuracy",
            "robustness.clean_accuracy",
            "robustness.pgd*_accuracy_*",
            "robustness.robust_accuracy_*_*",
            "robustness.gradient_masking",
            "robustness.without_gradient",
        ),
        cases={
            f"{percent} % of {images}": partial(wilson, percent=percent, images=images)
            for percent in (2, 30, 50)
            for images in (1, 5, 20, 80)
        },
        before={"2 % of 80": partial(resampled_share, percent=2, images=80)},
        draws=2000,
    ),
    Row(
        name="bounded",
        what="mean of shares by image (Wilson at the effective number of images)",
        where="`consistency`, `corruption_accuracy`, groups of the tail",
        regime="from 5 images, values that are mostly 0 too",
        scores=("tail.consistency", "robustness.corruption_accuracy"),
        cases={
            f"{kind}, {images} images": partial(bounded, kind=kind, images=images)
            for kind in CONSISTENCIES
            for images in (5, 10, 50, 200)
        },
        before={"rare, 50 images": partial(bootstrapped, kind="rare", images=50)},
        draws=2000,
    ),
    Row(
        name="bounded_pairs",
        what="mean of paired differences of shares (Wilson between −100 and 100)",
        where="`accuracy_drop`",
        regime="from 10 images, 0 to 30 % of them lost",
        scores=("invariance.*accuracy_drop",),
        cases={
            f"{100 * lost:g} % lost, {100 * won:g} % won of {images}": partial(
                dropped, lost=lost, won=won, images=images
            )
            for lost, won in ((0.003, 0.0), (0.02, 0.0), (0.02, 0.02), (0.3, 0.05))
            for images in (10, 30, 100, 300)
        },
        before={"2 % lost, 0 % won of 30": partial(normal_drop, lost=0.02, won=0.0, images=30)},
        draws=2000,
    ),
    Row(
        name="newcombe",
        what="difference of two shares (Newcombe)",
        where="tail gap",
        regime="from 5 right images in a group",
        absent="a group without right images",
        scores=("robustness.tail_gap_*",),
        cases={
            f"{a} % of {m}, {b} % of {n}": partial(newcombe, percents=(a, b), images=(m, n))
            for (a, b), (m, n) in (((10, 30), (30, 60)), ((2, 2), (20, 50)), ((50, 50), (5, 9)))
        },
        said_before="ends of width 0",
        draws=2000,
    ),
    Row(
        name="bounded_gap",
        what="difference of two means of shares by image (Wilson's ends, Newcombe)",
        where="`consistency_gap`",
        regime="from 5 images a group",
        scores=("tail.consistency_gap",),
        cases={
            f"{a} and {b}, {images} images each": partial(gap, kinds=(a, b), images=images)
            for a, b in (("low", "low"), ("middling", "low"), ("rare", "middling"))
            for images in (5, 10, 50)
        },
        said_before="ends of width 0",
        draws=2000,
    ),
    Row(
        name="ends_gap",
        what="difference of two numbers from the ends of their intervals (Newcombe)",
        where="[a method less SimCLR](which-method.md#measured-beside-simclr)",
        regime="means of classes and of cosines; means of two trainings each over the same images",
        scores=(),
        cases={
            **{
                f"{kind}, {images} images": partial(ends_gap, kind=kind, images=images)
                for kind in ENDS
                for images in (20, 200)
            },
            **{f"two trainings each, {n} images": partial(trainings_gap, images=n) for n in (50, 500)},
        },
        draws=2000,
    ),
)
