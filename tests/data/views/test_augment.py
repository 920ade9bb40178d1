from dataclasses import replace

import pytest
import torch
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import functional as tv

from holdfast.config import VIEWS, ViewSettings
from holdfast.data.views import augment
from holdfast.data.views.augment import apply, identity_parameters, order_keys, sample
from holdfast.data.views.parameters import COLOURS
from holdfast.randomness import generator, sample_keys

SETTINGS = {
    **VIEWS,
    "everything": ViewSettings(hue=0.5, grey=0.3, blur=0.7, solarize=0.5),
    "no colours": ViewSettings(jitter=0.0, grey=0.0),
}
BY_TORCHVISION = {
    "brightness": tv.adjust_brightness,
    "contrast": tv.adjust_contrast,
    "saturation": tv.adjust_saturation,
    "hue": tv.adjust_hue,
}


def images(n=6, height=24, width=20, dtype=torch.float32):
    return torch.rand(n, 3, height, width, generator=generator(0, "images"), dtype=dtype)


def draw(settings, n=6, views=3, height=24, width=20, size=16):
    keys = sample_keys(0, "views", epoch=0, ids=torch.arange(n), views=views)
    orders = order_keys(0, "views", epoch=0, views=views)
    return sample(keys, settings, height=height, width=width, size=size, order_keys=orders)


def by_torchvision(image, p, order):
    """One view of one image [3, h, w], by parameters whose tensors are scalars."""
    top, left, height, width = (int(x) for x in (p.top, p.left, p.height, p.width))
    image = tv.crop(image, top, left, height, width)
    image = tv.resize(image, [p.size, p.size], InterpolationMode(p.interpolation), antialias=True).clamp(0, 1)
    image = tv.horizontal_flip(image) if p.flip else image
    for name in order if p.jitter else ():
        image = BY_TORCHVISION[name](image, float(getattr(p, name)))
    image = tv.rgb_to_grayscale(image, num_output_channels=3) if p.grey else image
    image = tv.gaussian_blur(image, [2 * p.radius + 1] * 2, [float(p.sigma)]) if p.blur else image
    return tv.solarize(image, 0.5) if p.solarize else image


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
def test_views_equal_torchvisions_chain_sample_by_sample(settings):
    # In float64: solarize and the hue jump, so a float32 value on the brink may fall to either side.
    batch, parameters = images(24, dtype=torch.float64), draw(settings, n=24)
    result = apply(batch, parameters)
    assert result.shape == (3, 24, 3, 16, 16)
    for view, order in enumerate(parameters.order):
        for i, image in enumerate(batch):
            one = parameters.map(lambda tensor, place=(view, i): tensor[place])
            torch.testing.assert_close(result[view, i], by_torchvision(image, one, order), atol=1e-5, rtol=0)


@pytest.mark.parametrize("name", ["cifar", "imagenet"])
def test_float32_views_are_close_to_float64_ones(name):
    parameters = draw(SETTINGS[name], n=50)
    exact = apply(images(50).double(), parameters)
    assert exact.dtype == torch.float64
    torch.testing.assert_close(apply(images(50), parameters).double(), exact, atol=1e-5, rtol=0)


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
def test_pixels_are_in_range_and_the_images_are_left_alone(settings):
    batch = images(40).round()  # black and white: bicubic filters overshoot most
    before = batch.clone()
    views = apply(batch, draw(settings, n=40))
    assert float(views.min()) >= 0
    assert float(views.max()) <= 1
    assert torch.equal(batch, before)


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
def test_neutral_parameters_change_nothing(interpolation):
    batch = images(4, 16, 16)
    neutral = identity_parameters(views=2, n=4, height=16, width=16, interpolation=interpolation)
    assert torch.equal(apply(batch, neutral), batch.expand(2, -1, -1, -1, -1))
    opened = apply(batch, replace(neutral, jitter=~neutral.jitter))
    torch.testing.assert_close(opened, batch.expand(2, -1, -1, -1, -1), atol=2e-6, rtol=0)


