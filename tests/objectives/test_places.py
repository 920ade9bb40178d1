"""InfoNCE at each place: a slow loop from the equation, what it makes lowest, and what it leaves out."""

import math

import pytest
import torch
from torch.nn import functional as F

from holdfast.objectives import likeness, place_info_nce


def draw(seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def slow(queries: torch.Tensor, keys: torch.Tensor, temperature: float) -> float:
    """The equation, place by place."""
    terms = []
    for i, query_map in enumerate(queries):
        for a, query in enumerate(query_map):
            own = math.exp(float(F.cosine_similarity(query, keys[i, a], dim=0)) / temperature)
            others = [key for j in range(len(keys)) if j != i for key in keys[j]]
            rest = sum(math.exp(float(F.cosine_similarity(query, key, dim=0)) / temperature) for key in others)
            terms.append(-math.log(own / (own + rest)))
    return sum(terms) / len(terms)


def test_the_term_is_a_slow_loop_over_places():
    queries, keys = draw(0, 3, 4, 5), draw(1, 3, 4, 5)
    assert float(place_info_nce(queries, keys, temperature=0.4)) == pytest.approx(slow(queries, keys, 0.4))


def test_other_places_of_the_same_image_count_neither_way():
    queries, keys = draw(0, 2, 3, 4), draw(1, 2, 3, 4)
    moved = keys.clone()
    moved[0, 1:] = draw(2, 2, 4)
    terms = [slow(queries[[0, 1]][:, [0]].repeat(1, 3, 1), k, 0.5) for k in (keys, moved)]
    assert terms[0] != pytest.approx(terms[1])  # other images' places do count
    own = queries.clone().requires_grad_()
    per_place = -F.log_softmax(F.cosine_similarity(own[0, 0], torch.cat([keys[0, :1], keys[1]]), dim=1) / 0.5, dim=0)[0]
    found = torch.autograd.grad(place_info_nce(own, keys, temperature=0.5), own)[0][0, 0]
    torch.testing.assert_close(found, torch.autograd.grad(per_place / 6, own)[0][0, 0])


def test_collapse_is_worse_than_maps_of_images_far_apart():
    spread = torch.eye(4, dtype=torch.float64)[:, None].expand(-1, 3, -1)
    collapsed = torch.ones(4, 3, 4, dtype=torch.float64)
    assert float(place_info_nce(collapsed, collapsed, temperature=0.5)) == pytest.approx(math.log(1 + 9))
    assert place_info_nce(spread, spread, temperature=0.5) < place_info_nce(collapsed, collapsed, temperature=0.5)


def test_a_map_that_is_blind_to_places_makes_the_term_small_too_and_is_told_by_how_alike_they_are():
    blind = torch.eye(4, dtype=torch.float64)[:, None].expand(-1, 3, -1)
    assert place_info_nce(blind, blind, temperature=0.1) < 1e-3
    assert float(likeness(blind)) == pytest.approx(1)
    assert float(likeness(torch.eye(3, dtype=torch.float64)[None])) == pytest.approx(0)
    one, other = F.normalize(draw(3, 2, 5), dim=1)
    assert float(likeness(torch.stack([one, other])[None])) == pytest.approx(float(one @ other))


def test_half_precision_is_computed_in_float32_and_shapes_are_checked():
    queries, keys = draw(0, 2, 3, 4).bfloat16(), draw(1, 2, 3, 4).bfloat16()
    assert place_info_nce(queries, keys, temperature=0.5).dtype == torch.float32
    for wrong in (keys[:, :2], keys[:1]):
        with pytest.raises(ValueError, match=r"expected queries and keys .* of 2 images or more, got"):
            place_info_nce(queries[: len(wrong)], wrong, temperature=0.5)
