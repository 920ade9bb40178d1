"""BYOL's and MoCo v3's objectives against their equations; targets carry no gradient."""

import math

import pytest
import torch
from torch.nn import functional as F

from holdfast.objectives import byol, moco


def rows(dtype=torch.float64) -> tuple[torch.Tensor, torch.Tensor]:
    drawn = torch.randn(2, 5, 4, generator=torch.Generator().manual_seed(0), dtype=dtype)
    return drawn[0], drawn[1]


def test_byol_is_the_squared_distance_of_unit_rows():
    p, t = rows()
    expected = (F.normalize(p, dim=1) - F.normalize(t, dim=1)).square().sum(1).mean()
    torch.testing.assert_close(byol(p, t), expected)
    assert float(byol(p, p)) == pytest.approx(0, abs=1e-12) and float(byol(p, -p)) == pytest.approx(4)


def test_moco_is_the_equation():
    p, t = rows()
    cosines = [[float(F.cosine_similarity(a, b, dim=0)) for b in t] for a in p]
    terms = [-c[i] / 0.3 + math.log(sum(math.exp(s / 0.3) for s in c)) for i, c in enumerate(cosines)]
    assert float(moco(p, t, temperature=0.3)) == pytest.approx(2 * 0.3 * sum(terms) / 5, rel=1e-12)


@pytest.mark.parametrize("objective", [byol, lambda p, t: moco(p, t, temperature=0.2)], ids=["byol", "moco"])
def test_only_predictions_carry_a_gradient(objective):
    p, t = (each.requires_grad_() for each in rows())
    objective(p, t).backward()
    assert p.grad is not None and p.grad.any()
    assert t.grad is None


def test_collapse_is_worse_than_an_aligned_spread_for_moco_and_the_same_for_byol():
    p, _ = rows()
    one = p[:1].expand(5, -1)
    assert moco(p, p, temperature=0.2) < moco(one, one, temperature=0.2)
    torch.testing.assert_close(byol(p, p), byol(one, one))


def test_half_precision_is_computed_in_float32_and_bad_input_is_refused():
    p, t = rows(torch.float32)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert moco(p.bfloat16(), t.bfloat16(), temperature=0.2).dtype == torch.float32
        assert byol(p.bfloat16(), t.bfloat16()).dtype == torch.float32
    with pytest.raises(ValueError, match="temperature above 0, got 0"):
        moco(p, t, temperature=0)
    with pytest.raises(ValueError, match=r"predictions and targets \[n, d\], got \[5, 4\] and \[4, 4\]"):
        moco(p, t[:4], temperature=0.2)
