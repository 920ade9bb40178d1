"""How well scores tell two sets apart: AUC, and true positives at few false positives."""

from functools import partial

import numpy as np
from scipy.stats import norm

from coverage_rows.base import Row, inside, share
from holdfast import statistics as st

TPR = "tpr_at_1pct_fpr"


def scores(random: np.random.Generator, sides: tuple[int, int], apart: float) -> tuple[np.ndarray, np.ndarray]:
    """Of positives and others: unit normals that far apart."""
    return random.normal(apart, 1, sides[0]), random.normal(0, 1, sides[1])


def true_auc(apart: float) -> float:
    """AUC of unit normals that far apart."""
    return float(norm.cdf(apart / 2**0.5))


def delong(draws: int, *, sides: tuple[int, int], apart: float) -> float:
    """The interval by DeLong's variance."""
    positive = np.arange(sum(sides)) < sides[0]
    return share(
        draws,
        lambda random, _: inside(
            st.detection_auc(np.concatenate(scores(random, sides, apart)), positive)[1], true_auc(apart)
        ),
        "delong",
        sides,
        apart,
    )


def untransformed(draws: int, *, sides: tuple[int, int], apart: float) -> float:
    """Before: 1.96 of DeLong's standard errors on the scale of the AUC, [1, 1] where nothing is wrong."""

    def held(random: np.random.Generator, _: int) -> bool:
        own, others = scores(random, sides, apart)
        above = (own[:, None] > others).astype(float)
        error = (above.mean(1).var(ddof=1) / sides[0] + above.mean(0).var(ddof=1) / sides[1]) ** 0.5
        return inside((above.mean() - 1.96 * error, above.mean() + 1.96 * error), true_auc(apart))

    return share(draws, held, "untransformed", sides, apart)


def crossed(draws: int, *, sides: tuple[int, int]) -> float:
    """How often scores at the exact lower end of a perfect AUC give a perfect one."""
    apart = float(norm.ppf(st.separated_end(*sides))) * 2**0.5

    def perfect(random: np.random.Generator, _: int) -> bool:
        own, others = scores(random, sides, apart)
        return bool(own.min() > others.max())

    return 1 - share(draws, perfect, "crossed", sides)


def attack_auc(draws: int, *, images: int, apart: float) -> float:
    """The bootstrap of an attack's AUC."""

    def held(random: np.random.Generator, number: int) -> bool:
        own, others = scores(random, (images, images), apart)
        value = st.membership(own, others)["auc"]
        drawn = st.resampled_membership(own, others, seed=number, draws=500)["auc"]
        found = st.auc_interval(value, st.percentile_interval(drawn, value), images, images)
        return inside(found, true_auc(apart))

    return share(draws, held, "attack auc", images, apart)


def few_false(draws: int, *, others: int, rate: float = 0.01, name: str = TPR) -> float:
    """The bootstrap of the true positives at few false positives."""
    truth = float(1 - norm.cdf(norm.isf(rate) - 1))

    def held(random: np.random.Generator, number: int) -> bool:
        own, rest = scores(random, (min(others, 1000), others), 1.0)
        drawn = st.resampled_membership(own, rest, seed=number, draws=300)[name]
        return inside(st.percentile_interval(drawn, st.membership(own, rest)[name]), truth)

    return share(draws, held, "few false", others, rate)


ROWS = (
    Row(
        name="delong",
        what="AUC (DeLong on log-odds)",
        where="`few_auc_…`",
        regime="from 10 images a side, AUC 0.5 to 0.92",
        absent="under 10 images of a side, unless no score is out of order",
        scores=("tail.few_auc_*",),
        cases={
            f"AUC {true_auc(apart):.2f}, {m} and {n} images": partial(delong, sides=(m, n), apart=apart)
            for m, n in ((10, 50), (20, 60), (50, 50))
            for apart in (0.0, 1.0, 2.0)
        },
        before={"AUC 0.92, 10 and 50 images": partial(untransformed, sides=(10, 50), apart=2.0)},
        draws=2000,
    ),
    Row(
        name="perfect_auc",
        what="AUC without an error (exact)",
        where="`few_auc_…`, `auc_…`",
        regime="any number of images",
        cases={f"{m} and {n} images": partial(crossed, sides=(m, n)) for m, n in ((5, 200), (20, 60))},
        before={"AUC 0.92, 5 and 200 images": partial(untransformed, sides=(5, 200), apart=2.0)},
        draws=4000,
    ),
    Row(
        name="attack_auc",
        what="AUC of an attack (bootstrap)",
        where="`auc_cosine`, `auc_difference`, `auc_averaged`",
        regime="from 10 members and others, AUC 0.5 to 0.92",
        absent="under 10 images of a side, unless no score is out of order",
        scores=("privacy.auc_*",),
        cases={
            f"AUC {true_auc(apart):.2f}, {images} images a side": partial(attack_auc, images=images, apart=apart)
            for images in (10, 50)
            for apart in (0.0, 1.0, 2.0)
        },
        draws=400,
    ),
    Row(
        name="few_false",
        what="true positives at few false positives (bootstrap)",
        where="privacy",
        regime="from 500 non-members at 1 %, 5,000 at 0.1 %; reads a little high",
        absent="fewer non-members",
        scores=("privacy.tpr_at_*",),
        cases={f"1 %, {others} non-members": partial(few_false, others=others) for others in (500, 2000)}
        | {"0.1 %, 5000 non-members": partial(few_false, others=5000, rate=0.001, name="tpr_at_0.1pct_fpr")},
        before={"1 %, 100 non-members": partial(few_false, others=100)},
        draws=200,
    ),
)
