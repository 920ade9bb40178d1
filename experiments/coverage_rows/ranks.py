"""Rank correlations: over images, over classes, of pairs against the null, and whether a ranking may be used."""

from functools import partial

import numpy as np

from coverage_rows.base import Row, inside, share
from holdfast import statistics as st


def true_spearman(signal: float) -> float:
    """Of x and signal x + noise, both normal."""
    return 6 / np.pi * np.arcsin(signal / np.hypot(1, signal) / 2)


def correlated(draws: int, *, signal: float, rows: int) -> float:
    """The bootstrap of a rank correlation."""

    def held(random: np.random.Generator, number: int) -> bool:
        by = random.normal(size=rows)
        return inside(st.spearman_interval(by, signal * by + random.normal(size=rows), seed=number), truth)

    truth = true_spearman(signal)
    return share(draws, held, "correlated", signal, rows)


def correlations_apart(draws: int, *, signal: float, rows: int) -> float:
    """The paired bootstrap of two rank correlations that are equal."""

    def held(random: np.random.Generator, number: int) -> bool:
        by = random.normal(size=rows)
        pair = [(by, signal * by + random.normal(size=rows)) for _ in range(2)]
        return inside(st.spearman_difference(pair[0], pair[1], seed=number), 0.0)

    return share(draws, held, "correlations apart", signal, rows)


def local_scale(random: np.random.Generator, rows: int) -> tuple[np.ndarray, ...]:
    """Distances of an image to two halves of the others and between its views: all follow its place's scale."""
    scale = random.lognormal(0, 0.5, rows)
    return tuple(scale * random.lognormal(0, 0.2, rows) for _ in range(3))


def trend_of_scale(draws: int, *, rows: int) -> float:
    """The trend of features whose rare images are as steady as the common ones for the scale of their place."""

    def held(random: np.random.Generator, number: int) -> bool:
        first, second, view = local_scale(random, rows)
        return inside(st.spearman_interval(second, view / first, seed=number), 0.0)

    return share(draws, held, "trend of scale", rows)


def plain_trend(draws: int, *, rows: int) -> float:
    """Before: view distance itself against sparseness."""

    def held(random: np.random.Generator, number: int) -> bool:
        first, _, view = local_scale(random, rows)
        return inside(st.spearman_interval(first, view, seed=number), 0.0)

    return share(draws, held, "plain trend", rows)


def over_classes(draws: int, *, classes: int) -> float:
    """Fisher's interval over classes whose ratio has nothing to do with their size."""

    def held(random: np.random.Generator, _: int) -> bool:
        ratios, sizes = _in_classes(random, classes)
        value = st.spearman(np.array([part.mean() for part in ratios]), sizes)
        return inside(st.correlation_interval(value, classes), 0.0)

    return share(draws, held, "over classes", classes)


def over_images(draws: int, *, classes: int) -> float:
    """Before: resampled images, as if those of a class were independent."""

    def held(random: np.random.Generator, number: int) -> bool:
        ratios, sizes = _in_classes(random, classes)
        by = np.repeat(sizes, [len(part) for part in ratios])
        return inside(st.spearman_interval(np.concatenate(ratios), by, seed=number), 0.0)

    return share(draws, held, "over images", classes)


def _in_classes(random: np.random.Generator, classes: int) -> tuple[list[np.ndarray], np.ndarray]:
    """Ratios by class that share an effect of the class, which has nothing to do with its size."""
    sizes = np.geomspace(60, 6, classes).round()
    return [0.5 * random.normal() + random.normal(size=int(size)) for size in sizes], sizes


def rankings(random: np.random.Generator, images: int, signal: float = 0.7) -> np.ndarray:
    """Three rankings that agree somewhat for other reasons than memory."""
    return signal * random.normal(size=images) + random.normal(size=(3, images))


def agreement(draws: int, *, images: tuple[int, int]) -> float:
    """The bootstrap of the gap between rankings that repeat alike in both sets."""
    groups = (np.arange(images[0]), np.arange(images[1]))

    def held(random: np.random.Generator, number: int) -> bool:
        own, null = (rankings(random, n) for n in images)
        return inside(st.agreement_gap(own, null, groups=groups, seed=number)[1], 0.0)

    return share(draws, held, "agreement", images)


def may_be_used(draws: int, *, images: tuple[int, int], above: float) -> float:
    """Share of nulls that pass for a ranking that may be used."""
    groups = (np.arange(images[0]), np.arange(images[1]))

    def passes(random: np.random.Generator, number: int) -> bool:
        own, null = rankings(random, images[0], 0.5) + above, rankings(random, images[1], 0.5)
        apart = st.difference_interval(own.mean(0), null.mean(0))
        found = (st.false_discovery(st.empirical_p(own.mean(0), null.mean(0))) <= 0.05).any()
        if apart is None or apart[0] <= 0 or not found:
            return False
        gap = st.agreement_gap(own, null, groups=groups, seed=number)[1]
        return gap is not None and gap[0] > 0

    return share(draws, passes, "may be used", images, above)


