"""Exact nearest neighbours by cosine, in chunks, and the weighted vote of Wu et al. (arXiv:1805.01978, section 3.4)."""

import torch
import torch.nn.functional as F
from torch import Tensor

NEIGHBOURS = 20
TEMPERATURE = 0.07
_CHUNK_ELEMENTS = 2**25
"""Similarities held at once: 128 MiB of float32, whatever the number of queries."""
_LONG, _BLOCK = 8192, 32
"""Rows of at least so many values are searched by blocks of so many."""


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
        values, places = largest(cosines, k)
        similarities.append(values.clamp(-1, 1))
        indices.append(places)
    return torch.cat(similarities), torch.cat(indices)


def largest(values: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The k largest of each row [q, n], largest first, and their places, as `topk` finds them.

    Of long rows only those blocks are sorted whose largest value is among the k largest of all blocks: they hold the k
    largest values, and the rest is read once.
    """
    n = values.shape[1]
    if n < _LONG or 2 * k * _BLOCK > n:
        return values.topk(k, dim=1)
    whole = n - n % _BLOCK
    blocks = values[:, :whole].unflatten(1, (-1, _BLOCK)).amax(2).topk(k, dim=1).indices.sort(dim=1).values
    within = torch.arange(_BLOCK, device=values.device)
    places = (_BLOCK * blocks[..., None] + within).flatten(1)
    rest = torch.arange(whole, n, device=values.device).expand(len(values), -1)
    places = torch.cat([places, rest], 1)
    found = values.gather(1, places).topk(k, dim=1)
    return found.values, places.gather(1, found.indices)


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
