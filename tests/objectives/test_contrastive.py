"""Laws of the contrastive losses, and a slow loop written from the equation."""

import math

import pytest
import torch
from torch.nn import functional as F

from holdfast.objectives import cancelling_nt_xent, dcl, dclw, multi_view_nt_xent, nt_xent, renyi

OBJECTIVES = {  # of (views, batch, dim)
    "nt_xent": lambda z: nt_xent(*z, temperature=0.5),
    "multi_view_nt_xent": lambda z: multi_view_nt_xent(z, temperature=0.5),
    "dcl": lambda z: dcl(*z, temperature=0.5),
    "renyi": lambda z: renyi(*z, temperature=0.5),
    "cancelling_nt_xent": lambda z: cancelling_nt_xent(*z, temperature=0.5, cancelled=2),
    "dclw": lambda z: dclw(*z, temperature=0.5),
}


def embeddings(views: int = 2, batch: int = 16, dim: int = 24, dtype=torch.float64) -> torch.Tensor:
    return torch.randn(views, batch, dim, generator=torch.Generator().manual_seed(0), dtype=dtype)


def slow_nt_xent(z1, z2, temperature):
    """One term at a time: -1/(2n) sum_i log exp(s_ip/t) / sum_{j != i} exp(s_ij/t)."""
    z = torch.cat([z1, z2])
    n, total = len(z1), 0.0
    for i in range(2 * n):
        similarity = [float(F.cosine_similarity(z[i], z[j], dim=0)) / temperature for j in range(2 * n)]
        partner = (i + n) % (2 * n)
        total -= similarity[partner] - math.log(sum(math.exp(s) for j, s in enumerate(similarity) if j != i))
    return total / (2 * n)


@pytest.mark.parametrize("temperature", [0.1, 0.2, 1.0])
@pytest.mark.parametrize("batch", [1, 2, 5])
def test_nt_xent_is_the_equation(batch, temperature):
    z1, z2 = embeddings(batch=batch)
    expected = slow_nt_xent(z1, z2, temperature)
    assert float(nt_xent(z1, z2, temperature=temperature)) == pytest.approx(expected, rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("objective", OBJECTIVES.values(), ids=OBJECTIVES)
def test_collapse_is_worse_than_an_aligned_spread(objective):
    image = F.normalize(embeddings(views=1), dim=-1)
    spread, collapsed = image.expand(2, -1, -1), image[:, :1].expand(2, 16, -1)
    assert objective(spread) < objective(collapsed)


@pytest.mark.parametrize("objective", OBJECTIVES.values(), ids=OBJECTIVES)
def test_image_and_view_order_do_not_matter(objective):
    z = embeddings()
    order = torch.randperm(16, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(objective(z[:, order]), objective(z))
    torch.testing.assert_close(objective(z.flip(0)), objective(z))


@pytest.mark.parametrize("name", [name for name in OBJECTIVES if name != "dclw"])  # its weights are held constant
def test_gradients_are_those_of_the_value(name):
    assert torch.autograd.gradcheck(OBJECTIVES[name], (embeddings(batch=4, dim=3).requires_grad_(),))


def test_a_tiny_temperature_does_not_overflow_float32():
    z = embeddings(dtype=torch.float32).requires_grad_()
    loss = nt_xent(*z, temperature=0.001)
    loss.backward()
    assert torch.isfinite(loss) and torch.isfinite(z.grad).all()


def test_half_precision_is_computed_in_float32_also_under_autocast():
    z1, z2 = embeddings(dtype=torch.float32).bfloat16()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = nt_xent(z1, z2, temperature=0.2)
    assert loss.dtype == torch.float32
    torch.testing.assert_close(loss, nt_xent(z1.float(), z2.float(), temperature=0.2))


def test_views_that_do_not_pair_are_refused():
    with pytest.raises(ValueError, match=r"expected two views of shape \[n, d\], got \[3, 4\] and \[2, 4\]"):
        nt_xent(torch.ones(3, 4), torch.ones(2, 4), temperature=0.2)
    with pytest.raises(ValueError, match="temperature above 0"):
        nt_xent(torch.ones(2, 4), torch.ones(2, 4), temperature=0.0)


def test_two_views_of_many_are_the_pair():
    z = embeddings()
    assert torch.equal(multi_view_nt_xent(z, temperature=0.2), nt_xent(*z, temperature=0.2))


def test_many_views_are_the_mean_over_their_pairs():
    z = embeddings(views=4, batch=5)
    pairs = [slow_nt_xent(z[i], z[j], 0.3) for i in range(4) for j in range(i + 1, 4)]
    assert float(multi_view_nt_xent(z, temperature=0.3)) == pytest.approx(sum(pairs) / 6, rel=1e-12)


@pytest.mark.parametrize("shape", [(1, 4, 3), (4, 3)])
def test_fewer_than_two_views_are_refused(shape):
    with pytest.raises(ValueError, match=r"expected embeddings \[views, n, d\] of at least 2 views, got"):
        multi_view_nt_xent(torch.ones(shape), temperature=0.2)
