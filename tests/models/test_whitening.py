"""A whitened first convolution: the covariance it leaves, and what it refuses."""

import pytest
import torch
from torch.nn import functional as F

from holdfast.models import Encoder, create_encoder, whiten_first_convolution, whitening_filters


def first_filters(encoder: Encoder) -> torch.Tensor:
    return encoder.network.get_parameter("conv1.weight").detach()


def correlated(n: int = 4000, k: int = 6) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    mix = torch.randn(k, k, generator=generator, dtype=torch.float64)
    return torch.randn(n, k, generator=generator, dtype=torch.float64) @ mix + 3


@pytest.mark.parametrize("eps", [5e-4, 2.0])
def test_the_covariance_behind_the_filters_is_diagonal_with_variances_over_themselves_and_eps(eps):
    patches = correlated()
    variances = torch.linalg.eigvalsh(torch.cov(patches.T, correction=0)).flip(0)
    seen = torch.cov((patches @ whitening_filters(patches, eps=eps).T).T, correction=0)
    torch.testing.assert_close(seen, torch.diag(variances / (variances + eps)), atol=1e-9, rtol=1e-9)


def test_an_encoders_first_channels_are_uncorrelated_and_come_with_both_signs():
    encoder = create_encoder("timm/resnet18", image_size=16, stem="small")
    images = F.interpolate(torch.rand(32, 3, 6, 6, generator=torch.Generator().manual_seed(0)), 16, mode="bilinear")
    beyond = first_filters(encoder)[54:].clone()
    assert whiten_first_convolution(encoder, images) == 54
    assert torch.equal(first_filters(encoder)[54:], beyond)
    pixels = (images - encoder.mean) / encoder.std
    seen = F.conv2d(pixels, first_filters(encoder)[:54]).transpose(0, 1).flatten(1)
    torch.testing.assert_close(seen[27:54], -seen[:27])
    correlation = torch.corrcoef(seen[:8])
    assert float((correlation - torch.eye(8)).abs().max()) < 0.1


def test_a_convolution_with_few_filters_takes_the_largest_variances():
    encoder = create_encoder("timm/test_resnet", image_size=16, stem="small")
    images = torch.rand(8, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    count = whiten_first_convolution(encoder, images)
    assert 0 < count <= 2 * 27 and count % 2 == 0


def test_the_same_images_give_the_same_filters_to_the_bit():
    patches = correlated()
    assert torch.equal(whitening_filters(patches), whitening_filters(patches.clone()))


def test_an_encoder_without_a_convolution_on_pixels_is_refused():
    encoder = create_encoder("timm/resnet18", image_size=16, stem="small")
    encoder.network.conv1 = torch.nn.Conv2d(4, 64, 3)
    with pytest.raises(ValueError, match="expected an encoder that begins with a convolution of 3 channels, got timm/"):
        whiten_first_convolution(encoder, torch.rand(2, 3, 16, 16))
