import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import functional as tv

from holdfast.data.views.resample import blur_radius, gaussian_blur, resample
from holdfast.randomness import generator, key, uniform

FILTERS = ["bilinear", "bicubic"]


def images(n=5, height=40, width=37, dtype=torch.float32):
    return torch.rand(n, 3, height, width, generator=generator(0, "images"), dtype=dtype)


def boxes(n, height, width):
    """Boxes of any size inside the image, single pixels and the whole image among them."""
    draws = uniform(key(0, "boxes") + torch.arange(n), 5).unbind(-1)
    rows, columns = (draws[0] * height).long() + 1, (draws[1] * width).long() + 1
    rows[:2], columns[:2] = torch.tensor([1, height]), torch.tensor([1, width])
    top, left = (draws[2] * (height - rows + 1)).long(), (draws[3] * (width - columns + 1)).long()
    return {"top": top, "left": left, "height": rows, "width": columns, "flip": draws[4] < 0.5}


def by_torchvision(batch, box, size, interpolation):
    views = []
    for image, top, left, rows, columns, flip in zip(batch, *(values.tolist() for values in box.values()), strict=True):
        mode = InterpolationMode(interpolation)
        view = tv.resized_crop(image, top, left, rows, columns, [size, size], interpolation=mode, antialias=True)
        views.append(tv.horizontal_flip(view) if flip else view)
    return torch.stack(views)


@pytest.mark.parametrize("size", [1, 8, 32, 64], ids=lambda size: f"to {size}")
@pytest.mark.parametrize("interpolation", FILTERS)
def test_a_crop_with_resize_and_flip_equals_torchvisions_antialiased_ones(interpolation, size):
    batch, box = images(40), boxes(40, 40, 37)
    expected = by_torchvision(batch, box, size, interpolation)
    torch.testing.assert_close(
        resample(batch, **box, size=size, interpolation=interpolation), expected, atol=1e-6, rtol=0
    )


@pytest.mark.parametrize("interpolation", FILTERS)
def test_in_float64_it_equals_torchvision_to_the_last_bits(interpolation):
    batch, box = images(40, dtype=torch.float64), boxes(40, 40, 37)
    view = resample(batch, **box, size=24, interpolation=interpolation)
    assert view.dtype == torch.float64
    torch.testing.assert_close(view, by_torchvision(batch, box, 24, interpolation), atol=1e-13, rtol=0)


@pytest.mark.parametrize("interpolation", FILTERS)
def test_large_images_lose_no_precision(interpolation):
    # torchvision's float32 is 1e-5 away from its own float64 here; ours keeps pixel distances exact.
    batch, box = images(2, 900, 700), {**boxes(2, 900, 700), "top": torch.tensor([100, 129])}
    box.update(left=torch.tensor([33, 99]), height=torch.tensor([771, 771]), width=torch.tensor([601, 601]))
    exact = by_torchvision(batch.double(), box, 224, interpolation)
    view = resample(batch, **box, size=224, interpolation=interpolation)
    torch.testing.assert_close(view.double(), exact, atol=1e-6, rtol=0)


@pytest.mark.parametrize("interpolation", FILTERS)
def test_the_whole_image_at_its_own_size_is_unchanged_to_the_bit(interpolation):
    batch, whole = images(3, 32, 32), torch.full((3,), 32)
    box = {"top": whole * 0, "left": whole * 0, "height": whole, "width": whole, "flip": whole < 0}
    assert torch.equal(resample(batch, **box, size=32, interpolation=interpolation), batch)


@pytest.mark.parametrize("interpolation", FILTERS)
def test_pixels_outside_the_crop_do_not_matter(interpolation):
    batch, box = images(20, dtype=torch.float64).requires_grad_(), boxes(20, 40, 37)
    (gradient,) = torch.autograd.grad(resample(batch, **box, size=16, interpolation=interpolation).sum(), batch)
    for image, top, left, rows, columns in zip(gradient, *(v.tolist() for v in list(box.values())[:4]), strict=True):
        inside = image[:, top : top + rows, left : left + columns]
        assert float(inside.sum()) == pytest.approx(3 * 16 * 16)
        assert float(image.abs().sum()) == pytest.approx(float(inside.abs().sum()))


def test_an_unknown_filter_is_refused():
    with pytest.raises(ValueError, match="expected interpolation bilinear or bicubic or lanczos, got 'nearest'"):
        resample(images(2), **boxes(2, 40, 37), size=8, interpolation="nearest")


@pytest.mark.parametrize("size", [8, 24, 60])
def test_a_lanczos_resize_equals_pillows(size):
    batch = images(2)
    whole = {name: torch.full((2,), value) for name, value in {"top": 0, "left": 0, "height": 40, "width": 37}.items()}
    result = resample(batch, **whole, flip=torch.zeros(2, dtype=torch.bool), size=size, interpolation="lanczos")
    for channel, expected in zip(result.flatten(0, 1), batch.flatten(0, 1), strict=True):
        resized = Image.fromarray(expected.numpy()).resize((size, size), Image.Resampling.LANCZOS)
        torch.testing.assert_close(channel, torch.from_numpy(np.array(resized)), rtol=0, atol=2e-5)


@pytest.mark.parametrize("radius", [0, 1, 6, 20])
def test_a_blur_equals_torchvisions_image_by_image(radius):
    batch, sigma = images(5), torch.tensor([0.1, 0.5, 1.0, 2.0, 7.5])
    taps = [2 * radius + 1] * 2
    expected = torch.stack([tv.gaussian_blur(x, taps, [s]) for x, s in zip(batch, sigma.tolist(), strict=True)])
    torch.testing.assert_close(gaussian_blur(batch, sigma, radius=radius), expected, atol=1e-5, rtol=0)


def test_a_blur_keeps_a_flat_image_and_spreads_a_dot_by_its_sigma():
    flat = torch.full((1, 3, 9, 9), 0.3, dtype=torch.float64)
    torch.testing.assert_close(gaussian_blur(flat, 1.0, radius=3), flat)
    dot = torch.zeros(1, 1, 41, 41, dtype=torch.float64)
    dot[..., 20, 20] = 1
    spread = gaussian_blur(dot, 2.0, radius=12)[0, 0].sum(0)
    variance = (spread * (torch.arange(41) - 20) ** 2).sum()
    assert float(variance) == pytest.approx(4.0, rel=1e-4)


def test_the_radius_covers_three_standard_deviations_where_the_image_allows():
    assert [blur_radius(sigma, 32) for sigma in (0.1, 1.0, 2.0, 20.0)] == [1, 3, 6, 31]


def test_a_blur_wider_than_the_image_is_refused():
    with pytest.raises(ValueError, match="expected a blur radius below the 8 pixels"):
        gaussian_blur(images(2, 8, 8), 1.0, radius=8)


@pytest.mark.parametrize("interpolation", FILTERS)
def test_autocast_does_not_coarsen_pixels(interpolation):
    batch, box = images(4), boxes(4, 40, 37)
    expected = gaussian_blur(resample(batch, **box, size=16, interpolation=interpolation), 1.0, radius=3)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        view = gaussian_blur(resample(batch, **box, size=16, interpolation=interpolation), 1.0, radius=3)
    assert torch.equal(view, expected)


def test_gradients_are_right():
    batch, box = images(3, 7, 6, torch.float64).requires_grad_(), boxes(3, 7, 6)
    assert torch.autograd.gradcheck(lambda x: resample(x, **box, size=5, interpolation="bicubic"), batch)
    sigma = torch.tensor([0.4, 1.0, 2.0], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x, s: gaussian_blur(x, s, radius=2), (batch, sigma))
