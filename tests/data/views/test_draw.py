import pytest
import torch

from holdfast.config import VIEWS, ViewSettings
from holdfast.data.batches import Batch
from holdfast.data.views.draw import make_views
from holdfast.data.views.parameters import COLOURS
from holdfast.randomness import generator

IMAGES = torch.rand(90, 3, 32, 32, generator=generator(0, "images"))
IDS = torch.arange(90) * 7 + 3
FULL = ViewSettings(blur=0.5)


def views(positions, settings=FULL, *, epoch=0, seed=0, size=32, **options):
    positions = torch.as_tensor(positions)
    return make_views(Batch(IMAGES[positions], IDS[positions], epoch), settings, seed=seed, size=size, **options)


def differ(first, second):
    """Whether most views of one batch are unlike those of the other."""
    return float(((first.images - second.images).abs().amax((2, 3, 4)) > 0.01).double().mean()) > 0.9


@pytest.mark.parametrize("preset", VIEWS)
def test_views_have_their_shape_range_and_origin(preset):
    batch = Batch(IMAGES[:5], IDS[:5], 2)
    made = make_views(batch, VIEWS[preset], seed=0, size=24, views=3)
    assert made.images.shape == (3, 5, 3, 24, 24)
    assert made.images.dtype == torch.float32
    assert 0 <= float(made.images.min()) < float(made.images.max()) <= 1
    assert made.parameters.flip.shape == (3, 5)
    assert made.batch is batch


@pytest.mark.parametrize("size", [32, 24])
@pytest.mark.parametrize("batch_size", [1, 7, 64])
def test_batch_size_and_order_change_no_draw_and_no_pixel(batch_size, size):
    whole = views(range(90), size=size)
    order = torch.randperm(90, generator=generator(0, "shuffle"))
    for positions in order[:64].split(batch_size):
        part = views(positions, size=size)
        for name in ("top", "left", "height", "width", "flip", "grey", "sigma", *COLOURS):
            assert torch.equal(getattr(part.parameters, name), getattr(whole.parameters, name)[:, positions])
        torch.testing.assert_close(part.images, whole.images[:, positions], atol=1e-6, rtol=0)


def test_the_same_key_gives_the_same_bits():
    assert torch.equal(views(range(30)).images, views(range(30)).images)


@pytest.mark.parametrize(
    "change", [{"epoch": 1}, {"seed": 1}, {"purpose": "probe"}], ids=lambda change: next(iter(change))
)
def test_another_epoch_seed_or_purpose_gives_other_views(change):
    assert differ(views(range(30)), views(range(30), **change))


def test_the_views_of_an_image_differ():
    made = views(range(60), views=2)
    assert differ(make_views(made.batch, FULL, seed=0, size=32, views=1), views(range(60), seed=5, views=1))
    assert not torch.equal(made.images[0], made.images[1])
    assert float((made.parameters.brightness[0] == made.parameters.brightness[1]).double().mean()) < 0.05


def test_more_views_leave_the_first_ones_alone():
    torch.testing.assert_close(views(range(9), views=5).images[:2], views(range(9)).images, atol=1e-6, rtol=0)


def test_a_view_without_augmentation_is_the_image():
    plain = ViewSettings(crop_min=1.0, ratio_min=1.0, ratio_max=1.0, flip=0.0, jitter=0.0, grey=0.0)
    assert torch.equal(views(range(6), plain, views=1).images[0], IMAGES[:6])


def test_gradients_reach_the_images():
    images = IMAGES[:4].clone().requires_grad_()
    make_views(Batch(images, IDS[:4], 0), FULL, seed=0, size=16).images.sum().backward()
    assert images.grad is not None
    assert bool((images.grad.abs().amax((1, 2, 3)) > 0).all())


@pytest.mark.parametrize("wrong", [{"size": 0}, {"views": 0}], ids=["no pixels", "no views"])
def test_views_of_nothing_are_refused(wrong):
    with pytest.raises(ValueError, match="expected size and views of at least 1"):
        views(range(3), **wrong)
