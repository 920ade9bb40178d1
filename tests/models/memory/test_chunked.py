"""Networks that keep the activations of a few images at a time."""

import pytest
import torch
from small_methods import small_config
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from holdfast.config import RunConfig
from holdfast.data import Batch, load_images
from holdfast.methods import METHODS, Method, build, with_settings
from holdfast.models import ChunkedNetwork


def config(name: str, **changes) -> RunConfig:
    method = small_config(name)
    return with_settings(RunConfig(method=method, data="digits", encoder="timm/test_resnet"), **changes)


def made(settings: RunConfig) -> Method:
    """In float64, its batch norms fixed: what they do to a chunk is another matter."""
    method = build(settings, image_size=12).double().train()
    for module in method.modules():
        if isinstance(module, _BatchNorm):
            module.eval()
    return method


def stepped(method: Method, count: int = 8) -> tuple[list[float], torch.Tensor]:
    """All losses of a batch, and the gradient of their sum."""
    images = load_images("digits", limit=count)
    batch = Batch(images=images.floats().double(), ids=images.ids, epoch=0)
    method.start_epoch(0)
    found = []
    for loss in method.losses(batch):
        loss.backward()
        found.append(float(loss.detach()))
    return found, torch.cat([p.grad.flatten() for p in method.parameters() if p.grad is not None])


@pytest.mark.parametrize("name", METHODS)
def test_losses_and_gradients_are_those_of_the_whole_batch(name):
    (losses, gradient), (whole, expected) = (stepped(made(config(name, chunk=chunk))) for chunk in (3, None))
    assert losses == pytest.approx(whole, rel=1e-10)
    assert float(expected.norm()) > 0
    torch.testing.assert_close(gradient, expected, rtol=1e-7, atol=1e-12 * float(expected.norm() + 10))


def test_an_adversary_gets_the_gradients_of_the_whole_batch():
    (losses, gradient), (whole, expected) = (
        stepped(made(config("sdclr", adversary="free:2", chunk=chunk))) for chunk in (3, None)
    )
    assert losses == pytest.approx(whole, rel=1e-10)
    torch.testing.assert_close(gradient, expected, rtol=1e-7, atol=1e-12)


def test_what_is_computed_again_is_so_in_the_mode_of_the_first_time():
    parts = (nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6), nn.Dropout(0.5)).double(), nn.Linear(6, 2).double())
    images = torch.linspace(-1, 1, 32, dtype=torch.float64).sin().view(8, 4).requires_grad_()
    with torch.no_grad():
        parts[0](3 * images + 1)  # running statistics that are no batch's
    found = []
    for network in (ChunkedNetwork(*parts, chunk=3), nn.Sequential(*parts)):
        network.eval()
        loss = network(images).square().sum()
        network.train()  # an attack's loss is of evaluation, and its gradient is taken after it
        found.append(torch.autograd.grad(loss, images)[0])
        assert all(module.training for module in network.modules())
    torch.testing.assert_close(found[0], found[1])


@pytest.mark.parametrize("part", [{"sharpness": "rwsam:0.05"}, {"harmonize": "gh:1", "harmonize_classes": 5}])
def test_passes_that_are_computed_again_have_the_weights_of_the_first_time(part):
    found = []
    for more in ({"pass_views": 2}, {}):
        method = small_config("emp-ssl", view_count=4, **more)
        settings = with_settings(RunConfig(method=method, data="digits", encoder="timm/test_resnet"), **part)
        found.append(stepped(made(settings)))
    assert found[0][0] == pytest.approx(found[1][0], rel=1e-10)
    torch.testing.assert_close(found[0][1], found[1][1], rtol=1e-7, atol=1e-10)


def kept_bytes(network: nn.Module, images: torch.Tensor) -> int:
    """What autograd keeps between a forward pass and its backward, parameters apart."""
    kept: dict[int, int] = {}
    own = {parameter.data_ptr() for parameter in network.parameters()}

    def note(tensor: torch.Tensor) -> torch.Tensor:
        if tensor.data_ptr() not in own:
            kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        result = network(images)
    result.sum().backward()
    return sum(kept.values())


def small(chunk: int | None) -> nn.Sequential:
    parts = (nn.Sequential(nn.Conv2d(3, 16, 3), nn.ReLU(), nn.Conv2d(16, 16, 3), nn.ReLU()), nn.Flatten())
    return nn.Sequential(*parts) if chunk is None else ChunkedNetwork(*parts, chunk=chunk)


def test_activations_of_one_chunk_are_kept():
    images = torch.rand(32, 3, 16, 16)
    assert kept_bytes(small(4), images) < 0.5 * kept_bytes(small(None), images)


def test_running_statistics_move_once_for_each_chunk():
    network = ChunkedNetwork(nn.BatchNorm2d(3), nn.Flatten(), chunk=4).train()
    network(torch.rand(12, 3, 4, 4)).sum().backward()
    assert int(network[0].num_batches_tracked) == 3


def test_without_gradients_a_chunk_at_a_time_passes_too():
    images, (chunked, plain) = torch.rand(10, 3, 8, 8), (small(3), small(None))
    chunked.load_state_dict(plain.state_dict())
    with torch.no_grad():
        torch.testing.assert_close(chunked(images), plain(images))


def test_a_penalty_takes_no_chunks():
    with pytest.raises(ValueError, match="--penalty without --chunk"):
        config("simclr", penalty="invariance:0.1", chunk=8)


def test_a_chunk_has_an_image():
    with pytest.raises(ValueError, match="chunk >= 1"):
        config("simclr", chunk=0)
