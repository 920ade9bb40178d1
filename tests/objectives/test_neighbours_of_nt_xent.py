"""DCL, DCLW, RényiCL and false-negative cancellation against slow loops written from their equations."""

import math

import pytest
import torch
from torch.nn import functional as F

from holdfast.objectives import cancelling_nt_xent, dcl, dclw, nt_xent, renyi
from holdfast.objectives.decoupled import positive_weights

TINY = {
    "dcl": lambda z: dcl(*z, temperature=0.001),
    "dclw": lambda z: dclw(*z, temperature=0.001),
    "renyi": lambda z: renyi(*z, temperature=0.001),
    "cancelling": lambda z: cancelling_nt_xent(*z, temperature=0.001, cancelled=3),
}


def embeddings(batch: int = 6, dim: int = 5, dtype=torch.float64) -> torch.Tensor:
    return torch.randn(2, batch, dim, generator=torch.Generator().manual_seed(0), dtype=dtype)


def cosine(a, b) -> float:
    return float(F.cosine_similarity(a, b, dim=0))


def slow_dcl(z, temperature, sigma=None):
    """One term at a time: -w_i s_i/t + log sum over views l and images j != i of exp(z_i^k . z_j^l / t)."""
    n, total = z.shape[1], 0.0
    raw = [math.exp(cosine(z[0, i], z[1, i]) / sigma) if sigma else 1.0 for i in range(n)]
    for k in range(2):
        for i in range(n):
            weight = 2 - raw[i] / (sum(raw) / n) if sigma else 1.0
            others = sum(
                math.exp(cosine(z[k, i], z[view, j]) / temperature) for view in range(2) for j in range(n) if j != i
            )
            total += -weight * cosine(z[0, i], z[1, i]) / temperature + math.log(others)
    return total / (2 * n)


def slow_renyi(z, temperature, order, skew):
    n, alike, unlike = z.shape[1], [], []
    for k in range(2):
        for i in range(n):
            alike.append(cosine(z[k, i], z[1 - k, i]) / temperature)
            unlike += [cosine(z[k, i], z[view, j]) / temperature for view in range(2) for j in range(n) if j != i]

    def mean(values):
        return sum(values) / len(values)

    first = mean(alike) if order == 1 else math.log(mean([math.exp((order - 1) * c) for c in alike])) / (order - 1)
    both = skew * mean([math.exp(order * c) for c in alike]) + (1 - skew) * mean([math.exp(order * c) for c in unlike])
    return math.log(both) / order - first


def slow_cancelling(z, temperature, cancelled):
    n, total = z.shape[1], 0.0
    for k in range(2):
        for i in range(n):
            others = [j for j in range(n) if j != i]
            others.sort(key=lambda j: -max(cosine(z[k, i], z[0, j]), cosine(z[k, i], z[1, j])))
            positive = math.exp(cosine(z[k, i], z[1 - k, i]) / temperature)
            kept = sum(
                math.exp(cosine(z[k, i], z[view, j]) / temperature) for j in others[cancelled:] for view in (0, 1)
            )
            total -= math.log(positive / (positive + kept))
    return total / (2 * n)


@pytest.mark.parametrize("temperature", [0.1, 1.0])
@pytest.mark.parametrize("batch", [2, 6])
def test_dcl_is_the_equation_and_nt_xent_with_the_positive_masked(batch, temperature):
    z = embeddings(batch)
    found = float(dcl(*z, temperature=temperature))
    assert found == pytest.approx(slow_dcl(z, temperature), rel=1e-12)
    alike = F.cosine_similarity(z[0], z[1], dim=1).repeat(2) / temperature
    unit = F.normalize(z.flatten(0, 1), dim=1)
    rows = (unit @ unit.T / temperature).masked_fill(torch.eye(2 * batch, dtype=torch.bool), -torch.inf).logsumexp(1)
    without = (rows + torch.log1p(-torch.exp(alike - rows)) - alike).mean()
    assert found == pytest.approx(float(without), rel=1e-9)


@pytest.mark.parametrize("sigma", [0.3, 0.5])
def test_dclw_is_the_equation_and_its_weights_average_one(sigma):
    z = embeddings()
    assert float(dclw(*z, temperature=0.2, sigma=sigma)) == pytest.approx(slow_dcl(z, 0.2, sigma), rel=1e-12)
    weights = positive_weights(F.cosine_similarity(z[0], z[1], dim=1), sigma=sigma)
    assert float(weights.mean()) == pytest.approx(1.0) and float(weights.max()) <= 2


