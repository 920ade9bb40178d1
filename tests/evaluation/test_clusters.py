import numpy as np
import pytest
import torch
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score

from holdfast.evaluation.clusters import cluster, principal


def blobs(k=4, each=60, spread=0.15, dim=5):
    generator = torch.Generator().manual_seed(0)
    centres = torch.randn(k, dim, generator=generator)
    labels = torch.arange(k).repeat_interleave(each)
    return centres[labels] + spread * torch.randn(k * each, dim, generator=generator), labels


def test_well_separated_groups_are_found_and_hold_under_resampling():
    features, labels = blobs()
    found = cluster(features, 4, seed=1)
    assert adjusted_rand_score(labels, found.members) == 1
    assert found.sizes.tolist() == [60] * 4
    assert found.stability.tolist() == [1.0] * 5


def test_groups_that_are_not_there_do_not_hold():
    noise = torch.randn(300, 10, generator=torch.Generator().manual_seed(0))
    assert cluster(noise, 10).stability.mean() < 0.5


def test_the_fit_is_as_good_as_scikit_learns():
    features, _ = blobs(k=6, spread=0.8)
    found = cluster(features, 6)
    inertia = float((features - found.centres[found.members]).square().sum())
    best = float(KMeans(6, n_init=10, random_state=0).fit(features.numpy()).inertia_ or 0)
    assert inertia <= 1.03 * best


def test_the_seed_decides_and_repeats():
    features, _ = blobs(k=6, spread=0.8)
    first, again, other = (cluster(features, 6, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(first.members, again.members)
    assert np.array_equal(first.stability, again.stability)
    assert not torch.equal(first.centres, other.centres)


def test_further_rows_go_to_the_nearest_centre():
    features, _ = blobs()
    found = cluster(features, 4)
    assert torch.equal(found.assign(features), found.members)
    assert (found.assign(found.centres) == torch.arange(4)).all()


def test_rows_that_coincide_leave_clusters_empty():
    found = cluster(torch.ones(20, 3), 5)
    assert sorted(found.sizes.tolist(), reverse=True) == [20, 0, 0, 0, 0]
    assert found.stability.tolist() == [1.0] * 5


@pytest.mark.parametrize("k", [0, 4])
def test_more_clusters_than_rows_are_refused(k):
    with pytest.raises(ValueError, match="expected 1 to 3 clusters"):
        cluster(torch.ones(3, 2), k)


def test_principal_directions_keep_the_distances():
    features, _ = blobs(dim=30)
    small, others = principal(features, features[:7] + 1, directions=30)
    distances = [torch.cdist(x, x, compute_mode="donot_use_mm_for_euclid_dist") for x in (small, features)]
    torch.testing.assert_close(*distances, rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(others, principal(features, features[:7] + 1)[1])
    few, _ = principal(features, features, directions=4)
    assert few.shape == (240, 4)
    assert few.var(0)[0] >= few.var(0)[3]
