"""Views smaller than the images, which grow at the end of a run."""

from dataclasses import replace

import pytest
import torch
from small_methods import small_config, sparse

from holdfast.config import VIEWS, RunConfig, ViewSettings
from holdfast.data.batches import Batch
from holdfast.data.views import side_of_views
from holdfast.methods import SimCLRConfig, build, with_settings

SMALL = replace(VIEWS["patch"], view_size=16)


def batch(epoch: int = 0) -> Batch:
    images = torch.rand(6, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    return Batch(images=images, ids=torch.arange(6), epoch=epoch)


def run_config(views: ViewSettings, **settings) -> RunConfig:
    return RunConfig(method=SimCLRConfig(), encoder="timm/test_resnet", views=views, epochs=4, **settings)


@pytest.mark.parametrize(("grow", "sizes"), [(0.0, [16] * 4), (0.5, [16, 16, 32, 32]), (1.0, [32] * 4)])
def test_views_grow_in_the_last_share_of_the_run(grow, sizes):
    settings = replace(SMALL, view_grow=grow)
    assert [side_of_views(settings, full=32, epoch=epoch, epochs=4) for epoch in range(4)] == sizes
    method = build(run_config(settings), image_size=32)
    assert [method.views(batch(epoch)).images.shape[-1] for epoch in range(4)] == sizes


def test_patches_at_their_own_size_are_the_images_pixels():
    method = build(run_config(replace(SMALL, jitter=0.0, grey=0.0, blur=0.0, solarize=0.0, flip=0.0)), image_size=32)
    given = batch()
    views = method.views(given)
    top, left = int(views.parameters.top[0, 0]), int(views.parameters.left[0, 0])
    torch.testing.assert_close(views.images[0, 0], given.images[0, :, top : top + 16, left : left + 16])


def test_views_for_another_purpose_have_the_full_size():
    method = build(run_config(SMALL), image_size=32)
    assert method.make_views(batch(), views=3, purpose="signals").images.shape == (3, 6, 3, 32, 32)


def test_a_free_adversary_starts_anew_when_views_grow():
    config = with_settings(run_config(replace(SMALL, view_grow=0.5)), adversary="free:2")
    method = build(config, image_size=32)
    for epoch, size in ((0, 16), (2, 32)):
        for loss in method.losses(batch(epoch)):
            loss.backward()
        assert method.rank_state()["delta"].shape[-1] == size


@pytest.mark.parametrize("name", sparse())
def test_every_method_trains_on_small_views(name):
    config = RunConfig(method=small_config(name), encoder="timm/test_resnet", views=SMALL)
    method = build(config, image_size=32)
    method.start_epoch(0)
    views = method.views(batch())
    assert views.images.shape[-1] == 16
    assert torch.isfinite(method.loss(views))


def test_a_network_of_one_size_is_refused_in_a_line():
    config = replace(run_config(SMALL), encoder="timm/vit_tiny_patch16_224", stem="small")
    with pytest.raises(
        ValueError, match=r"views of 16 pixels beside images of 32, got timm/vit_tiny_patch16_224; leave --view-size"
    ):
        build(config, image_size=32)
