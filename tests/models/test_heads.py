"""The projection head: two or three linear layers, a batch norm after each, one bias."""

import pytest
import torch
from torch import nn

from holdfast.models import projection_head


@pytest.mark.parametrize("layers", [2, 3])
def test_the_head_is_the_papers(layers):
    head = projection_head(12, layers=layers, out=5)
    linears = [part for part in head if isinstance(part, nn.Linear)]
    assert [tuple(part.weight.shape) for part in linears] == [(12, 12)] * (layers - 1) + [(5, 12)]
    assert [part.bias is not None for part in linears] == [True] + [False] * (layers - 1)
    kinds = [nn.Linear, nn.BatchNorm1d, nn.ReLU] * (layers - 1) + [nn.Linear, nn.BatchNorm1d]
    assert [type(part) for part in head] == kinds
    assert {(part.eps, part.momentum) for part in head if isinstance(part, nn.BatchNorm1d)} == {(1e-5, 0.1)}


def test_embeddings_leave_the_head_normalised_over_the_batch():
    features = torch.randn(64, 12, generator=torch.Generator().manual_seed(0))
    embeddings = projection_head(12, layers=2, out=5)(features)
    torch.testing.assert_close(embeddings.mean(0), torch.zeros(5), atol=1e-6, rtol=0)
    torch.testing.assert_close(embeddings.std(0, correction=0), torch.ones(5), atol=1e-3, rtol=0)


@pytest.mark.parametrize("layers", [0, 1, 4])
def test_another_depth_is_refused(layers):
    with pytest.raises(ValueError, match=f"2 or 3 layers, got {layers}"):
        projection_head(12, layers=layers, out=5)
