"""Accuracies by class: means of classes, Std, the worst class, and two encoders that are equally good."""

from functools import cache, partial

import numpy as np

from coverage_rows.base import Case, Row, inside, share, stream
from holdfast import statistics as st

TEN = {"many": [0, 1, 2, 3], "medium": [4, 5, 6], "few": [7, 8, 9]}
HUNDRED = {"many": list(range(34)), "medium": list(range(34, 67)), "few": list(range(67, 100))}
SETTINGS = {
    "10 equal classes": (np.full(10, 0.6), TEN),
    "10 classes": (np.array([0.7, 0.65, 0.6, 0.75, 0.5, 0.55, 0.45, 0.3, 0.35, 0.2]), TEN),
    "100 equal classes": (np.full(100, 0.48), HUNDRED),
}
IMAGES = (2, 5, 10, 45)
MEANS = ("all", "many", "medium", "few", "lowest")
"""Of all classes, of each group, and of the group that came out lowest."""


@cache
def by_class(setting: str, images: int, draws: int) -> dict[str, float]:
    """Share of draws in which each interval of group_estimates holds the truth."""
    truth, groups = SETTINGS[setting]
    random, counts = stream("classes", setting, images), np.full(len(truth), images)
    true = {name: float(value) for name, value in st.group_statistics(100 * truth, groups).items()}
    held = dict.fromkeys([*true, "lowest"], 0)
    for _ in range(draws):
        found = st.group_estimates(100 * random.binomial(images, truth) / images, counts, groups)
        for name, measure in found.items():
            held[name] += inside(measure.interval, true[name])
        lowest = min(groups, key=lambda name: found[name].value)
        held["lowest"] += inside(found[lowest].interval, true[lowest])
    return {name: hits / draws for name, hits in held.items()}


def least_of_means(draws: int, *, setting: str, images: int) -> float:
    """The least share of the means of all classes and of groups."""
    held = by_class(setting, images, draws)
    return min(held[name] for name in MEANS)


def one_of(draws: int, *, setting: str, images: int, name: str) -> float:
    """The share of one statistic."""
    return by_class(setting, images, draws)[name]


def everywhere(make: object, least: int = 2, **more: str) -> dict[str, Case]:
    """A case for each setting and number of images."""
    return {
        f"{setting}, {images} images each": partial(make, setting=setting, images=images, **more)  # type: ignore[arg-type]
        for setting in SETTINGS
        for images in IMAGES
        if images >= least
    }


def resampled(draws: int, *, setting: str, images: int, name: str) -> float:
    """Before: percentiles of resamplings of the images within their classes."""
    truth, groups = SETTINGS[setting]
    true = float(st.group_statistics(100 * truth, groups)[name])

    def held(random: np.random.Generator, _: int) -> bool:
        shares = random.binomial(images, truth) / images
        drawn = st.group_statistics(100 * random.binomial(images, shares, (300, len(truth))) / images, groups)[name]
        return inside(tuple(np.quantile(drawn, (0.025, 0.975))), true)

    return share(draws, held, "resampled", setting, images, name)


def apart(draws: int, *, images: int, name: str) -> float:
    """Share of pairs of equally good encoders whose Std or worst class differ."""
    truth, groups = SETTINGS["10 classes"]
    counts = np.full(len(truth), images)

    def differ(random: np.random.Generator, _: int) -> bool:
        pair = [
            [st.group_estimates(100 * random.binomial(images, truth) / images, counts, groups, level=0.975)[name]]
            for _ in range(2)
        ]
        return not inside(st.apart_interval(*pair), 0.0)

    return share(draws, differ, "apart", images, name)


def over_the_limit(draws: int, *, images: int) -> float:
    """Before: one split's Std against the limit of 5 points, of an encoder that is as uneven as its random weights."""
    truth, groups = SETTINGS["10 classes"]
    counts = np.full(len(truth), images)
    return share(
        draws,
        lambda random, _: (
            st.group_estimates(100 * random.binomial(images, truth) / images, counts, groups)["std"].value > 5
        ),
        "limit",
        images,
    )


def answers(random: np.random.Generator, images: int, classes: int) -> np.ndarray:
    """Differences [classes, images] of two equally good encoders, each right on most images of the other."""
    chance = random.uniform(0.3, 0.9, classes)[:, None]
    common, same = random.random((classes, images)) < chance, random.random((classes, images)) < 0.6
    ours, theirs = (np.where(same, common, random.random((classes, images)) < chance) for _ in range(2))
    return 100.0 * ours - 100.0 * theirs


def told_apart(draws: int, *, images: int, classes: int) -> float:
    """Share of pairs of equally good encoders that compare tells apart."""
    strata, weights = np.repeat(np.arange(classes), images), dict.fromkeys(range(classes), 1 / classes)

    def differ(random: np.random.Generator, _: int) -> bool:
        values = answers(random, images, classes).ravel()
        return not inside(st.stratified_interval(values, strata, weights, span=100.0), 0.0)

    return share(draws, differ, "told apart", images, classes)


