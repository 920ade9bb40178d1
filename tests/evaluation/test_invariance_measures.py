from itertools import pairwise

import pytest
import timm
import torch
from torch import nn
from torch.nn import functional as F

from holdfast.evaluation import cosines, directional_derivative, variance_report, whitened_cosines, whitening
from holdfast.randomness import generator

N, DIM = 400, 6


def features(seed: int = 0, n: int = N) -> torch.Tensor:
    mix = torch.randn(DIM, DIM, generator=generator(9, "mix"), dtype=torch.float64)
    return torch.randn(n, DIM, generator=generator(seed, "rows"), dtype=torch.float64) @ mix + 5


def test_whitened_features_have_mean_0_and_nearly_covariance_1():
    many = features(n=20_000)
    white = whitening(many)(many)
    torch.testing.assert_close(white.mean(0), torch.zeros(DIM).double(), rtol=0, atol=1e-9)
    torch.testing.assert_close(white.T.cov(), torch.eye(DIM).double(), rtol=0, atol=0.2)


def test_the_whitened_cosine_makes_no_jump_at_any_number_of_images():
    steep = torch.logspace(0, -3, 32, dtype=torch.float64)
    draws = [torch.randn(400, 32, generator=generator(i, "steep"), dtype=torch.float64) * steep for i in range(2)]
    found = [
        float(whitened_cosines(draws[0], draws[0] + 0.3 * draws[1], whitening(draws[0][:n])).mean())
        for n in (310, 318, 319, 320, 321, 330)  # ten images a dimension are 320
    ]
    assert max(abs(b - a) for a, b in pairwise(found)) < 2e-3


def test_an_affine_map_changes_the_cosine_and_not_the_whitened_one():
    clean, moved = features(n=20_000), features(n=20_000) + 0.3 * features(seed=1, n=20_000)
    affine = nn.Linear(DIM, DIM).double()
    for index, parameter in enumerate(affine.parameters()):
        nn.init.normal_(parameter, generator=generator(index, "map"))
    mapped, mapped_moved = affine(clean).detach(), affine(moved).detach()
    plain = whitened_cosines(clean, moved, whitening(clean))
    apart = (whitened_cosines(mapped, mapped_moved, whitening(mapped)) - plain).abs().mean()
    assert float(apart) < 0.1, "an ill-conditioned map is shrunk more"
    turned = torch.linalg.qr(affine.weight.detach())[0]
    a, b = (3 * x @ turned + 1 for x in (clean, moved))
    torch.testing.assert_close(whitened_cosines(a, b, whitening(a)), plain)
    assert not torch.allclose(cosines(clean, moved), cosines(mapped, mapped_moved), atol=1e-3)


def test_equal_rows_have_a_cosine_of_1_also_at_zero():
    rows = torch.cat([features(n=3), torch.zeros(1, DIM)])
    assert torch.equal(cosines(rows, rows), torch.ones(4).double())
    assert float(cosines(torch.zeros(1, DIM), features(n=1))) == 0
    torch.testing.assert_close(cosines(rows[:3], -rows[:3]), -torch.ones(3).double())


def test_dead_dimensions_are_left_out():
    clean = torch.cat([features(), torch.zeros(N, 3)], dim=1)
    white = whitening(clean)
    assert white.matrix.shape == (DIM + 3, DIM)
    alone = whitening(features())
    assert white.shrinkage == pytest.approx(alone.shrinkage)
    a, b = features(), features() + features(seed=1)
    moved = torch.cat([b, torch.zeros(N, 3)], dim=1)
    torch.testing.assert_close(whitened_cosines(clean, moved, white), whitened_cosines(a, b, alone))


def test_few_images_are_shrunk_as_ledoit_and_wolf_do():
    from sklearn.covariance import ledoit_wolf

    few = features(n=12)
    expected, share = ledoit_wolf(few.numpy())
    white = whitening(few)
    assert white.shrinkage == pytest.approx(share)
    inverse = torch.linalg.inv(torch.from_numpy(expected) * 12 / 11)
    torch.testing.assert_close(white.matrix @ white.matrix.T, inverse, rtol=1e-6, atol=1e-9)
    assert whitening(features(n=2000)).shrinkage < 0.01


