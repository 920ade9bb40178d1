from dataclasses import replace

import pytest
import torch

from holdfast.config import VIEWS
from holdfast.data import Batch, load_images, nuisances, view_maker

SOURCES = pytest.mark.parametrize("source", ["digits", "spirograph:40:row"])
COLOURS = pytest.mark.parametrize("colours", ["torchvision", "invclr"])


def drawn(source: str, settings=VIEWS["cifar"], n: int = 6):
    images = load_images(source, limit=n)
    batch = Batch(images=images.floats(), ids=images.ids, epoch=1)
    return view_maker(source, settings, seed=0, size=24)(batch, views=2)


@SOURCES
@COLOURS
@pytest.mark.parametrize("view", [0, 1])
def test_a_views_own_nuisances_render_it_to_the_bit(source, colours, view):
    settings = replace(VIEWS["cifar"], colours=colours)
    views = drawn(source, settings)
    found = nuisances(views, settings, view=view)
    assert torch.equal(found.render(found.values), views.images[view])
    assert len(found.names) == found.values.shape[1] == len(found.low) == len(found.high)


@SOURCES
def test_nuisances_lie_between_their_limits_and_others_change_the_view(source):
    found = nuisances(drawn(source), VIEWS["cifar"])
    assert bool(((found.values >= found.low) & (found.values <= found.high)).all())
    middle = ((found.low + found.high) / 2).expand_as(found.values)
    assert not torch.equal(found.render(middle), found.render(found.values))


@SOURCES
def test_rendering_is_differentiable_twice(source):
    found = nuisances(drawn(source, n=3), VIEWS["cifar"])
    alpha = found.values.clone().requires_grad_()
    (first,) = torch.autograd.grad(found.render(alpha).square().sum(), alpha, create_graph=True)
    (second,) = torch.autograd.grad(first.square().sum(), alpha)
    assert bool(first.isfinite().all())
    assert bool(second.isfinite().all())
    assert bool(second.any())


def test_gated_samples_do_not_depend_on_their_colours():
    views = drawn("digits", n=64)
    found = nuisances(views, VIEWS["cifar"])
    alpha = found.values.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(found.render(alpha).sum(), alpha)
    gates = views.parameters.jitter[0]
    assert 0 < int(gates.sum()) < 64
    assert not bool(gradient[~gates].any())


def test_without_jitter_the_view_does_not_depend_on_its_colours():
    settings = replace(VIEWS["cifar"], brightness=0, contrast=0, saturation=0, hue=0)
    found = nuisances(drawn("digits", settings), settings)
    assert torch.equal(found.low, found.high)
    assert torch.equal(found.render(found.values + 0.5), found.render(found.values))


def test_invclrs_colours_come_in_its_fixed_order_and_may_leave_the_range():
    images = load_images("spirograph:64").floats()
    batch = Batch(images=images, ids=torch.arange(64), epoch=0)
    settings = replace(VIEWS["cifar"], colours="invclr", brightness=0.4, hue=0.1, jitter=1.0)
    views = view_maker("other", settings, seed=0, size=32)(batch, views=2)
    assert views.parameters.order == (("brightness", "contrast", "saturation", "hue"),) * 2
    assert float(views.images.min()) < 0
    assert float(views.images.max()) > 1
