import colorsys

import pytest
import torch
from torchvision.transforms.v2 import functional as tv

from holdfast.data.views import colour
from holdfast.randomness import generator

N = 12
TORCHVISION = {
    "brightness": tv.adjust_brightness,
    "contrast": tv.adjust_contrast,
    "saturation": tv.adjust_saturation,
    "hue": tv.adjust_hue,
}
NEUTRAL = {"brightness": 1.0, "contrast": 1.0, "saturation": 1.0, "hue": 0.0}
FACTORS = {
    "brightness": torch.linspace(0, 2.5, N),
    "contrast": torch.linspace(0, 2.5, N),
    "saturation": torch.linspace(0, 2.5, N),
    "hue": torch.linspace(-0.5, 0.5, N),
}
OPERATIONS = pytest.mark.parametrize("name", colour.OPERATIONS)


def images(dtype=torch.float32):
    """Random pixels; the first images are coarse, so that channels tie and greys occur; one is flat."""
    batch = torch.rand(N, 3, 14, 13, generator=generator(0, "colours"), dtype=dtype)
    batch[:4] = (batch[:4] * 3).round() / 3
    batch[4] = 0.25
    return batch


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@OPERATIONS
def test_an_operation_equals_torchvisions_image_by_image(name, dtype):
    batch, factors = images(dtype), FACTORS[name]
    expected = [TORCHVISION[name](x, f) for x, f in zip(batch, factors.tolist(), strict=True)]
    result = colour.OPERATIONS[name](batch, factors)
    assert result.dtype == dtype
    torch.testing.assert_close(result, torch.stack(expected), atol=2e-6, rtol=0)


@OPERATIONS
def test_a_number_is_the_same_factor_for_all_images(name):
    apart = colour.OPERATIONS[name](images(), torch.full((N,), 0.3))
    assert torch.equal(colour.OPERATIONS[name](images(), 0.3), apart)


@OPERATIONS
def test_a_neutral_factor_changes_nothing(name):
    torch.testing.assert_close(colour.OPERATIONS[name](images(), NEUTRAL[name]), images(), atol=5e-7, rtol=0)


@OPERATIONS
def test_colours_stay_in_range(name):
    result = colour.OPERATIONS[name](images(), FACTORS[name])
    assert float(result.min()) >= 0
    assert float(result.max()) <= 1


@OPERATIONS
def test_an_operation_leaves_its_input_alone(name):
    batch = images()
    colour.OPERATIONS[name](batch, FACTORS[name])
    assert torch.equal(batch, images())


def test_the_hue_turns_as_in_pythons_colorsys():
    batch = images(torch.float64)
    result = colour.adjust_hue(batch, 0.17)
    for pixel, turned in zip(batch[:, :, 3, 5].tolist(), result[:, :, 3, 5].tolist(), strict=True):
        hue, saturation, value = colorsys.rgb_to_hsv(*pixel)
        assert turned == pytest.approx(colorsys.hsv_to_rgb((hue + 0.17) % 1, saturation, value), abs=1e-9)


def test_thirds_of_a_turn_exchange_the_channels():
    batch = images(torch.float64)
    torch.testing.assert_close(colour.adjust_hue(batch, 1 / 3), batch[:, [2, 0, 1]])
    torch.testing.assert_close(colour.adjust_hue(batch, -1 / 3), batch[:, [1, 2, 0]])


def test_a_turn_of_the_hue_keeps_greys_also_those_with_a_tiny_chroma():
    grey = torch.rand(2, 1, 8, 8, generator=generator(0, "grey"), dtype=torch.float64).expand(-1, 3, -1, -1)
    for offset in (0, 1e-12, 1e-9):
        tinted = grey + offset * torch.tensor([0.0, 1.0, 0.5]).view(1, 3, 1, 1)
        torch.testing.assert_close(colour.adjust_hue(tinted, 0.4), tinted, atol=2e-9, rtol=0)


def test_grey_and_solarize_equal_torchvisions():
    torch.testing.assert_close(colour.to_grey(images()), tv.rgb_to_grayscale(images(), num_output_channels=3))
    for threshold in (0.5, 0.2):
        assert torch.equal(colour.solarize(images(), threshold), tv.solarize(images(), threshold))


@pytest.mark.parametrize("order", [tuple(NEUTRAL), tuple(reversed(NEUTRAL)), ("hue",)], ids="-".join)
def test_jitter_applies_its_operations_in_the_given_order(order):
    expected = []
    for i, image in enumerate(images()):
        for name in order:
            image = TORCHVISION[name](image, float(FACTORS[name][i]))
        expected.append(image)
    torch.testing.assert_close(colour.jitter(images(), FACTORS, order), torch.stack(expected), atol=1e-5, rtol=0)


@OPERATIONS
def test_gradients_in_images_and_factors_are_right(name):
    batch = 0.2 + 0.6 * torch.rand(3, 3, 3, 4, generator=generator(0, "gradients"), dtype=torch.float64)
    factors = torch.tensor([0.0, 0.13, -0.08], dtype=torch.float64) + NEUTRAL[name]
    arguments = (batch.requires_grad_(), factors.requires_grad_())
    assert torch.autograd.gradcheck(colour.OPERATIONS[name], arguments)
    assert torch.autograd.gradgradcheck(colour.OPERATIONS[name], arguments)


def test_gradients_are_finite_where_the_hue_has_none():
    flat = torch.tensor([0.0, 0.5, 1.0]).view(3, 1, 1, 1).repeat(1, 3, 2, 2).requires_grad_()
    shift = torch.zeros(3, requires_grad=True)
    for gradient in torch.autograd.grad(colour.adjust_hue(flat, shift).sum(), (flat, shift)):
        assert bool(gradient.isfinite().all())


INVCLR = pytest.mark.parametrize("name", colour.INVCLR_OPERATIONS)


@pytest.mark.parametrize("name", ["brightness", "contrast", "saturation"])
def test_invclrs_operations_are_near_torchvisions_but_for_the_hue(name):
    batch = images(torch.float64)
    ours, theirs = colour.INVCLR_OPERATIONS[name](batch, FACTORS[name]), colour.OPERATIONS[name](batch, FACTORS[name])
    assert float((ours - theirs).abs().max()) < 1e-3


def test_invclrs_hue_at_zero_is_nearly_the_identity_and_may_leave_the_range():
    batch = torch.rand(400, 3, 8, 8, generator=generator(0, "hues"), dtype=torch.float64)
    moved = (colour.invclr_hue(batch, 0.0) - batch).abs().max()
    assert 1e-3 < float(moved) < 2.8e-3
    turned = colour.invclr_hue(batch, 0.1)
    assert float(turned.min()) < 0
    assert float(turned.max()) > 1


@INVCLR
def test_second_derivatives_of_invclrs_operations_are_right(name):
    batch = 0.2 + 0.6 * torch.rand(3, 3, 3, 4, generator=generator(0, "gradients"), dtype=torch.float64)
    factors = torch.tensor([0.0, 0.13, -0.08], dtype=torch.float64) + NEUTRAL[name]
    arguments = (batch.requires_grad_(), factors.requires_grad_())
    assert torch.autograd.gradcheck(colour.INVCLR_OPERATIONS[name], arguments)
    assert torch.autograd.gradgradcheck(colour.INVCLR_OPERATIONS[name], arguments)


def test_one_number_turns_all_hues_alike():
    apart = colour.invclr_hue(images(), torch.full((N,), 0.2))
    torch.testing.assert_close(colour.invclr_hue(images(), 0.2), apart)
