"""What every statistic says of too little: one value, equal values, ties, empty classes, values that are no numbers."""

import inspect
import math
from functools import partial

import numpy as np
import pytest

from holdfast import statistics as st

ONE, TWO, SAME, MANY = (np.array(v, float) for v in ([0.3], [0.2, 0.4], [0.5] * 30, np.linspace(0, 1, 30)))
NAN = np.array([0.1, np.nan, 0.3] * 10)
INSIDE = {"all": [0, 1]}
TWO_GROUPS = {"many": [0], "few": [1]}


def estimate(name, counts, groups):
    return st.group_estimates(np.array([100.0, 0.0]), np.array(counts), groups)[name].interval


def alone(*sizes):
    return {"groups": tuple(np.arange(n) for n in sizes), "seed": 0}


GIVES_NO_INTERVAL = {
    "mean_interval": [lambda: st.mean_interval(ONE), lambda: st.mean_interval(SAME)],
    "difference_interval": [lambda: st.difference_interval(ONE, MANY), lambda: st.difference_interval(SAME, SAME)],
    "stratified_interval": [lambda: st.stratified_interval(MANY, np.r_[0, np.ones(29, int)], {0: 0.5, 1: 0.5})],
    "spearman_interval": [lambda: st.spearman_interval(SAME, MANY), lambda: st.spearman_interval(TWO, TWO)],
    "spearman_difference": [lambda: st.spearman_difference((SAME, MANY), (MANY, MANY), seed=0)],
    "agreement_gap": [lambda: st.agreement_gap(np.stack([TWO, TWO]), np.stack([MANY, MANY]), **alone(2, 30))[1]],
    "correlation_interval": [lambda: st.correlation_interval(0.5, 5)],
    "auc_interval": [lambda: st.auc_interval(0.7, (0.6, 0.8), 9, 500)],
    "detection_auc": [
        lambda: st.detection_auc(SAME, np.arange(30) < 15)[1],
        lambda: st.detection_auc(MANY, np.arange(30) % 4 == 0)[1],
    ],
    "over_runs": [lambda: st.over_runs([3.0, 3.0], "seeds").interval],
}
NEVER_CERTAIN = {
    "bounded_interval": [partial(st.bounded_interval, values) for values in (ONE, SAME, np.zeros(40), np.ones(1))],
    "bounded_difference": [
        lambda: st.bounded_difference(np.zeros(5), np.zeros(5)),
        lambda: st.bounded_difference(ONE, ONE),
    ],
    "wilson_interval": [partial(st.wilson_interval, percent, n) for percent in (0.0, 100.0) for n in (1, 80)],
    "mean_share_interval": [lambda: st.mean_share_interval(np.ones(3), np.ones(3), np.full(3, 1 / 3))],
    "share_difference": [
        lambda: st.share_difference((0, 0), (1, 1))[1:],
        lambda: st.share_difference((5, 0), (5, 5))[1:],
    ],
    "spread_between": [lambda: st.spread_between(np.ones(2), np.ones(2), [[0], [1]]).interval],
    "worst_interval": [lambda: st.worst_interval(np.ones(3), np.ones(3)), lambda: st.worst_interval(ONE, np.ones(1))],
    "group_estimates": [
        *(partial(estimate, name, [1, 1], TWO_GROUPS) for name in ("all", "few", "std", "worst_class")),
        partial(estimate, "all", [5, 0], INSIDE),
    ],
    "auc_interval": [partial(st.auc_interval, auc, (auc, auc), 1, 1) for auc in (0.0, 1.0)],
    "exact_interval": [partial(st.exact_interval, np.array(hits), np.array(1)) for hits in (0, 1)],
}
REFUSES_NAN = {
    "explained_values": lambda: st.explained_values(NAN, MANY),
    "mean_interval": lambda: st.mean_interval(NAN),
    "difference_interval": lambda: st.difference_interval(MANY, NAN),
    "stratified_interval": lambda: st.stratified_interval(NAN, np.zeros(30, int), {0: 1.0}),
    "percentile_interval": lambda: st.percentile_interval(NAN, 0.1),
    "bounded_interval": lambda: st.bounded_interval(NAN),
    "bounded_difference": lambda: st.bounded_difference(MANY, NAN),
    "over_runs": lambda: st.over_runs([1.0, math.nan], "seeds"),
    "unpaired": lambda: st.unpaired([1.0, 2.0], [math.nan, 2.0], "seeds"),
    "midranks": lambda: st.midranks(NAN),
    "spearman": lambda: st.spearman(MANY, NAN),
    "spearman_interval": lambda: st.spearman_interval(MANY, NAN),
    "spearman_difference": lambda: st.spearman_difference((MANY, NAN), (MANY, MANY), seed=0),
    "mean_pairwise_spearman": lambda: st.mean_pairwise_spearman([MANY, NAN]),
    "agreement_gap": lambda: st.agreement_gap(np.stack([NAN, NAN]), np.stack([MANY, MANY]), **alone(30, 30)),
    "detection_auc": lambda: st.detection_auc(NAN, np.arange(30) < 15),
    "separation": lambda: st.separation(NAN, np.arange(30) < 15, np.arange(30), seed=0),
    "membership": lambda: st.membership(NAN, MANY),
    "resampled_membership": lambda: st.resampled_membership(MANY, NAN),
    "calibrated_accuracy": lambda: st.calibrated_accuracy(NAN, MANY),
    "empirical_p": lambda: st.empirical_p(MANY, NAN),
    "false_discovery": lambda: st.false_discovery(NAN),
    "effect_size": lambda: st.effect_size(NAN, MANY),
    "larger_mean_p": lambda: st.larger_mean_p(MANY, NAN),
}
NOTHING_TO_REFUSE = {
    *("none_of", "within_bounds", "t_quantile", "correlation_interval", "auc_interval", "separated_end", "least_null"),
    *("resampled", "exact_interval", "mean_share_interval", "share_difference", "smoothed_variance", "wilson_interval"),
    *("apart_interval", "group_estimates", "group_statistics", "spread_between", "worst_by_chance", "worst_interval"),
    "ends_difference",
}
"""Of counts and of shares that were counted, or of what is refused or left out elsewhere."""


