"""Two gloo processes against one: the gradients of the joined batch."""

import pytest
import safetensors.torch
import torch
import torch.multiprocessing as mp

from ddp_workers import _cubic, double_method, gradients_of, last_batch, step, twice
from holdfast.config import RunConfig
from holdfast.distributed import SynchronisedBatchNorm, gather, synchronise_norms, total
from holdfast.methods import METHODS


@pytest.mark.parametrize(
    ("images", "encoder", "stem"),
    [(16, "timm/test_resnet", "small"), (13, "timm/test_efficientnet", "standard")],
    ids=["equal shares", "shares of 3 and 2, norms with activations"],
)
@pytest.mark.parametrize("method", METHODS)
def test_two_ranks_have_the_gradients_of_the_joined_batch(method, images, encoder, stem, tmp_path):
    # Without most of its weights a network this thin gives all images one embedding, and gradients without meaning.
    settings = {"prune_ratio": 0.3} if method == "sdclr" else {}
    config = RunConfig(method=METHODS[method].Config(**settings), encoder=encoder, stem=stem)
    alone = double_method(config)
    loss = next(alone.losses(last_batch(images)))
    loss.backward()
    mp.start_processes(step, args=(2, str(tmp_path), config, images), nprocs=2, start_method="spawn")
    joined = safetensors.torch.load_file(tmp_path / "gradients.safetensors")
    torch.testing.assert_close(joined.pop("loss"), loss.detach(), rtol=1e-9, atol=1e-9)
    expected = gradients_of(alone)
    assert {name for name in joined if "running" not in name} == set(expected)
    for name, gradient in expected.items():
        torch.testing.assert_close(
            joined[name], gradient, rtol=1e-5, atol=1e-8, msg=lambda text, n=name: f"{n}: {text}"
        )
    for name, buffer in alone.named_buffers():
        if "running" in name:
            torch.testing.assert_close(joined[name], buffer.double(), rtol=1e-6, atol=1e-8)


def test_gather_and_total_differentiate_twice_across_ranks(tmp_path):
    mp.start_processes(twice, args=(2, str(tmp_path)), nprocs=2, start_method="spawn")
    rows = (torch.arange(10, dtype=torch.float64).reshape(5, 2) / 7).requires_grad_()
    # Two ranks hold the same loss, so what autograd sees is their sum: the gradient of twice the loss, and so on.
    gradient = torch.autograd.grad(2 * _cubic(rows, rows.sum()), rows, create_graph=True)[0]
    second = torch.autograd.grad(2 * (gradient**2).sum(), rows)[0]
    parts = [safetensors.torch.load_file(tmp_path / f"rank{rank}.safetensors") for rank in (0, 1)]
    torch.testing.assert_close(torch.cat([part["g"] for part in parts]), gradient.detach())
    torch.testing.assert_close(torch.cat([part["h"] for part in parts]), second)


def test_alone_gather_and_total_are_the_identity():
    rows = torch.ones(3, 2)
    assert gather(rows) is rows
    assert total(rows) is rows


@pytest.mark.parametrize("training", [True, False])
def test_a_synchronised_norm_alone_is_the_norm_it_replaces(training):
    norm = torch.nn.BatchNorm2d(4).double().train(training)
    with torch.no_grad():
        norm.weight.uniform_(0.5, 2, generator=torch.Generator().manual_seed(0))
        norm.bias.uniform_(-1, 1, generator=torch.Generator().manual_seed(1))
    images = torch.randn(5, 4, 3, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    expected = norm(images)
    state = {name: tensor.clone() for name, tensor in norm.state_dict().items()}
    fresh = torch.nn.Sequential(torch.nn.BatchNorm2d(4).double().train(training))
    fresh[0].load_state_dict(norm.state_dict() | {"running_mean": torch.zeros(4), "running_var": torch.ones(4)})
    fresh[0].num_batches_tracked.zero_()
    synchronise_norms(fresh)
    assert isinstance(fresh[0], SynchronisedBatchNorm)
    torch.testing.assert_close(fresh(images), expected)
    for name, tensor in fresh[0].state_dict().items():
        torch.testing.assert_close(tensor, state[name])
