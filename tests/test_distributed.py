"""Two gloo processes against one: the gradients of the joined batch."""

from pathlib import Path

import pytest
import safetensors.torch
import torch
import torch.multiprocessing as mp

from ddp_workers import _cubic, double_method, gradients_of, last_batch, replay, step, twice
from holdfast.config import RunConfig
from holdfast.distributed import SynchronisedBatchNorm, gather, synchronise_norms, total
from holdfast.methods import METHODS

SETTINGS = {
    "simclr": {},
    # Without most of its weights a network this thin gives all images one embedding, and gradients without meaning.
    "sdclr": {"prune_ratio": 0.3},
    "emp-ssl": {"view_count": 3, "prefeature_dim": 32, "head_dim": 16},
}


@pytest.mark.parametrize(
    ("images", "encoder", "stem"),
    [(16, "timm/test_resnet", "small"), (13, "timm/test_efficientnet", "standard")],
    ids=["equal shares", "shares of 3 and 2, norms with activations"],
)
@pytest.mark.parametrize("method", METHODS)
def test_two_ranks_have_the_gradients_of_the_joined_batch(method, images, encoder, stem, tmp_path):
    config = RunConfig(method=METHODS[method].Config(**SETTINGS[method]), encoder=encoder, stem=stem)
    compare_with_two_ranks(config, images, tmp_path)


@pytest.mark.parametrize(("method", "adversary"), [("emp-ssl", "free:2"), ("sdclr", "free:2"), ("simclr", "pgd:2")])
def test_an_attack_across_two_ranks_is_the_attack_on_the_joined_batch(method, adversary, tmp_path):
    settings = METHODS[method].Config(**SETTINGS[method])
    config = RunConfig(method=settings, encoder="timm/test_resnet", stem="small", adversary=adversary)
    compare_with_two_ranks(config, 13, tmp_path)


def compare_with_two_ranks(config: RunConfig, images: int, folder: Path) -> None:
    """The loss, gradients, running statistics and perturbations of two processes against those of one."""
    alone = double_method(config)
    loss = replay(alone, last_batch(images))
    mp.start_processes(step, args=(2, str(folder), config, images), nprocs=2, start_method="spawn")
    joined = safetensors.torch.load_file(folder / "gradients.safetensors")
    torch.testing.assert_close(joined.pop("loss"), loss, rtol=1e-9, atol=1e-9)
    for name, rows in alone.rank_state().items():
        torch.testing.assert_close(joined.pop(name), rows, rtol=0, atol=1e-12)
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
