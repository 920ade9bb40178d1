"""Methods one by one, and how a configuration becomes one."""

import re
from dataclasses import replace

import pytest
import torch
from torch import nn

from holdfast.config import MethodConfig, RunConfig
from holdfast.data.batches import Batch
from holdfast.methods import METHODS, SDCLR, SDCLRConfig, SimCLRConfig, build, name_of
from holdfast.models import checksum
from holdfast.objectives import nt_xent


def run_config(method: MethodConfig, **settings) -> RunConfig:
    return RunConfig(method=method, encoder="timm/test_resnet", **settings)


def random_batch(count: int = 8, epoch: int = 0, size: int = 16) -> Batch:
    images = torch.rand(count, 3, size, size, generator=torch.Generator().manual_seed(0))
    return Batch(images=images, ids=torch.arange(count) * 3, epoch=epoch)


def norms_of(network: nn.Module) -> list[nn.Module]:
    return [module for module in network.modules() if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d)]


def sdclr(**settings) -> SDCLR:
    method = build(run_config(SDCLRConfig(**settings)), image_size=16)
    assert isinstance(method, SDCLR)
    return method


def test_simclr_contrasts_the_two_views_of_one_pass():
    method = build(run_config(SimCLRConfig(temperature=0.3)), image_size=16)
    views = method.views(random_batch())
    z = method.network(torch.cat([views.images[0], views.images[1]]))
    torch.testing.assert_close(method.loss(views), nt_xent(z[:8], z[8:], temperature=0.3), rtol=1e-6, atol=0)


def test_simclr_per_view_gives_each_view_batch_statistics_of_its_own():
    together, apart = (
        build(run_config(SimCLRConfig(per_view_norm=per_view)), image_size=16) for per_view in (False, True)
    )
    views = together.views(random_batch())
    loss = apart.loss(views)
    assert {int(norm.num_batches_tracked) for norm in norms_of(apart)} == {2}
    z1, z2 = (together.network(images) for images in views.images)
    torch.testing.assert_close(loss, nt_xent(z1, z2, temperature=0.2), rtol=1e-6, atol=0)
    assert not torch.allclose(loss, together.loss(views), rtol=1e-4)


def test_sdclr_contrasts_view_1_through_the_dense_network_with_view_2_through_the_pruned_one():
    method = sdclr(prune_ratio=0.5, temperature=0.3)
    views = method.views(random_batch())
    z1, z2 = method.network(views.images[0]), method.pruned(method.network, views.images[1])
    expected = nt_xent(z1, z2, temperature=0.3)
    torch.testing.assert_close(method.loss(views), expected, rtol=1e-6, atol=0)
    swapped = replace(views, images=views.images.flip(0))
    assert not torch.allclose(method.loss(swapped), expected, rtol=1e-4)


def test_sdclr_without_pruning_and_with_fresh_norms_is_simclr_per_view():
    unpruned = sdclr(prune_ratio=0.0)
    simclr = build(run_config(SimCLRConfig(per_view_norm=True)), image_size=16)
    assert checksum(unpruned.network) == checksum(simclr.network)
    views = unpruned.views(random_batch())
    torch.testing.assert_close(unpruned.loss(views), simclr.loss(views), rtol=1e-6, atol=0)


def test_sdclr_ranks_again_at_each_epochs_start_and_only_there():
    method = sdclr(prune_ratio=0.5)
    before = method.pruned.masks
    name = next(iter(before))
    with torch.no_grad():
        method.encoder.get_parameter(name).neg_().add_(1.0)
    method.loss(method.views(random_batch())).backward()
    assert all(torch.equal(mask, before[key]) for key, mask in method.pruned.masks.items())
    method.start_epoch(1)
    assert method.pruned.masks[name].all()
    assert not before[name].all()


def test_sdclrs_random_part_is_drawn_anew_each_epoch_by_its_seed():
    def masks(mask_seed: int, epoch: int) -> torch.Tensor:
        method = sdclr(prune_ratio=0.5, prune_random=0.5, mask_seed=mask_seed)
        method.start_epoch(epoch)
        return torch.cat([mask.flatten() for mask in method.pruned.masks.values()])

    assert torch.equal(masks(0, 1), masks(0, 1))
    assert not torch.equal(masks(0, 1), masks(0, 2))
    assert not torch.equal(masks(0, 1), masks(1, 1))


def test_weight_decay_and_steps_reach_hidden_weights_and_both_sets_of_norms():
    method = sdclr()
    names = {name for name, _ in method.named_parameters()}
    own = {name for name in names if name.startswith("pruned.")}
    assert names - own == {f"network.{name}" for name, _ in method.network.named_parameters()}
    assert len(own) == 2 * len(norms_of(method.network))


@pytest.mark.parametrize(
    ("kind", "settings", "message"),
    [
        (SimCLRConfig, {"temperature": 0.0}, "temperature > 0, got 0.0"),
        (SDCLRConfig, {"temperature": -1.0}, "temperature > 0, got -1.0"),
        (SDCLRConfig, {"prune_ratio": 1.5}, "0 <= prune_random <= prune_ratio <= 1"),
        (SDCLRConfig, {"prune_random": 0.95}, "0 <= prune_random <= prune_ratio <= 1"),
        (SDCLRConfig, {"head_dim": 0}, "head_dim >= 1, got 0"),
    ],
)
def test_settings_outside_their_range_are_refused(kind, settings, message):
    with pytest.raises(ValueError, match=message):
        kind(**settings)


def test_settings_of_no_method_are_refused():
    with pytest.raises(ValueError, match=re.escape(f"settings of one of {', '.join(METHODS)}, got MethodConfig")):
        name_of(RunConfig(method=MethodConfig()))


def test_the_seed_decides_encoder_head_and_views():
    first, again, other = (build(run_config(SimCLRConfig(), seed=seed), image_size=16) for seed in (1, 1, 2))
    assert checksum(first) == checksum(again)
    assert checksum(first.network[0]) != checksum(other.network[0])
    assert checksum(first.network[1]) != checksum(other.network[1])
    images = [method.views(random_batch()).images for method in (first, again, other)]
    assert torch.equal(images[0], images[1])
    assert not torch.equal(images[0], images[2])


def test_methods_start_from_equal_networks_at_equal_heads():
    assert (
        len({checksum(build(run_config(kind()), image_size=16).network) for kind in (SimCLRConfig, SDCLRConfig)}) == 1
    )
