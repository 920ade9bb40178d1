"""Exact nearest neighbours by cosine, in chunks, and the weighted vote of Wu et al. (arXiv:1805.01978, section 3.4)."""

import torch
import torch.nn.functional as F
from torch import Tensor

NEIGHBOURS = 20
TEMPERATURE = 0.07
_CHUNK_ELEMENTS = 2**25
"""Similarities held at once: 128 MiB of float32, whatever the number of queries."""


def neighbours(features: Tensor, k: int, *, queries: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """The k nearest rows of features [n, dim] by cosine, nearest first: similarities [q, k] in [-1, 1], indices [q, k].

    queries [q, dim]; None takes the features themselves, each without itself. k is cut to the rows there are.
    """
    alone = queries is None
    base = F.normalize(features, dim=1)
    asked = base if queries is None else F.normalize(queries, dim=1)
    k = min(k, len(base) - alone)
    if k < 1:
        raise ValueError(f"expected at least one neighbour to look at, got {len(base)} rows; give more images")
    similarities, indices = [], []
    step = max(1, _CHUNK_ELEMENTS // len(base))
    for start in range(0, len(asked), step):
        cosines = asked[start : start + step] @ base.T
        if alone:
            cosines.diagonal(start).fill_(-torch.inf)
        nearest = cosines.topk(k, dim=1)
        similarities.append(nearest.values.clamp(-1, 1))
        indices.append(nearest.indices)
    return torch.cat(similarities), torch.cat(indices)


def knn_predict(
    features: Tensor,
    labels: Tensor,
    queries: Tensor | None = None,
    *,
    classes: int,
    k: int = NEIGHBOURS,
    temperature: float = TEMPERATURE,
) -> Tensor:
    """Predicted class [q] of queries [q, dim]: neighbours in features [n, dim] vote by exp(cosine / temperature).

    The vote and its temperature of 0.07 are Wu et al.'s; they use 200 neighbours, here 20, as most later work does on
    small sets. queries None: leave one out. labels [n] int64; ties go to the lower class.
    """
    similarities, indices = neighbours(features, k, queries=queries)
    weights = (similarities / temperature).softmax(1)  # softmax only rescales each query's weights: no overflow
    votes = weights.new_zeros(len(weights), classes).scatter_add_(1, labels.to(indices.device)[indices], weights)
    return votes.argmax(1)
