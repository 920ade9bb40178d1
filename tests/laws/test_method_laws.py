"""What holds for every method in METHODS: a new one is tested by being listed."""

import copy
from dataclasses import FrozenInstanceError, replace
from typing import Any

import pytest
import torch
from small_methods import small_config, small_default
from torch import Tensor, nn

from holdfast.config import RunConfig, from_document, to_document
from holdfast.data.batches import Batch
from holdfast.methods import METHODS, PRESETS, Method, build, name_of
from holdfast.methods.first_view import first_features
from holdfast.models import checksum


def run_config(name: str, **settings) -> RunConfig:
    method = small_config(name, **settings)
    return RunConfig(method=method, encoder="timm/test_resnet")


def random_batch(count: int = 10, size: int = 16, epoch: int = 0) -> Batch:
    images = torch.rand(count, 3, size, size, generator=torch.Generator().manual_seed(0))
    return Batch(images=images, ids=torch.arange(count) * 3, epoch=epoch)


def ready(name: str, **settings) -> Method:
    method = build(run_config(name, **settings), image_size=16)
    method.start_epoch(0)
    return method


def losses(method: Method, batch: Batch) -> list[torch.Tensor]:
    """The losses of a batch, each followed by its backward, as the engine asks for them."""
    found = []
    for loss in method.losses(batch):
        loss.backward()
        found.append(loss.detach())
    return found


@pytest.fixture(params=METHODS)
def name(request) -> str:
    return request.param


def test_a_batch_yields_its_losses_and_every_trainable_parameter_gets_a_gradient(name):
    method = ready(name)
    found = losses(method, random_batch())
    assert len(found) == method.steps_per_batch
    assert all(loss.shape == () and loss.dtype == torch.float32 and torch.isfinite(loss) for loss in found)
    gradients = {at: parameter.grad for at, parameter in method.named_parameters() if parameter.requires_grad}
    assert gradients
    assert [at for at, gradient in gradients.items() if gradient is None or not torch.isfinite(gradient).all()] == []
    assert any(gradient.any() for gradient in gradients.values() if gradient is not None)


def test_an_optimiser_step_down_the_gradient_lowers_the_loss(name):
    method, batch = ready(name), random_batch()
    before = losses(method, batch)[0]
    with torch.no_grad():
        norm = torch.stack([p.grad.norm() for p in method.parameters() if p.grad is not None]).norm()
        for parameter in method.parameters():
            if parameter.grad is not None:
                parameter -= 0.01 * parameter.grad / norm
    assert losses(method, batch)[0] < before


def test_the_order_of_the_images_in_a_batch_does_not_matter(name):
    batch = random_batch()
    order = torch.randperm(len(batch.ids), generator=torch.Generator().manual_seed(1))
    shuffled = replace(batch, images=batch.images[order], ids=batch.ids[order])
    found = [losses(ready(name).double(), replace(b, images=b.images.double()))[0] for b in (batch, shuffled)]
    torch.testing.assert_close(found[0], found[1], rtol=1e-6, atol=1e-6)


def test_one_configuration_gives_one_loss_to_the_bit_and_draws_nothing_globally(name):
    before = torch.get_rng_state()
    first = losses(ready(name), random_batch())
    assert torch.equal(torch.get_rng_state(), before)
    torch.rand(1)
    assert torch.equal(torch.stack(losses(ready(name), random_batch())), torch.stack(first))


def test_another_epoch_sees_other_views(name):
    method = ready(name)
    first, again, later = (method.views(random_batch(epoch=epoch)).images for epoch in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, later)


def test_views_are_as_many_as_the_method_says_and_valid_pixels(name):
    method, batch = ready(name), random_batch()
    views = method.views(batch)
    assert views.images.shape == (method.views_per_image, *batch.images.shape)
    assert 0 <= float(views.images.min()) <= float(views.images.max()) <= 1
    assert views.batch is batch


def test_the_encoder_is_what_audits_see_and_part_of_what_is_trained(name):
    method, batch = ready(name), random_batch()
    assert method.encoder.eval()(batch.images).shape == (len(batch.ids), method.encoder.dim)
    trained = {id(parameter) for parameter in method.parameters()}
    assert {id(parameter) for parameter in method.encoder.parameters()} <= trained


def test_the_state_holds_all_that_the_next_loss_depends_on(name):
    method, other = ready(name), build(replace(run_config(name), seed=1), image_size=16)
    losses(method, random_batch())
    other.make_views = method.make_views
    other.load_state_dict(method.state_dict())
    batch = random_batch(epoch=1)
    assert torch.equal(torch.stack(losses(other, batch)), torch.stack(losses(method, batch)))


