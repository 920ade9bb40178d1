# pyright: reportOptionalMemberAccess=false, reportOptionalSubscript=false, reportArgumentType=false
import math
from decimal import Decimal, localcontext

import pytest
import torch

from holdfast.data import class_groups, long_tail_counts, long_tail_split, parse_long_tail
from holdfast.data.splits.long_tail import split_of


def even_pool(classes=10, each=60):
    labels = torch.arange(classes).repeat(each)
    return labels, torch.arange(len(labels)) * 3 + 1


def as_set(ids):
    return set(ids.tolist())


def test_a_pool_of_50000_gives_the_usual_12406_and_one_of_45000_the_paper_s_11165():
    for each, total in ((5000, 12_406), (4500, 11_165)):
        labels = torch.arange(10).repeat(each)
        split = long_tail_split(labels, torch.arange(len(labels)), imbalance=100, seed=0)
        assert len(split.train) == sum(split.counts) == total


@pytest.mark.parametrize("imbalance", [1, 1.5, 2, 10, 20, 33.3, 50, 100, 256, 1000])
@pytest.mark.parametrize("classes", [2, 3, 5, 10, 100])
def test_class_sizes_are_the_exact_floor(classes, imbalance):
    with localcontext() as context:
        context.prec = 60
        for largest in (1, 100, 1000, 1280, 4500):
            for i, count in enumerate(long_tail_counts(classes=classes, largest=largest, imbalance=imbalance)):
                exact = largest * Decimal(str(imbalance)) ** (Decimal(-i) / (classes - 1))
                nearest = exact.to_integral_value()  # the power itself is rounded in its 60th digit
                assert count == (nearest if abs(exact - nearest) < Decimal("1e-40") else math.floor(exact))


def test_floating_point_would_lose_an_image_where_the_floor_is_exact():
    imbalances = [n**4 for n in range(2, 30)]
    for ratio in imbalances:
        root = round(ratio**0.25)
        assert long_tail_counts(classes=5, largest=ratio, imbalance=ratio) == [root ** (4 - i) for i in range(5)]
    assert any(
        [math.floor(r * r ** (-i / 4)) for i in range(5)] != long_tail_counts(classes=5, largest=r, imbalance=r)
        for r in imbalances
    )


def test_one_class_keeps_everything():
    assert long_tail_counts(classes=1, largest=70, imbalance=100) == [70]


def test_an_imbalance_of_one_is_even():
    assert long_tail_counts(classes=4, largest=70, imbalance=1) == [70] * 4


@pytest.mark.parametrize("wrong", [{"classes": 0}, {"largest": 0}, {"imbalance": 0.5}, {"imbalance": math.inf}])
def test_counts_of_nothing_are_refused(wrong):
    with pytest.raises(ValueError, match="at least 1"):
        long_tail_counts(**{"classes": 3, "largest": 10, "imbalance": 2} | wrong)


def test_a_rule_is_parsed():
    assert parse_long_tail("exp:100") == 100
    assert parse_long_tail("exp:2.5") == 2.5


@pytest.mark.parametrize("text", ["100", "exp", "exp:", "exp:0.5", "exp:nan", "exp:inf", "pareto:6", "exp:a", ""])
def test_anything_else_is_refused_with_an_example(text):
    with pytest.raises(ValueError, match=r"'exp:RATIO' .* such as exp:100"):
        parse_long_tail(text)


@pytest.mark.parametrize("rule", ["thirds", "thresholds"])
def test_every_class_is_in_one_group_and_more_images_never_mean_a_rarer_group(rule):
    counts = [7, 200, 20, 100, 101, 19, 7, 55, 3, 900, 20]
    groups = class_groups(counts, rule=rule)
    assert sorted(groups["few"] + groups["medium"] + groups["many"]) == list(range(len(counts)))
    assert max(counts[i] for i in groups["few"]) <= min(counts[i] for i in groups["medium"])
    assert max(counts[i] for i in groups["medium"]) <= min(counts[i] for i in groups["many"])


def test_ties_go_by_class_number():
    assert class_groups([5] * 7) == {"few": [0, 1], "medium": [2, 3], "many": [4, 5, 6]}


def test_thresholds_include_20_and_100_in_medium():
    assert class_groups([19, 20, 100, 101], rule="thresholds") == {"few": [0], "medium": [1, 2], "many": [3]}


def test_an_unknown_group_rule_is_refused():
    with pytest.raises(ValueError, match="'thirds' or 'thresholds', got 'quarters'"):
        class_groups([1, 2, 3], rule="quarters")


