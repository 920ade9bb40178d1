"""VICReg and Barlow Twins against loops over images and dimensions."""

import math

import pytest
import torch

from holdfast.objectives import barlow_twins, vicreg

OBJECTIVES = {"vicreg": vicreg, "barlow_twins": barlow_twins}


def embeddings(batch: int = 12, dim: int = 4, dtype=torch.float64) -> torch.Tensor:
    return torch.randn(2, batch, dim, generator=torch.Generator().manual_seed(0), dtype=dtype)


def column(z, j):
    values = [float(row[j]) for row in z]
    mean = sum(values) / len(values)
    return [value - mean for value in values]


def slow_vicreg(z1, z2, similarity, variance, covariance):
    n, d = z1.shape
    agreement = sum((float(z1[i, j]) - float(z2[i, j])) ** 2 for i in range(n) for j in range(d)) / (n * d)
    spread = apart = 0.0
    for z in (z1, z2):
        columns = [column(z, j) for j in range(d)]
        cov = [[sum(a * b for a, b in zip(p, q, strict=True)) / (n - 1) for q in columns] for p in columns]
        spread += sum(max(0.0, 1 - math.sqrt(cov[j][j] + 1e-4)) for j in range(d)) / d / 2
        apart += sum(cov[i][j] ** 2 for i in range(d) for j in range(d) if i != j) / d
    return similarity * agreement + variance * spread + covariance * apart


def slow_barlow(z1, z2, weight):
    n, d = z1.shape
    loss = 0.0
    for i in range(d):
        for j in range(d):
            p, q = column(z1, i), column(z2, j)
            scale = math.sqrt(sum(a * a for a in p) / n + 1e-5) * math.sqrt(sum(b * b for b in q) / n + 1e-5)
            c = sum(a * b for a, b in zip(p, q, strict=True)) / n / scale
            loss += (1 - c) ** 2 if i == j else weight * c**2
    return loss


@pytest.mark.parametrize("weights", [(25.0, 25.0, 1.0), (1.0, 0.0, 3.0)])
def test_vicreg_is_the_equation(weights):
    z = 0.7 * embeddings()
    named = dict(zip(("similarity", "variance", "covariance"), weights, strict=True))
    assert float(vicreg(*z, **named)) == pytest.approx(slow_vicreg(*z, *weights), rel=1e-12)


def test_barlow_twins_is_the_equation():
    z = embeddings()
    assert float(barlow_twins(*z, weight=0.3)) == pytest.approx(slow_barlow(*z, 0.3), rel=1e-9)


@pytest.mark.parametrize("objective", OBJECTIVES.values(), ids=OBJECTIVES)
def test_collapse_is_worse_than_an_aligned_spread(objective):
    image = 2 * embeddings(batch=64)[:1]
    spread, collapsed = image.expand(2, -1, -1), image[:, :1].expand(2, 64, -1)
    assert objective(*spread) < objective(*collapsed)


@pytest.mark.parametrize("objective", OBJECTIVES.values(), ids=OBJECTIVES)
def test_a_dimension_said_twice_is_worse_than_one_of_its_own(objective):
    image = embeddings(batch=64)[0]
    twice = torch.cat([image[:, :2], image[:, :2]], dim=1)
    assert objective(image, image) < objective(twice, twice)


@pytest.mark.parametrize("objective", OBJECTIVES.values(), ids=OBJECTIVES)
def test_order_does_not_matter_and_gradients_are_those_of_the_value(objective):
    z = 0.3 * embeddings(batch=6)
    order = torch.randperm(6, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(objective(*z[:, order]), objective(*z))
    torch.testing.assert_close(objective(*z.flip(0)), objective(*z))
    assert torch.autograd.gradcheck(lambda each: objective(*each), (z.requires_grad_(),))


@pytest.mark.parametrize("objective", OBJECTIVES.values(), ids=OBJECTIVES)
def test_half_precision_is_computed_in_float32_and_bad_input_is_refused(objective):
    z1, z2 = embeddings(dtype=torch.float32).bfloat16()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = objective(z1, z2)
    assert loss.dtype == torch.float32
    torch.testing.assert_close(loss, objective(z1.float(), z2.float()))
    with pytest.raises(ValueError, match="expected at least 2 images to measure their spread, got 1"):
        objective(z1[:1], z2[:1])
    with pytest.raises(ValueError, match=r"expected two views of shape \[n, d\], got"):
        objective(z1[:3], z2)