def test_identical_passes_have_no_variance_within_images():
    rows = features()[:, None].expand(-1, 4, -1)
    report = variance_report(rows)
    assert report["within"] == report["ratio"] == 0
    assert report["total"] > 0


def test_passes_that_tell_no_images_apart_have_a_ratio_near_1():
    passes = torch.randn(1, 50, DIM, generator=generator(0, "passes")).expand(40, -1, -1)
    assert variance_report(passes)["ratio"] == pytest.approx(1, abs=0.05)


def test_variances_ignore_the_length_of_rows():
    rows = torch.randn(20, 3, DIM, generator=generator(0, "rows"))
    lengths = 1 + torch.rand(20, 3, 1, generator=generator(0, "lengths"))
    assert variance_report(lengths * rows) == pytest.approx(variance_report(rows), rel=1e-5)


def test_a_single_pass_and_a_single_image_are_refused():
    with pytest.raises(ValueError, match="two or more passes"):
        variance_report(features()[:, None])
    with pytest.raises(ValueError, match="at least two images"):
        whitening(features(n=1))


def images() -> tuple[torch.Tensor, ...]:
    return tuple(torch.rand(4, 3, 8, 8, generator=generator(0, f"images {i}")) for i in range(2))


def test_a_linear_encoders_derivative_is_itself_along_the_direction():
    pixels, direction = images()
    linear = nn.Sequential(nn.Flatten(), nn.Linear(192, 7))
    torch.testing.assert_close(
        directional_derivative(linear, pixels, direction), F.linear(direction.flatten(1), linear[1].weight)
    )


def test_the_derivative_is_the_limit_of_differences():
    pixels, direction = images()
    network = nn.Sequential(nn.Conv2d(3, 5, 3), nn.BatchNorm2d(5), nn.Tanh(), nn.AdaptiveAvgPool2d(2), nn.Flatten())
    network = network.double().eval()
    pixels, direction = pixels.double(), direction.double()
    ahead, behind = (network(pixels + step * direction) for step in (1e-6, -1e-6))
    derivative = directional_derivative(network, pixels, direction)
    torch.testing.assert_close(derivative.double(), (ahead - behind) / 2e-6, rtol=1e-5, atol=1e-7)


class OwnBackward(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return 2 * x

    @staticmethod
    def backward(ctx, *gradients):
        return 2 * gradients[0]


class NoForwardMode(nn.Module):
    def forward(self, images):
        return OwnBackward.apply(images.flatten(1))


class Rounds(nn.Module):
    def forward(self, images):
        return F.one_hot((images.flatten(1)[:, 0] * 0).long(), 3).float()


def test_encoders_without_forward_mode_are_moved_a_little_instead():
    pixels, direction = images()
    told: list[bool] = []
    derivative = directional_derivative(NoForwardMode(), pixels, direction, approximated=lambda: told.append(True))
    assert told == [True]
    torch.testing.assert_close(derivative, 2 * direction.flatten(1), rtol=1e-3, atol=1e-4)


def test_an_encoder_without_derivatives_has_derivative_0():
    assert not directional_derivative(Rounds(), *images()).any()


def test_the_derivative_of_attention_is_exact_and_knows_no_autocast():
    network = timm.create_model("test_vit", num_classes=0).eval()
    pixels, direction = (torch.rand(2, 3, 160, 160, generator=generator(i, "vit")) for i in range(2))
    with torch.autocast("cpu", torch.bfloat16):
        derivative = directional_derivative(network, pixels, direction)
    wide = network.double()
    with torch.no_grad():
        ahead, behind = (wide(pixels.double() + step * direction.double()) for step in (1e-5, -1e-5))
    expected = (ahead - behind) / 2e-5
    assert float((derivative.double() - expected).norm() / expected.norm()) < 1e-4