@pytest.mark.parametrize("seed", range(3))
def test_few_shot_lies_inside_the_tail_and_inside_the_balanced_set(seed):
    labels, ids = even_pool()
    split = long_tail_split(labels, ids, imbalance=20, seed=seed)
    assert as_set(split.few_shot) <= as_set(split.train) & as_set(split.balanced)
    assert as_set(split.train) | as_set(split.balanced) <= as_set(ids)
    for drawn in (split.train, split.balanced, split.few_shot):
        assert torch.equal(drawn, drawn.unique())


def test_within_a_class_the_smaller_draw_is_the_start_of_the_larger():
    labels, ids = even_pool()
    split = long_tail_split(labels, ids, imbalance=20, seed=0)
    for index in range(10):
        members = as_set(ids[labels == index])
        tail, balanced = as_set(split.train) & members, as_set(split.balanced) & members
        assert tail <= balanced or balanced <= tail


def test_a_split_is_the_same_for_permuted_rows_and_any_label_type():
    labels, ids = even_pool()
    split = long_tail_split(labels, ids, imbalance=20, seed=4)
    order = torch.randperm(len(ids), generator=torch.Generator().manual_seed(0))
    for kind in (torch.int64, torch.int32, torch.uint8):
        other = long_tail_split(labels[order].to(kind), ids[order], imbalance=20, seed=4)
        assert other.counts == split.counts
        for name in ("train", "balanced", "few_shot"):
            assert torch.equal(getattr(other, name), getattr(split, name))


def test_the_seed_decides_which_classes_are_rare_and_which_images_stay():
    labels, ids = even_pool()
    splits = [long_tail_split(labels, ids, imbalance=20, seed=seed) for seed in range(20)]
    assert len({split.counts for split in splits}) > 15
    assert len({split.counts.index(min(split.counts)) for split in splits}) > 4
    twice = [long_tail_split(labels, ids, imbalance=1, seed=seed, largest=30).train for seed in (0, 1)]
    assert not torch.equal(*twice)


def test_every_image_is_equally_likely_to_stay():
    labels, ids = even_pool(classes=2, each=40)
    kept = torch.zeros(len(ids) * 3 + 1)
    for seed in range(300):
        kept[long_tail_split(labels, ids, imbalance=1, seed=seed, largest=20).train] += 1
    assert (kept[ids] - 150).abs().max() < 5 * math.sqrt(300 * 0.25)


def test_the_largest_class_can_be_set():
    labels, ids = even_pool()
    assert max(long_tail_split(labels, ids, imbalance=5, seed=0, largest=30).counts) == 30


def test_a_class_with_too_few_images_gives_all_it_has():
    labels = torch.arange(4).repeat_interleave(torch.tensor([50, 100, 60, 100]))
    ids = torch.arange(len(labels))
    for seed in range(10):
        split = long_tail_split(labels, ids, imbalance=4, seed=seed)
        rule = long_tail_counts(classes=4, largest=100, imbalance=4)
        assert all(count in rule or count == here for count, here in zip(split.counts, [50, 100, 60, 100], strict=True))
        assert labels[split.balanced].bincount().tolist() == [min(sum(split.counts) // 4, 50)] * 4
        assert as_set(split.few_shot) <= as_set(split.train) & as_set(split.balanced)


def test_a_class_left_without_an_image_is_refused():
    labels, ids = even_pool(classes=3, each=5)
    with pytest.raises(ValueError, match="at least one image in every class of the long tail"):
        long_tail_split(labels, ids, imbalance=100, seed=0)
    with pytest.raises(ValueError, match=r"got \[5, 0, 5\] images by class"):
        long_tail_split(labels[labels != 1], ids[labels != 1], imbalance=2, seed=0)


def test_labels_without_images_are_refused():
    with pytest.raises(ValueError, match="got 3 labels and 2 ids"):
        long_tail_split(torch.tensor([0, 1, 1]), torch.arange(2), imbalance=2, seed=0)
    with pytest.raises(ValueError, match="got 0 labels"):
        long_tail_split(torch.tensor([], dtype=torch.int64), torch.arange(0), imbalance=2, seed=0)


def test_a_given_tail_is_kept_and_completed_by_the_same_rule():
    labels, ids = even_pool()
    drawn = long_tail_split(labels, ids, imbalance=20, seed=0)
    given = split_of(labels, ids, drawn.train, seed=9)
    assert torch.equal(given.train, drawn.train)
    assert given.counts == drawn.counts
    assert as_set(given.few_shot) <= as_set(given.train) & as_set(given.balanced)
    assert len(given.balanced) == len(drawn.balanced)
