import numpy as np
import pytest
import torch

from holdfast.data import external_set, memorization_partition
from holdfast.data.splits.partition import partition_checksum

LABELS = np.repeat(np.arange(10), (500, 300, 200, 100, 80, 60, 40, 20, 12, 8))


def test_parts_are_disjoint_and_cover_every_image():
    parts = memorization_partition(LABELS, seed=0)
    together = np.concatenate([parts[name] for name in ("shared", "candidate", "independent")])
    assert np.array_equal(np.sort(together), np.arange(len(LABELS)))


@pytest.mark.parametrize("labels", [997, LABELS, torch.from_numpy(LABELS), LABELS.tolist()])
def test_candidates_and_independents_are_as_many_and_a_tenth_each(labels):
    parts = memorization_partition(labels, seed=3)
    count = labels if isinstance(labels, int) else len(labels)
    assert len(parts["candidate"]) == len(parts["independent"])
    assert len(parts["candidate"]) == pytest.approx(0.1 * count, abs=1)


def test_every_class_gives_its_share_to_each_part():
    parts = memorization_partition(LABELS, seed=0)
    for name in ("candidate", "independent"):
        counts = np.bincount(LABELS[parts[name]], minlength=10)
        assert np.abs(counts - 0.1 * np.bincount(LABELS)).max() <= 1


def test_the_seed_decides_and_contiguous_indices_are_not_taken():
    first, again, other = (memorization_partition(1000, seed=seed)["candidate"] for seed in (0, 0, 1))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert np.diff(first).max() > 5


def test_near_duplicate_groups_stay_in_one_part():
    generator = np.random.default_rng(0)
    groups = generator.integers(0, 400, 1000)
    parts = memorization_partition(np.arange(1000) % 7, seed=0, groups=groups)
    owners = [set(groups[members]) for members in parts.values()]
    assert sum(map(len, owners)) == len(np.unique(groups))
    assert len(parts["candidate"]) == len(parts["independent"]) > 80
    assert len(np.concatenate(list(parts.values()))) == 1000


def test_groups_of_two_are_candidates_too():
    parts = memorization_partition(200, seed=0, groups=np.arange(200) // 2)
    assert len(parts["candidate"]) == 20


def test_other_shares_are_kept_and_unequal_ones_refused():
    assert len(memorization_partition(400, shares=(0.5, 0.25, 0.25), seed=0)["candidate"]) == 100
    with pytest.raises(ValueError, match="unequal sets"):
        memorization_partition(400, shares=(0.7, 0.1, 0.2), seed=0)
    with pytest.raises(ValueError, match="sum to 1"):
        memorization_partition(400, shares=(0.8, 0.1, 0.2), seed=0)


def test_too_few_images_are_refused():
    with pytest.raises(ValueError, match="more images"):
        memorization_partition(3, seed=0)


def test_groups_of_other_images_are_refused():
    with pytest.raises(ValueError, match="one number per image"):
        memorization_partition(10, seed=0, groups=[0, 1])


def test_the_external_set_is_stratified_and_leaves_no_twin_behind():
    groups = np.arange(len(LABELS)) // 2
    external = external_set(LABELS, share=0.2, seed=0, groups=groups)
    assert len(external) == pytest.approx(0.2 * len(LABELS), abs=2)
    inside = np.isin(np.arange(len(LABELS)), external)
    assert not set(groups[inside]) & set(groups[~inside])
    assert np.abs(np.bincount(LABELS[external], minlength=10) - 0.2 * np.bincount(LABELS)).max() <= 2
    with pytest.raises(ValueError, match="share of external"):
        external_set(10, share=1.0, seed=0)


def test_the_checksum_sees_a_moved_image():
    parts = memorization_partition(100, seed=0)
    moved = {**parts, "candidate": parts["independent"], "independent": parts["candidate"]}
    assert partition_checksum(parts) == partition_checksum({name: list(ids) for name, ids in parts.items()})
    assert partition_checksum(parts) != partition_checksum(moved)