def shared_draws(draws: int, *, images: int, classes: int) -> float:
    """Before: a bootstrap whose draws classes of one size share."""

    def differ(random: np.random.Generator, _: int) -> bool:
        values, rows = answers(random, images, classes), random.integers(0, images, (300, images))
        return not inside(tuple(np.quantile(values[:, rows].mean((0, 2)), (0.025, 0.975))), 0.0)

    return share(draws, differ, "shared draws", images, classes)


GROUPS_READ = {
    "2 alike": (0.5, 0.5),
    "2 apart": (0.98, 0.6),
    "3, all but certain": (0.99, 0.97, 0.95),
    "8": tuple(np.linspace(0.2, 0.9, 8)),
}
"""By name: how often the attribute of an image of each group is read."""


def attribute_read(draws: int, *, kind: str, sizes: tuple[int, int]) -> float:
    """The interval of the mean over groups of the shares that an attacker reads; groups differ in size."""
    truth = np.array(GROUPS_READ[kind])
    images, weights = np.resize(sizes, len(truth)), np.full(len(truth), 1 / len(truth))

    def held(random: np.random.Generator, _: int) -> bool:
        true = np.clip(truth + random.uniform(-0.02, 0.02, len(truth)), 0, 1)
        found = st.mean_share_interval(random.binomial(images, true) / images, images, weights)
        return inside(found, float(true.mean()))

    return share(draws, held, "attribute", kind, sizes)


ROWS = (
    Row(
        name="attribute_read",
        what="attribute read by an attacker, mean over groups (Wilson at the effective number of images)",
        where="`attribute_accuracy`",
        regime="2 to 8 groups, 10 to 500 images each, for the attacker that was fitted",
        absent="groups under 10 images",
        scores=("privacy.attribute_accuracy",),
        cases={
            f"{kind}, {a} and {b} images": partial(attribute_read, kind=kind, sizes=(a, b))
            for kind in GROUPS_READ
            for a, b in ((10, 10), (10, 100), (50, 500))
        },
        draws=2000,
    ),
    Row(
        name="class_means",
        what="mean of classes or of a group (Wilson at the effective number of images)",
        where="`all`, `many`, `medium`, `few`, the lowest of these, robust by group",
        regime="10 or 100 classes, 2 to 45 images each",
        scores=("balance.*all", "balance.*many", "balance.*medium", "balance.*few", "robustness.robust_accuracy_*_*_*"),
        cases=everywhere(least_of_means),
        before={"10 classes, 2 images each": partial(resampled, setting="10 classes", images=2, name="few")},
    ),
    Row(
        name="std",
        what="Std between groups (inverted test)",
        where="`std`, `std_reference`",
        regime="10 or 100 classes, 2 to 45 images each, equally good or not",
        absent="under two groups",
        scores=("balance.*std", "balance.std_reference"),
        cases=everywhere(one_of, name="std"),
        before={
            "10 equal classes, 45 images each": partial(resampled, setting="10 equal classes", images=45, name="std")
        },
    ),
    Row(
        name="worst_class",
        what="worst class (exact, simultaneous)",
        where="`worst_class`, `worst_group`",
        regime="10 or 100 classes, 2 to 45 images each",
        scores=("balance.*worst_class", "balance.worst_group"),
        cases=everywhere(one_of, name="worst_class"),
        before={
            "100 equal classes, 45 images each": partial(
                resampled, setting="100 equal classes", images=45, name="worst_class"
            )
        },
    ),
    Row(
        name="paired",
        what="difference of paired means (Student's t within classes)",
        where="`compare`",
        regime="equal encoders, 3 to 100 classes from 2 images each",
        absent="a class with one image",
        cases={
            f"{classes} classes, {images} images each": partial(told_apart, images=images, classes=classes)
            for classes in (3, 10, 100)
            for images in (2, 3, 5, 20)
        },
        before={"10 classes, 2 images each": partial(shared_draws, images=2, classes=10)},
        errors=True,
    ),
    Row(
        name="two_intervals",
        what="difference of Std or of worst classes (two 97.5 % intervals)",
        where="`compare`, `std_above_reference`",
        regime="equal encoders, 10 classes of 5 to 45 images",
        absent="under two groups; no weights to draw anew",
        scores=("balance.std_above_reference",),
        cases={
            f"{name}, {images} images each": partial(apart, images=images, name=name)
            for name in ("std", "worst_class")
            for images in (5, 10, 45)
        },
        before={"Std over the limit of 5 on one split, 45 images each": partial(over_the_limit, images=45)},
        errors=True,
        draws=500,
    ),
)
