"""Attacks on one encoder: the largest of several AUCs, the blind baseline, and how far an attack lies above it."""

from functools import cache, partial

import numpy as np

from coverage_rows.base import Row, inside, share, stream
from coverage_rows.detection import scores, true_auc
from holdfast import statistics as st
from holdfast.evaluation.inference import blind_scores, blind_spread

IMAGES, COLUMNS, APART = 500, 50, 0.5
"""Members, and non-members, and columns of statistics that have nothing to say; and how far apart an attack is."""


def largest(draws: int, *, images: int, apart: tuple[float, ...]) -> float:
    """The interval of whichever of several independent attacks has the largest AUC."""
    member = np.arange(2 * images) < images

    def held(random: np.random.Generator, number: int) -> bool:
        found = [
            st.separation(
                np.concatenate(scores(random, (images, images), one)), member, np.arange(2 * images), seed=number
            )
            for one in apart
        ]
        best = int(np.argmax([one.value for one in found]))
        return inside(found[best].interval(len(found)), true_auc(apart[best]))

    return share(draws, held, "largest", images, apart)


@cache
def blind(draws: int) -> tuple[float, float]:
    """Shares in which intervals hold: of the blind baseline where it finds nothing, and of an attack less the baseline,
    on half of the images."""
    random, groups = stream("blind"), np.arange(2 * IMAGES)
    held = np.zeros(2)
    for number in range(draws):
        member, half = (random.permutation(2 * IMAGES) < IMAGES for _ in range(2))
        columns = random.normal(size=(2 * IMAGES, COLUMNS))
        found = blind_scores(columns, member, groups, seed=number)
        plain = st.separation(found, member, groups, seed=number)
        extra = max(0.0, blind_spread(columns, member, groups, seed=number) - float(plain.draws.var(ddof=1)))
        whole = st.separation(found, member, groups, seed=number, extra=extra)
        attack = random.normal(size=2 * IMAGES) + APART * member
        own, baseline = (
            st.separation(one[half], member[half], groups[half], seed=number, extra=more)
            for one, more in ((attack, 0.0), (found, extra))
        )
        ends = own.above(baseline)[1:]
        held += [inside(whole.interval(), 0.5), inside(ends, true_auc(APART) - 0.5)]
    first, second = (float(one) for one in held / draws)
    return first, second


def one_of_blind(draws: int, *, which: int) -> float:
    """One of the shares of `blind`."""
    return blind(draws)[which]


_NULL = f"{COLUMNS} columns that say nothing, {IMAGES} images a side"
ROWS = (
    Row(
        name="largest_auc",
        what="largest AUC of several attacks on one encoder (bootstrap's standard error, Bonferroni)",
        where="membership: `auc`, `auc_norm_…`, `auc_parts`, `random_…`",
        regime="from 100 images a side, AUC 0.5 to 0.76",
        absent="fewer images",
        scores=("membership.auc", "membership.auc_*", "membership.random_*"),
        cases={
            f"AUC {', '.join(f'{true_auc(one):.2f}' for one in apart)}, {images} images a side": partial(
                largest, images=images, apart=apart
            )
            for images, apart in ((100, (0.0,)), (100, (1.0,)), (100, (0.0,) * 4), (100, (0.5, 0.4, 0.0, 0.0)))
        },
        draws=200,
    ),
    Row(
        name="blind_auc",
        what="AUC of the blind baseline (bootstrap, and 40 shuffles for what fitting adds)",
        where="membership: `auc_pixels`",
        regime=f"from {IMAGES} images a side",
        absent="fewer images",
        scores=("membership.auc_pixels",),
        cases={_NULL: partial(one_of_blind, which=0)},
        said_before="an interval of drawn images alone, too narrow: fitting varies too",
        draws=200,
    ),
    Row(
        name="above_blind",
        what="AUC of an attack less the blind baseline's (paired bootstrap, and the shuffles)",
        where="membership: `above_pixels_…`",
        regime=f"from {IMAGES} images a side",
        absent="fewer images",
        scores=("membership.above_pixels_*",),
        cases={f"AUC {true_auc(APART):.2f}, {_NULL}": partial(one_of_blind, which=1)},
        draws=200,
    ),
)