@pytest.mark.parametrize(("name", "settings"), [*((name, {}) for name in METHODS), ("lore", {"slack": None})])
def test_the_networks_first_call_starts_with_view_1_of_which_parts_take_the_features(name, settings):
    method = ready(name, **settings).eval()
    views = method.views(random_batch())
    shifts = 0.1 * torch.rand(views.images.shape, generator=torch.Generator().manual_seed(2))
    views = replace(views, images=(views.images + shifts).clamp(0, 1))
    with first_features(method.network) as seen:
        method.loss(views)
    torch.testing.assert_close(seen[0][:10], method.first_features(views.images[0]))


def aligned_loss(name: str, config: RunConfig, *, collapsed: bool) -> Tensor:
    """The loss of views that are their images, so that all of an image's embeddings agree; collapsed: as those of
    others do too."""
    whole: Any = build(config, image_size=16).double()
    whole.start_epoch(0)
    method = whole.innermost()
    batch, loss = replace(random_batch(), subgroups={"site": torch.arange(10) % 2}), torch.zeros(())
    learning = [module for module in (getattr(method, "predicting", method), method) if hasattr(module, "teacher")]
    for module in learning[:1]:
        module.predictor = nn.Identity()
    if name in ("deacl", "lore"):  # as far from its random teacher as from anything, until it is the same
        method.network[0] = copy.deepcopy(method.teacher.network)
    if name == "dynacl++":  # a head that tells which of the first images is nearest, and clusters around these
        centres = method.teacher(batch.images[: method.clusters])
        method.take_clusters(centres, 2 * centres, -centres.square().sum(1))
        method.eval()
    networks = [method.network, *(getattr(module.teacher, "network", None) for module in learning[:1])]
    for network in networks if collapsed else ():
        if isinstance(network, nn.Sequential):  # a clean teacher is an encoder alone, and stays as it is
            network[1].register_forward_hook(lambda head, inputs, output: output[:1].expand_as(output))
    views = replace(
        whole.views(batch), batch=batch, images=batch.images.double().expand(method.views_per_image, -1, -1, -1, -1)
    )
    for _ in range(2):
        loss = whole.loss(views).detach()
        if hasattr(method, "centre"):  # DINO's: collapse is seen once the teacher's mean output is taken off
            method.centre.copy_(method._seen)
    return loss


def test_collapse_is_worse_than_an_aligned_spread(name):
    config = run_config(name, **({"prune_ratio": 0.0} if name == "sdclr" else {}))
    spread, collapsed = (aligned_loss(name, config, collapsed=collapsed) for collapsed in (False, True))
    if name == "byol":  # nothing in its loss tells: what does is the predictor, and a teacher that follows slowly
        torch.testing.assert_close(spread, collapsed)
    else:
        assert spread < collapsed - 1e-3


PARTED = [name for name in PRESETS if name not in METHODS and {p.word for p in PRESETS[name]().parts} - {"adversary"}]
"""Presets that put something on a method beside an attack."""


@pytest.mark.parametrize(
    "name", [n if n in ("gh", "care") else pytest.param(n, marks=pytest.mark.slow) for n in PARTED]
)
def test_collapse_is_worse_than_an_aligned_spread_under_the_parts_of_a_preset_too(name):
    more = {"harmonize_start": 0.0} if name == "gh" else {"forget_groups": 2} if name == "talos" else {}
    config = small_default(name, precision="32", **more)
    if hasattr(config.method, "prune_ratio"):
        config = replace(config, method=replace(config.method, prune_ratio=0.0))
    spread, collapsed = (aligned_loss(name_of(config), config, collapsed=collapsed) for collapsed in (False, True))
    assert spread < collapsed - 1e-3


@pytest.mark.parametrize("layers", [1, 4])
def test_a_head_of_other_than_two_or_three_layers_is_refused(name, layers):
    with pytest.raises(ValueError, match=f"head_layers 2 or 3, got {layers}"):
        METHODS[name].Config(head_layers=layers)


def test_the_settings_are_frozen_and_name_the_method(name):
    config = run_config(name)
    assert name_of(config) == name
    with pytest.raises(FrozenInstanceError):
        config.method.head_dim = 3  # type: ignore[misc]
    with pytest.raises(TypeError):
        METHODS[name].Config(2)  # type: ignore[call-arg]


def test_the_settings_come_back_from_a_document_and_unknown_ones_are_refused(name):
    config = replace(run_config(name), long_tail="exp:20", seed=4)
    document = to_document(config, name, "0")
    kinds = {key: method.Config for key, method in METHODS.items()}
    assert from_document(document, kinds) == config
    assert checksum(build(from_document(document, kinds), image_size=16)) == checksum(build(config, image_size=16))
    with pytest.raises(ValueError, match=f"only settings of {METHODS[name].Config.__name__}, got tempratur"):
        from_document(document | {"settings": {**document["settings"], "tempratur": 1}}, kinds)