def calls(table):
    return [pytest.param(call, id=f"{name}-{i}") for name, made in table.items() for i, call in enumerate(made)]


@pytest.mark.parametrize("call", calls(GIVES_NO_INTERVAL))
def test_too_little_gives_no_interval(call):
    assert call() is None


@pytest.mark.parametrize("call", calls(NEVER_CERTAIN))
def test_no_interval_of_shares_is_certain(call):
    low, high = call()
    assert math.isfinite(low) and math.isfinite(high) and low < high


@pytest.mark.parametrize("name", REFUSES_NAN)
def test_values_that_are_no_numbers_are_refused_with_the_remedy(name):
    with pytest.raises(ValueError, match=r"NaN.*leave out"):
        REFUSES_NAN[name]()


def test_every_function_is_in_one_of_the_lists():
    public = {name for name in vars(st)["__all__"] if inspect.isfunction(getattr(st, name))}
    assert public == set(REFUSES_NAN) | NOTHING_TO_REFUSE
    assert not set(REFUSES_NAN) & NOTHING_TO_REFUSE


def test_shares_beyond_their_bounds_are_refused():
    with pytest.raises(ValueError, match="expected values from 0 to 1, got 0 to 40"):
        st.bounded_interval(np.array([0.0, 40.0]))
    with pytest.raises(ValueError, match="got none"):
        st.bounded_interval(np.array([]))
    assert st.bounded_interval(np.array([1 + 1e-13, 1.0]))[1] == 1.0


def test_shares_that_are_all_or_nothing_have_wilsons_interval():
    values = (np.arange(200) < 3).astype(float)
    assert st.bounded_interval(values) == pytest.approx(np.divide(st.wilson_interval(1.5, 200), 100), abs=1e-3)
    assert st.bounded_interval(np.zeros(80)) == pytest.approx((0.0, st.none_of(80)), abs=1e-3)