def test_a_shut_gate_leaves_a_sample_unchanged_to_the_bit():
    parameters = draw(replace(SETTINGS["everything"], blur_min=0.5), n=40)
    shut = {name: torch.zeros_like(parameters.flip) for name in ("jitter", "grey", "blur", "solarize")}
    plain, views = apply(images(40), replace(parameters, **shut)), apply(images(40), parameters)
    untouched = ~(parameters.jitter | parameters.grey | parameters.blur | parameters.solarize)
    assert 0 < int(untouched.sum()) < 100
    assert torch.equal(views[untouched], plain[untouched])
    assert float((views - plain)[~untouched].abs().amax((1, 2, 3)).min()) > 1e-3


@pytest.mark.parametrize("most", [1, 3 * 24 * 20 * 4])
def test_chunks_bound_memory_and_change_no_pixel(most, monkeypatch):
    batch, parameters = images(30), draw(SETTINGS["everything"], n=30)
    whole = apply(batch, parameters)
    monkeypatch.setitem(augment._MAX_VALUES, "cpu", most)
    sizes = []
    transform = augment._transform
    monkeypatch.setattr(augment, "_transform", lambda x, *rest: sizes.append(len(x)) or transform(x, *rest))
    torch.testing.assert_close(apply(batch, parameters), whole, atol=1e-6, rtol=0)
    assert max(sizes) == max(1, most // (3 * 24 * 20))
    assert sum(sizes) == 3 * 30


def test_gradients_in_images_and_colour_factors_are_right():
    batch = 0.2 + 0.6 * images(2, 5, 4, torch.float64)
    settings = ViewSettings(brightness=0.1, contrast=0.1, saturation=0.1, hue=0.04, jitter=1.0, blur=1.0, blur_min=0.5)
    parameters = draw(settings, n=2, views=2, height=5, width=4, size=3)
    values = {name: getattr(parameters, name).double().requires_grad_() for name in (*COLOURS, "sigma")}

    def views(batch, *factors):
        return apply(batch, replace(parameters, **dict(zip(values, factors, strict=True))))

    assert torch.autograd.gradcheck(views, (batch.requires_grad_(), *values.values()))


def test_every_colour_factor_moves_the_open_samples_only():
    parameters = draw(SETTINGS["cifar"], n=40, views=1)
    factors = {name: getattr(parameters, name).requires_grad_() for name in COLOURS}
    weights = torch.rand(1, 40, 3, 16, 16, generator=generator(0, "weights"))
    loss = (apply(images(40), replace(parameters, **factors, grey=~parameters.jitter)) * weights).sum()
    for gradient in torch.autograd.grad(loss, list(factors.values())):
        assert torch.equal(gradient != 0, parameters.jitter)


def test_the_slope_in_a_factor_at_the_neutral_table_agrees_with_a_difference():
    neutral = identity_parameters(views=1, n=3, height=8, width=8)
    batch, still = 0.2 + 0.6 * images(3, 8, 8, torch.float64), torch.zeros(1, 3, dtype=torch.float64)

    def turned(hue):
        return apply(batch, replace(neutral, jitter=~neutral.jitter, hue=hue))

    slope = torch.autograd.functional.jvp(turned, still, torch.ones_like(still))[1]
    difference = (turned(still + 1e-7) - turned(still - 1e-7)) / 2e-7
    torch.testing.assert_close(slope, difference, atol=1e-4, rtol=0)


@pytest.mark.parametrize(
    ("batch", "message"),
    [
        (torch.zeros(6, 3, 24, 20, dtype=torch.uint8), "expected images .* float32 or float64 .* got torch.uint8"),
        (torch.zeros(6, 1, 24, 20), r"got torch.float32 \[6, 1, 24, 20\]"),
        (torch.zeros(5, 3, 24, 20), "expected parameters of 5 images, got those of 6"),
    ],
    ids=["bytes", "one channel", "another batch"],
)
def test_images_that_do_not_fit_are_refused(batch, message):
    with pytest.raises(ValueError, match=message):
        apply(batch, draw(ViewSettings()))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_gives_the_same_views():
    parameters = draw(SETTINGS["imagenet"], n=50)
    torch.testing.assert_close(
        apply(images(50).cuda(), parameters).cpu(), apply(images(50), parameters), atol=1e-5, rtol=0
    )
