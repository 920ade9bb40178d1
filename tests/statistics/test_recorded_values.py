"""Values of every statistic that did not change since before the statistics had a home: same seeds, same draws."""

import json
from pathlib import Path

import numpy as np
import pytest

from holdfast import statistics as st

RECORDED = json.loads((Path(__file__).parent / "recorded.json").read_text())
DRAWN = np.random.default_rng(7)
A, B = DRAWN.normal(0.4, 1, 40), DRAWN.normal(0, 1.5, 60)


def memberships():
    drawn = st.resampled_membership(A, B, groups=(np.arange(40) // 2, np.arange(60) // 3), seed=4)
    return {name: st.percentile_interval(values, st.membership(A, B)[name]) for name, values in drawn.items()}


def of(estimate, *names):
    return [getattr(estimate, name) for name in names]


NOW = {
    "wilson": lambda: [st.wilson_interval(p, n) for p, n in ((0, 80), (37.5, 16), (100, 5))],
    "p": lambda: st.empirical_p(A[:5], B),
    "q": lambda: st.false_discovery(st.empirical_p(A, B))[:5],
    "effect": lambda: st.effect_size(A, B),
    "spearman": lambda: st.spearman(A, B[:40]),
    "spearman_interval": lambda: st.spearman_interval(A, B[:40], seed=5),
    "spearman_interval_clusters": lambda: st.spearman_interval(A, B[:40], clusters=np.arange(40) // 5, seed=5),
    "cross": lambda: st.mean_pairwise_spearman([A, B[:40], B[20:]]),
    "membership": lambda: st.membership(A, B),
    "resampled_membership": memberships,
    "calibrated": lambda: st.calibrated_accuracy(A, B, seed=6),
    "t": lambda: [st.t_quantile(k) for k in (1, 2, 5, 30)],
    "over_runs": lambda: of(st.over_runs([1.0, 2.0, 4.0], "x"), "value", "low", "high", "spread"),
    "unpaired": lambda: of(st.unpaired([1.0, 2.0, 4.0], [0.0, 3.0], "x"), "value", "low", "high"),
}


@pytest.mark.parametrize("name", NOW)
def test_a_statistic_gives_what_it_gave(name):
    found, recorded = NOW[name](), RECORDED[name]
    if isinstance(recorded, dict):
        assert set(found) == set(recorded)
        found, recorded = [np.ravel([values[name] for name in recorded]) for values in (found, recorded)]
    np.testing.assert_allclose(found, recorded, rtol=1e-13, atol=1e-15)
