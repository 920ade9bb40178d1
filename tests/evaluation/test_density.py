import numpy as np
import pytest
import torch

from holdfast.evaluation.density import (
    density_groups,
    nearest_distance,
    neighbour_consistency,
)


def features(n=40, dim=6, seed=0):
    return torch.randn(n, dim, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_the_distance_is_that_of_a_slow_loop():
    reference, queries = features(), features(7, seed=1)
    unit = [x / x.norm(dim=1, keepdim=True) for x in (reference, queries)]
    slow = [sorted(float((q - r).norm()) for r in unit[0])[4] for q in unit[1]]
    torch.testing.assert_close(nearest_distance(reference, queries, k=5), torch.tensor(slow, dtype=torch.float64))


def test_an_image_is_not_its_own_neighbour():
    reference = torch.cat([features(5), features(1).expand(2, -1)])
    assert nearest_distance(reference, k=1)[5:].tolist() == pytest.approx([0, 0], abs=1e-6)
    assert (nearest_distance(features(5), k=1) > 0.01).all()


def test_images_in_a_sparse_place_are_further_from_their_neighbours():
    dense = torch.tensor([1.0, 0, 0]) + 0.05 * features(50, 3).float()
    sparse = torch.tensor([-1.0, 0, 0]) + 0.6 * features(50, 3, seed=1).float()
    distance = nearest_distance(torch.cat([dense, sparse]))
    assert distance[:50].max() < distance[50:].median()


def test_equal_views_share_all_neighbours_and_opposite_ones_none():
    reference, view = features(30), features(8, seed=1)
    same = torch.stack([view, view], 1)
    opposite = torch.stack([view, -view], 1)
    assert neighbour_consistency(same, reference).tolist() == [1.0] * 8
    assert neighbour_consistency(opposite, reference, k=5).tolist() == [0.0] * 8


def test_consistency_is_the_share_of_a_slow_loop():
    reference, views = features(30), features(12, seed=1).view(4, 3, 6)
    unit = reference / reference.norm(dim=1, keepdim=True)
    slow = []
    for image in views:
        near = [set((v @ unit.T).topk(5).indices.tolist()) for v in image]
        slow.append(np.mean([len(near[a] & near[b]) / 5 for a, b in ((0, 1), (0, 2), (1, 2))]))
    assert neighbour_consistency(views, reference, k=5).tolist() == pytest.approx(slow)


def test_unrelated_views_share_neighbours_as_by_chance():
    reference, views = features(100, 20), features(800, 20, seed=1).view(400, 2, 20)
    assert float(neighbour_consistency(views, reference, k=10).mean()) == pytest.approx(0.1, abs=0.03)


def test_one_view_has_nothing_to_be_compared_with():
    with pytest.raises(ValueError, match="at least two views"):
        neighbour_consistency(features(4).view(4, 1, 6), features())


@pytest.mark.parametrize(("n", "groups"), [(100, 10), (103, 10), (7, 3), (5, 5)])
def test_groups_are_equal_in_size_and_the_first_is_the_sparsest(n, groups):
    distances = np.random.default_rng(0).random(n)
    found = density_groups(distances, groups)
    sizes = np.bincount(found)[1:]
    assert len(sizes) == groups and sizes.max() - sizes.min() <= 1
    for group in range(1, groups):
        assert distances[found == group].min() >= distances[found == group + 1].max()


def test_a_dead_network_has_no_sparse_places():
    assert nearest_distance(torch.zeros(20, 4)).tolist() == [0.0] * 20
    assert nearest_distance(torch.zeros(20, 4), torch.zeros(3, 4)).tolist() == [0.0] * 3
    assert nearest_distance(torch.zeros(20, 4), torch.ones(1, 4)).tolist() == [1.0]