def test_dclws_weights_carry_no_gradient():
    z = embeddings().requires_grad_()
    (found,) = torch.autograd.grad(dclw(*z, temperature=0.2), z)
    weights = positive_weights(F.cosine_similarity(z[0], z[1], dim=1), sigma=0.5).detach()
    alike = F.cosine_similarity(z[0], z[1], dim=1) / 0.2
    by_hand = dcl(*z, temperature=0.2) + ((1 - weights) * alike).mean()
    torch.testing.assert_close(found, torch.autograd.grad(by_hand, z)[0])


def test_with_equal_positives_dclw_is_dcl():
    z = embeddings(batch=4)[:1].expand(2, -1, -1)
    torch.testing.assert_close(dclw(*z, temperature=0.2), dcl(*z, temperature=0.2))


@pytest.mark.parametrize(("order", "skew"), [(1.0, 0.1), (1.5, 0.01), (2.0, 1 / 65536)])
def test_renyi_is_the_equation(order, skew):
    z = embeddings()
    found = float(renyi(*z, temperature=0.5, order=order, skew=skew))
    assert found == pytest.approx(slow_renyi(z, 0.5, order, skew), rel=1e-12)
    assert -found <= math.log(1 / skew)


def test_the_order_goes_to_one_without_a_jump():
    z = embeddings()
    near, at = (renyi(*z, temperature=0.5, order=order, skew=0.1) for order in (1 + 1e-7, 1.0))
    torch.testing.assert_close(near, at, rtol=1e-5, atol=1e-6)


def test_the_gradient_is_that_of_the_released_surrogate():
    """Weights by softmax: the first term's over positives, the second's over both kinds, held constant."""
    order, skew, temperature = 2.0, 0.01, 0.5
    z = embeddings().requires_grad_()
    unit = F.normalize(z.flatten(0, 1), dim=1)
    cosines, n = unit @ unit.T / temperature, z.shape[1]
    one = torch.eye(n, dtype=torch.bool).repeat(2, 2)
    alike = torch.cat([cosines.diagonal(n), cosines.diagonal(-n)])
    unlike = cosines[~one]
    first = torch.softmax((order - 1) * alike.detach(), 0)
    pieces = [math.log(skew / len(alike)) + order * alike, math.log((1 - skew) / len(unlike)) + order * unlike]
    second = torch.softmax(torch.cat(pieces).detach(), 0)
    surrogate = (second * torch.cat([alike, unlike])).sum() - (first * alike).sum()
    expected = torch.autograd.grad(surrogate, z)[0]
    found = torch.autograd.grad(renyi(*z, temperature=temperature, order=order, skew=skew), z)[0]
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("cancelled", [1, 3])
def test_cancelling_is_the_equation(cancelled):
    z = embeddings()
    found = float(cancelling_nt_xent(*z, temperature=0.2, cancelled=cancelled))
    assert found == pytest.approx(slow_cancelling(z, 0.2, cancelled), rel=1e-12)


def test_cancelling_nothing_is_nt_xent_and_more_never_raises_the_loss():
    z = embeddings()
    values = [float(cancelling_nt_xent(*z, temperature=0.2, cancelled=k)) for k in range(5)]
    assert values[0] == pytest.approx(float(nt_xent(*z, temperature=0.2)), rel=1e-13)
    assert values == sorted(values, reverse=True)


@pytest.mark.parametrize("objective", TINY.values(), ids=TINY)
def test_a_tiny_temperature_does_not_overflow_float32(objective):
    z = embeddings(dtype=torch.float32).requires_grad_()
    loss = objective(z)
    loss.backward()
    assert torch.isfinite(loss) and torch.isfinite(z.grad).all()


@pytest.mark.parametrize("objective", TINY.values(), ids=TINY)
def test_one_image_is_refused(objective):
    with pytest.raises(ValueError, match="expected at least 2 images to contrast, got 1; raise the batch size"):
        objective(embeddings(batch=1))


def test_settings_that_make_no_sense_are_refused():
    z = embeddings()
    with pytest.raises(ValueError, match="sigma above 0, got 0"):
        dclw(*z, temperature=0.2, sigma=0)
    with pytest.raises(ValueError, match=r"order >= 1 and a skew in \(0, 1\), got 0.5"):
        renyi(*z, temperature=0.2, order=0.5)
    with pytest.raises(ValueError, match="expected to cancel 0 to 4 of 5 other images, got 5"):
        cancelling_nt_xent(*z, temperature=0.2, cancelled=5)