def two_correlations(draws: int, *, images: tuple[int, int]) -> float:
    """Before: one rank correlation larger than the other, without the error of either."""

    def passes(random: np.random.Generator, _: int) -> bool:
        own, null = (rankings(random, n, 0.5) for n in images)
        return st.mean_pairwise_spearman(list(own)) > st.mean_pairwise_spearman(list(null))

    return share(draws, passes, "two correlations", images)


def discovered(draws: int, *, images: tuple[int, int]) -> float:
    """Share of nulls in which at least one image is discovered."""

    def finds(random: np.random.Generator, _: int) -> bool:
        own, null = (random.normal(size=n) for n in images)
        return bool((st.false_discovery(st.empirical_p(own, null)) <= 0.05).any())

    return share(draws, finds, "discovered", images)


def higher(draws: int, *, images: tuple[int, int]) -> float:
    """Share of nulls whose candidates have a higher mean at p of at most 0.05: skewed values, unequal numbers."""
    return share(
        draws,
        lambda random, _: st.larger_mean_p(*(random.gamma(4, 0.05, n) for n in images)) <= 0.05,
        "higher",
        images,
    )


ROWS = (
    Row(
        name="agreement",
        what="agreement of pairs above the null (bootstrap of images)",
        where="`cross_pair_gap`",
        regime="3 pairs, from 20 images a set",
        absent="under two pairs; under 20 images in a set",
        scores=("memorization.cross_pair_gap",),
        cases={f"{a} and {b} images": partial(agreement, images=(a, b)) for a, b in ((20, 30), (60, 90))},
        said_before="no interval",
        draws=200,
    ),
    Row(
        name="ranking",
        what="“the ranking may be used” (gap above 0, mean above the null, a discovery)",
        where="memorization",
        regime="3 pairs; the null repeats as much; also candidates that are higher in no order of their own",
        absent="under 3 pairs",
        cases={
            "pure noise, 100 and 300 images": partial(may_be_used, images=(100, 300), above=0.0),
            "all higher, 100 and 300 images": partial(may_be_used, images=(100, 300), above=0.6),
        },
        before={"pure noise, 100 and 300 images": partial(two_correlations, images=(100, 300))},
        errors=True,
        draws=200,
    ),
    Row(
        name="discovered",
        what="a discovery (p against the null, Benjamini and Hochberg at 5 %)",
        where="`discovered`, q of an image",
        regime="no image stands out; enough in the null for one discovery",
        absent="under 3 pairs",
        cases={f"{a} and {b:,} images": partial(discovered, images=(a, b)) for a, b in ((20, 500), (100, 4000))},
        errors=True,
        draws=4000,
    ),
    Row(
        name="higher_mean",
        what="candidates above the null (Welch, one-sided)",
        where="`p_candidate`",
        regime="equal means, skewed, from 20 images a set",
        cases={f"{a} and {b} images": partial(higher, images=(a, b)) for a, b in ((20, 20), (100, 50), (50, 200))},
        errors=True,
        draws=4000,
    ),
    Row(
        name="class_size",
        what="ratio against class size (Fisher's z over classes)",
        where="`class_size`",
        regime="from 6 classes, images of a class alike",
        absent="under 6 classes",
        scores=("memorization.class_size*",),
        cases={f"{classes} classes": partial(over_classes, classes=classes) for classes in (6, 10, 40)},
        before={"10 classes": partial(over_images, classes=10)},
        draws=1000,
    ),
    Row(
        name="correlation",
        what="rank correlation over images (bootstrap)",
        where="tail trends",
        regime="from 20 images; among them places of unequal scale and no trend",
        absent="under 20 images",
        scores=("tail.*_trend",),
        cases={
            f"{signal:g} of signal, {rows} images": partial(correlated, signal=signal, rows=rows)
            for signal in (0.0, 0.6, 2.0)
            for rows in (20, 100)
        }
        | {"scale alone, 100 images": partial(trend_of_scale, rows=100)},
        before={"scale alone, 100 images": partial(plain_trend, rows=100)},
        draws=200,
    ),
    Row(
        name="correlations_apart",
        what="difference of two rank correlations (paired bootstrap)",
        where="`…_above_reference` of the tail",
        regime="from 20 images",
        absent="under 20 images; no weights to draw anew",
        scores=("tail.*_trend_above_reference",),
        cases={
            f"{signal:g} of signal, {rows} images": partial(correlations_apart, signal=signal, rows=rows)
            for signal in (0.0, 0.6)
            for rows in (20, 100)
        },
        said_before="no reference",
        draws=200,
    ),
)
