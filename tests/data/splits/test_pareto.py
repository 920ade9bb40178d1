import pytest
import torch

from holdfast.config import MethodConfig, RunConfig
from holdfast.data import class_groups, long_tail_split, nested_subsets, pareto_counts, prepare
from holdfast.data.splits.long_tail import long_tail_profile


def test_alpha_6_has_the_size_and_the_ends_of_imagenet_lt():
    counts = pareto_counts(classes=1000, largest=1280, alpha=6)
    assert (counts[0], counts[-1]) == (1280, 5)
    assert sum(counts) == pytest.approx(115_846, rel=0.02)
    assert counts == sorted(counts, reverse=True)


def test_counts_are_quantiles_of_the_law():
    alpha, counts = 2.5, pareto_counts(classes=9, largest=10_000, alpha=2.5, least=1)
    quantiles = [count / counts[0] * (10 ** (1 / alpha) - 1) for count in counts]
    survival = [(1 + q) ** -alpha for q in quantiles]
    assert survival == pytest.approx([(i + 1) / 10 for i in range(9)], abs=1e-3)


def test_a_heavier_tail_has_a_smaller_alpha():
    totals = [sum(pareto_counts(classes=50, largest=1000, alpha=alpha)) for alpha in (1, 3, 6, 20)]
    assert totals == sorted(totals) and len(set(totals)) == 4


def test_the_least_never_exceeds_the_largest():
    assert pareto_counts(classes=3, largest=2, alpha=6) == [2, 2, 2]
    assert pareto_counts(classes=1, largest=70, alpha=6) == [70]


@pytest.mark.parametrize("wrong", [{"classes": 0}, {"largest": 0}, {"alpha": 0.0}, {"least": 0}])
def test_pareto_counts_of_nothing_are_refused(wrong):
    with pytest.raises(ValueError, match="at least 1"):
        pareto_counts(**{"classes": 3, "largest": 10, "alpha": 6} | wrong)


@pytest.mark.parametrize("text", ["pareto:0", "pareto:-1", "pareto:x", "pareto:inf", "pareto:"])
def test_a_pareto_tail_without_a_power_is_refused(text):
    with pytest.raises(ValueError, match="such as pareto:6"):
        long_tail_profile(text)


def test_a_pareto_split_has_its_class_sizes_and_its_groups():
    labels = torch.arange(30).repeat_interleave(200)
    split = long_tail_split(labels, torch.arange(len(labels)), profile=long_tail_profile("pareto:6"), seed=1)
    assert sorted(split.counts, reverse=True) == pareto_counts(classes=30, largest=200, alpha=6)
    assert split.counts[0] != 200, "the seed says which class is common"
    assert len(class_groups(split.counts)["few"]) == 10


def test_a_run_draws_a_pareto_tail_from_a_labelled_source():
    pool = prepare(RunConfig(method=MethodConfig(), data="digits", long_tail="pareto:6", image_size=8))
    assert pool.split is not None
    assert len(pool.train) == sum(pool.split.counts) < 700
    assert max(pool.split.counts) <= 183 and min(pool.split.counts) >= 5


def test_smaller_subsets_lie_inside_larger_ones_with_a_share_of_every_class():
    labels = torch.arange(5).repeat_interleave(torch.tensor([400, 200, 100, 60, 3]))
    ids = torch.arange(len(labels)) * 2
    one, ten, everything = nested_subsets(labels, ids, (0.01, 0.1, 1), seed=3)
    assert set(one.tolist()) < set(ten.tolist()) < set(everything.tolist()) == set(ids.tolist())
    by_class = [torch.bincount(labels[drawn // 2], minlength=5).tolist() for drawn in (one, ten)]
    assert by_class == [[4, 2, 1, 1, 1], [40, 20, 10, 6, 1]]


def test_subsets_are_drawn_as_the_long_tail_is():
    labels = torch.arange(4).repeat(50)
    split = long_tail_split(labels, torch.arange(200), imbalance=10, seed=3)
    (tenth,) = nested_subsets(labels, torch.arange(200), [0.1], seed=3)
    assert set(tenth.tolist()) <= set(split.train.tolist())


@pytest.mark.parametrize("share", [0, -0.1, 1.5])
def test_a_share_is_above_0_and_at_most_1(share):
    with pytest.raises(ValueError, match="1 % of every class"):
        nested_subsets(torch.arange(3), torch.arange(3), [share], seed=0)
