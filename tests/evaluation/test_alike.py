"""What is alike by features: the threshold from random pairs holds on features whose pairs are known."""

import pytest
import torch
from torch.testing import assert_close

from holdfast.evaluation.alike import alike, directions, threshold_of


def clusters(count: int, images: int = 3000, dim: int = 64) -> torch.Tensor:
    generator = torch.Generator().manual_seed(count)
    centres = torch.randn(count, dim, generator=generator)
    return centres[torch.arange(images) % count] + 0.3 * torch.randn(images, dim, generator=generator)


def chosen(rows: torch.Tensor) -> float:
    found = threshold_of(rows, compared=len(rows) * (len(rows) - 1) // 2, seed=0).cosine
    assert found is not None
    return found


@pytest.mark.parametrize("dim", [8, 64])
def test_about_one_pair_of_features_that_share_nothing_is_above_the_threshold(dim):
    features = torch.randn(1000, dim, generator=torch.Generator().manual_seed(dim))
    (rows,) = directions(features)
    assert alike(rows, None, chosen(rows)).count <= 3


@pytest.mark.parametrize("count", [10, 1000])
def test_images_of_one_tight_class_are_not_duplicates_but_copies_among_them_are(count):
    features = clusters(count)
    noise = torch.randn(40, 64, generator=torch.Generator().manual_seed(1))
    (rows,) = directions(torch.cat([features, features[:40] + 0.02 * noise]))
    found = alike(rows, None, chosen(rows), kept=60)
    assert found.left.nonzero()[:, 0].tolist() == [*range(40), *range(3000, 3040)]
    assert sorted(map(tuple, found.pairs.tolist())) == [(row, 3000 + row) for row in range(40)]
    assert found.count == 40 and (found.cosines.diff() <= 0).all()


def test_the_threshold_asks_for_more_the_more_pairs_are_compared():
    (rows,) = directions(clusters(10))
    few, many = (threshold_of(rows, compared=count, seed=0).cosine for count in (10**5, 10**9))
    assert few is not None and many is not None and few < many < 1


def test_chunks_and_a_slow_loop_find_the_same_pairs(monkeypatch):
    first, second = directions(clusters(5, 90, 6), clusters(5, 70, 6))
    monkeypatch.setattr("holdfast.evaluation.alike._CHUNK", 7)
    found = alike(first, second, 0.9, kept=10**6)
    slow = {(a, b) for a in range(90) for b in range(70) if float(first[a] @ second[b]) >= 0.9}
    assert set(map(tuple, found.pairs.tolist())) == slow and found.count == len(slow)
    assert found.left.tolist() == [any(a == one for one, _ in slow) for a in range(90)]
    assert found.right.tolist() == [any(b == one for _, one in slow) for b in range(70)]
    assert_close(found.highest, (first @ second.T).max(1).values)


def test_features_of_one_direction_or_of_classes_alone_have_no_threshold():
    one_hot = torch.eye(4)[torch.arange(200) % 4]
    for features in (torch.ones(50, 3), one_hot):
        (rows,) = directions(features)
        assert threshold_of(rows, compared=100, seed=0).cosine is None


def test_one_image_has_nothing_to_be_compared_with():
    with pytest.raises(ValueError, match="expected two images or more to compare, got 1; give more images"):
        threshold_of(torch.ones(1, 3), compared=1, seed=0)
