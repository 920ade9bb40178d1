import pytest
import torch

from holdfast.evaluation import knn_predict, neighbours
from holdfast.evaluation.probes import knn


def rows(n, dim=5, seed=0):
    return torch.randn(n, dim, generator=torch.Generator().manual_seed(seed))


def slow_vote(features, labels, query, *, k, temperature, classes):
    cosines = [float(torch.cosine_similarity(query, row, dim=0)) for row in features]
    nearest = sorted(range(len(cosines)), key=lambda i: -cosines[i])[:k]
    votes = torch.zeros(classes, dtype=torch.float64)
    for i in nearest:
        votes[labels[i]] += torch.tensor(cosines[i] / temperature, dtype=torch.float64).exp()
    return int(votes.argmax())


def test_the_vote_equals_a_slow_loop():
    features, queries, labels = rows(60), rows(30, seed=1), torch.arange(60) % 4
    expected = [slow_vote(features, labels, q, k=7, temperature=0.07, classes=4) for q in queries]
    assert knn_predict(features, labels, queries, classes=4, k=7).tolist() == expected


def test_leave_one_out_leaves_each_row_out():
    features, labels = rows(40), torch.arange(40) % 4
    others = [torch.arange(40) != i for i in range(40)]
    expected = [
        slow_vote(features[keep], labels[keep], features[i], k=5, temperature=0.07, classes=4)
        for i, keep in enumerate(others)
    ]
    assert knn_predict(features, labels, classes=4, k=5).tolist() == expected


@pytest.mark.parametrize("queries", [None, rows(30, seed=1)])
def test_chunks_change_nothing(queries, monkeypatch):
    whole = neighbours(rows(40), 5, queries=queries)
    monkeypatch.setattr(knn, "_CHUNK_ELEMENTS", 7 * 40)
    chunked = neighbours(rows(40), 5, queries=queries)
    assert torch.equal(chunked[1], whole[1])
    torch.testing.assert_close(chunked[0], whole[0])


def test_neighbours_come_nearest_first_and_scale_does_not_matter():
    similarities, indices = neighbours(rows(40), 5)
    assert (similarities.diff(dim=1) <= 0).all()
    assert not (indices == torch.arange(40)[:, None]).any()
    scaled = rows(40) * torch.rand(40, 1, generator=torch.Generator().manual_seed(3)).add(0.1)
    assert torch.equal(neighbours(scaled, 5)[1], indices)


def test_fewer_rows_than_neighbours_are_all_asked():
    assert neighbours(rows(3), 20)[1].shape == (3, 2)
    assert neighbours(rows(3), 20, queries=rows(2))[1].shape == (2, 3)


def test_one_row_has_no_neighbour():
    with pytest.raises(ValueError, match="at least one neighbour"):
        neighbours(rows(1), 5)


def test_a_cold_temperature_does_not_overflow():
    features, labels = rows(40), torch.arange(40) % 4
    nearest = labels[neighbours(features, 1)[1][:, 0]]
    assert torch.equal(knn_predict(features, labels, classes=4, temperature=1e-4), nearest)
