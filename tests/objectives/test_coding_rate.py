"""Laws of the coding rate and of EMP-SSL's objective, and slow loops written from the equations."""

import pytest
import torch
from torch.nn import functional as F

from holdfast.objectives import coding_rate, emp_ssl


def embeddings(views: int = 3, n: int = 5, d: int = 8, dtype=torch.float64) -> torch.Tensor:
    draws = torch.randn(views, n, d, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return F.normalize(draws, dim=-1).to(dtype)


def slow_emp_ssl(z, *, similarity_weight, rate_weight, eps):
    """One view, one image at a time, with determinants of d×d."""
    views, n, d = z.shape
    similarity, rate = 0.0, 0.0
    for view in range(views):
        determinant = torch.linalg.det(torch.eye(d, dtype=z.dtype) + d / (n * eps) * z[view].T @ z[view])
        rate += 0.5 * float(determinant.log()) / views
        for image in range(n):
            mean = sum(z[other, image] for other in range(views)) / views
            similarity += float(z[view, image] @ mean / (z[view, image].norm() * mean.norm())) / (views * n)
    return -similarity_weight * similarity - rate_weight * rate


@pytest.mark.parametrize(("views", "n", "d"), [(2, 1, 4), (3, 5, 8), (4, 9, 3), (2, 6, 6)])
def test_emp_ssl_is_the_equation(views, n, d):
    z = embeddings(views, n, d)
    weights = {"similarity_weight": 30.0, "rate_weight": 2.0, "eps": 0.5}
    assert float(emp_ssl(z, **weights)) == pytest.approx(slow_emp_ssl(z, **weights), rel=1e-12)


def test_collapse_is_worse_than_an_aligned_spread():
    # On such views a widely used library, which adds the rate, prefers collapse.
    image = embeddings(views=1, n=16, d=24)
    spread, collapsed = image.expand(2, -1, -1), image[:, :1].expand(2, 16, -1)
    assert emp_ssl(spread) < emp_ssl(collapsed)


def test_views_that_agree_are_better_than_views_that_do_not():
    z = embeddings(views=2, n=16)
    assert emp_ssl(z[:1].expand(2, -1, -1)) < emp_ssl(torch.stack([z[0], z[0].roll(1, 0)]))


@pytest.mark.parametrize(("n", "d"), [(6, 9), (9, 6)])
def test_the_rate_is_at_its_largest_for_orthogonal_directions(n, d):
    count = min(n, d)
    best = torch.eye(count, dtype=torch.float64).repeat(n // count + 1, d // count + 1)[:n, :d]
    best = F.normalize(best, dim=1)
    assert 0 < coding_rate(embeddings(1, n, d)[0], eps=0.2) < coding_rate(best, eps=0.2)
    assert float(coding_rate(torch.zeros(n, d), eps=0.2)) == 0


def test_order_of_images_and_views_changes_nothing():
    z = embeddings(views=4, n=7)
    order = torch.randperm(7, generator=torch.Generator().manual_seed(1))
    assert float(emp_ssl(z.flip(0)[:, order])) == pytest.approx(float(emp_ssl(z)), rel=1e-13)


def test_one_batched_rate_is_the_rate_of_each():
    z = embeddings(views=3)
    torch.testing.assert_close(coding_rate(z, eps=0.2), torch.stack([coding_rate(view, eps=0.2) for view in z]))


@pytest.mark.parametrize("shape", [(2, 4, 6), (2, 6, 3), (2, 1, 3)], ids=["n < d", "n > d", "n = 1"])
def test_gradients_are_those_of_the_function(shape):
    z = embeddings(*shape).requires_grad_()
    assert torch.autograd.gradcheck(emp_ssl, (z,))
    assert torch.autograd.gradgradcheck(emp_ssl, (z,))
    assert torch.autograd.gradgradcheck(lambda x: coding_rate(x, eps=0.2).sum(), (z,))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize(("n", "d"), [(6, 1024), (100, 16), (1, 8)], ids=["n < d", "n > d", "n = 1"])
def test_gradients_are_finite_where_all_embeddings_coincide(n, d, dtype):
    z = embeddings(1, 1, d, dtype).expand(4, n, d).clone().requires_grad_()
    emp_ssl(z).backward()
    assert z.grad is not None
    assert bool(z.grad.isfinite().all())


@pytest.mark.parametrize("value", [1e5, float("nan"), float("inf")])
def test_embeddings_that_float32_does_not_hold_end_in_no_error_of_the_algebra(value):
    """Where rounding leaves no factor, the loss or its gradient is not finite, which a run reports in a line."""
    z = torch.full((4, 8, 16), value).requires_grad_()
    loss = emp_ssl(z)
    loss.backward()
    assert z.grad is not None
    assert not bool((loss.isfinite() & z.grad.isfinite()).all())


def test_gradients_are_finite_where_an_image_s_views_cancel():
    z = torch.cat([embeddings(1), -embeddings(1)]).requires_grad_()
    emp_ssl(z).backward()
    assert z.grad is not None
    assert bool(z.grad.isfinite().all())


@pytest.mark.parametrize(("n", "d"), [(100, 1024), (100, 64)])
def test_float32_is_within_1e_5_of_float64(n, d):
    z = embeddings(4, n, d)
    assert float(emp_ssl(z.float())) == pytest.approx(float(emp_ssl(z)), rel=1e-5)


def test_half_precision_is_computed_in_float32_also_under_autocast():
    z = embeddings(dtype=torch.bfloat16)
    with torch.autocast("cpu", torch.bfloat16):
        loss = emp_ssl(z)
    assert loss.dtype == torch.float32
    assert float(loss) == pytest.approx(float(emp_ssl(z.double())), rel=1e-5)
    assert coding_rate(z[0], eps=0.2).dtype == torch.float32
    assert coding_rate(z[0].double(), eps=0.2).dtype == torch.float64


def test_wrong_input_is_refused_with_a_remedy():
    with pytest.raises(ValueError, match=r"expected embeddings \[views, n, d\], got \[3, 4\]; stack"):
        emp_ssl(torch.ones(3, 4))
    with pytest.raises(ValueError, match=r"expected embeddings \[n, d\], got \[0, 4\]"):
        coding_rate(torch.ones(0, 4), eps=0.2)
    with pytest.raises(ValueError, match=r"eps above 0, got 0.*0\.2"):
        coding_rate(torch.ones(3, 4), eps=0)
