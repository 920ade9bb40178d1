"""Two gloo processes against one: the gradients of the joined batch."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
import torch.multiprocessing as mp
from ddp_workers import (
    STREAMED,
    _cubic,
    counted_config,
    double_method,
    gradients_of,
    last_batch,
    remembering,
    replay,
    steps,
    streaming,
)
from scaling import LOSS_MATRICES, loss_matrices, per_view, predicted, small
from small_methods import REPRESENTATIVES, small_config
from source_examples import write_parquet, write_tar

from holdfast.config import RunConfig
from holdfast.data import load_images
from holdfast.data.batches import Batch
from holdfast.data.files import Streamed
from holdfast.distributed import SynchronisedBatchNorm, gather, keep_strides, synchronise_norms, total
from holdfast.engine.checkpoint import checkpoints
from holdfast.methods import METHODS, build, with_settings

NORMS = "timm/test_efficientnet"
VIT = "timm/test_vit"


def case(method: str, images: int = 13, encoder: str = "timm/test_resnet", **changes) -> tuple[RunConfig, int]:
    """A configuration, and how many images it is trained on: the last batch of 8 is compared."""
    stem = "standard" if encoder == NORMS else "small"
    settings = small_config(method, encoder)
    return with_settings(RunConfig(method=settings, encoder=encoder, stem=stem), **changes), images


PENALTY: dict[str, Any] = {"penalty": "invariance:0.5", "penalty_limit": 1e6}
HARMONY: dict[str, Any] = {"harmonize": "gh:1", "harmonize_classes": 5, "harmonize_start": 0.0}
CASES = {
    **{f"{method}, equal shares": case(method, 16) for method in REPRESENTATIVES},
    **{f"{method}, shares of 3 and 2, norms with activations": case(method, 13, NORMS) for method in METHODS},
    "simclr, parts for long tails": case("simclr", 13, memory_augment="bcl-i:1", sharpness="rwsam:0.05", **HARMONY),
    "sdclr, parts for long tails": case("sdclr", 13, memory_augment="bcl-d:2", sharpness="rwsam:0.05", **HARMONY),
    "emp-ssl, free adversary": case("emp-ssl", adversary="free:2"),
    "sdclr, free adversary": case("sdclr", adversary="free:2"),
    "simclr, transformation coding": case("simclr", 13, equivariance="care:1"),
    "simclr, soft equivariance": case("simclr", 13, soft_equivariance="ser:1", soft_equivariance_share=0.6),
    # Both images that are looked at are the second rank's.
    "moco-v3, soft equivariance": case("moco-v3", 13, soft_equivariance="ser:1", seed=5),
    "simclr, soft equivariance of a ViT": case("simclr", 13, VIT, soft_equivariance="ser:1", seed=5, stem="small"),
    "simclr, forgetting": case("simclr", 13, forget="site", forget_groups=2),
    "simclr, shares of weights": case("simclr", 16, "timm/test_vit", shard_weights=True),
    "emp-ssl, shares of weights": case("emp-ssl", 16, "timm/test_vit", shard_weights=True, adversary="free:2"),
    "simclr, pgd": case("simclr", adversary="pgd:2"),
    "simclr, penalty by derivatives": case("simclr", penalty_form="vjp", **PENALTY),
    "sdclr, penalty by derivatives": case("sdclr", penalty_form="vjp", **PENALTY),
    "simclr, penalty by pairs": case("simclr", penalty_form="pair", **PENALTY),
}


@pytest.fixture(scope="module")
def two_ranks(tmp_path_factory) -> Path:
    """A folder with what two processes computed, a file for each case."""
    folder = tmp_path_factory.mktemp("ranks")
    write_parquet(folder, range(12))
    write_tar(folder, range(12))
    mp.start_processes(steps, args=(2, str(folder), CASES), nprocs=2, start_method="spawn")
    return folder


@pytest.fixture(scope="module")
def alone(tmp_path_factory) -> Path:
    """A folder with what one process makes of streamed images."""
    folder = tmp_path_factory.mktemp("alone")
    write_parquet(folder, range(12))
    write_tar(folder, range(12))
    before = torch.get_num_threads()
    streaming(1, folder)
    torch.set_num_threads(before)
    return folder


@pytest.mark.parametrize("name", CASES)
def test_two_ranks_compute_what_one_does_with_the_joined_batch(name, two_ranks):
    """The loss, gradients, running statistics and perturbations."""
    config, images = CASES[name]
    alone = double_method(config)
    loss = replay(alone, last_batch(images))
    joined = safetensors.torch.load_file(two_ranks / f"{name}.safetensors")
    torch.testing.assert_close(joined.pop("loss"), loss, rtol=1e-9, atol=1e-9)
    for perturbation, rows in alone.rank_state().items():
        torch.testing.assert_close(joined.pop(perturbation), rows, rtol=0, atol=1e-12)
    expected = gradients_of(alone)
    assert {key for key in joined if "running" not in key} == set(expected)
    for key, gradient in expected.items():
        torch.testing.assert_close(joined[key], gradient, rtol=1e-5, atol=1e-8, msg=lambda text, k=key: f"{k}: {text}")
    for key, buffer in alone.named_buffers():
        if "running" in key:
            torch.testing.assert_close(joined[key], buffer.double(), rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("kind", STREAMED)
def test_the_memory_of_streamed_images_outlives_a_cut_on_two_ranks_and_is_one_processs(kind, two_ranks, alone):
    """Bits after a cut in the second epoch, whose views follow from the memory; rounding beside one process."""

    def memory(run: Path) -> torch.Tensor:
        newest = checkpoints(run / "checkpoints")[-1]
        return safetensors.torch.load_file(newest / "method.safetensors")["memory._extra_state"]

    settings = {name: value for name, value in STREAMED[kind].items() if name == "memory_gib"}
    images = load_images(str(two_ranks / STREAMED[kind]["data"]), size=12, streamed=not settings, **settings)
    assert isinstance(images.pixels, Streamed)
    whole, cut = two_ranks / f"{kind}-whole2", two_ranks / f"{kind}-cut2"
    assert len(memory(whole)) == 12 and bool((memory(whole) > 0).all()), "each image was seen by one of the ranks"
    assert torch.equal(memory(cut), memory(whole))
    assert (cut / "encoder.safetensors").read_bytes() == (whole / "encoder.safetensors").read_bytes()
    torch.testing.assert_close(memory(whole), memory(alone / f"{kind}-whole1"), rtol=1e-3, atol=1e-4)


def test_two_ranks_remember_each_images_loss_as_one_does_and_draw_the_same_views_from_it(two_ranks):
    alone = remembering()
    ranks = [safetensors.torch.load_file(two_ranks / f"memory{rank}.safetensors") for rank in (0, 1)]
    views = [name for name in alone if name.startswith("views of")]
    assert len(views) == 5 and set(views) == {name for found in ranks for name in found if name in views}
    assert int((alone["memory"] > 0).sum()) == 5
    for found in ranks:
        for name, tensor in found.items():
            torch.testing.assert_close(
                tensor, alone[name], rtol=1e-5, atol=1e-8, msg=lambda text, k=name: f"{k}: {text}"
            )
    plain = double_method(RunConfig(method=small_config("simclr"), encoder="timm/test_resnet", stem="small"))
    batch = replace(last_batch(13), epoch=1)
    moved = [
        not torch.equal(alone[f"views of {i}"], plain.views(batch).images[:, row]) for row, i in enumerate(batch.ids)
    ]
    assert any(moved), "expected a memory that changes some views, so that the case says something"


@pytest.mark.slow
def test_four_ranks_compute_the_gradients_of_one_with_the_joined_batch(tmp_path):
    cases = {name: case(name, 16) for name in METHODS}
    mp.start_processes(steps, args=(4, str(tmp_path), cases), nprocs=4, start_method="spawn")
    for name, (config, images) in cases.items():
        alone, joined = double_method(config), safetensors.torch.load_file(tmp_path / f"{name}.safetensors")
        torch.testing.assert_close(joined.pop("loss"), replay(alone, last_batch(images)), rtol=1e-9, atol=1e-9)
        for key, gradient in gradients_of(alone).items():
            torch.testing.assert_close(joined[key], gradient, rtol=1e-5, atol=1e-8, msg=f"{name}: {key}")


def test_a_step_costs_what_the_model_of_the_scaling_page_says(two_ranks):
    """FLOPs and bytes given to collectives exactly, those that autograd keeps to a hundredth."""
    expected = {name: int(value) for name, value in predicted(counted_config(), 2).items()}
    for rank in (0, 1):
        found = {
            name: int(n) for name, n in safetensors.torch.load_file(two_ranks / f"counts{rank}.safetensors").items()
        }
        assert found["held"] == expected["held"]
        assert found.pop("kept") == pytest.approx(expected["kept"], rel=0.01)
        assert found == {name: value for name, value in expected.items() if name != "kept"}


def test_synchronised_norms_keep_no_more_for_the_backward_than_the_norms_that_they_replace():
    method = build(small("timm/test_resnet"), image_size=32).train()
    alone = per_view(method.network, 32, "cpu")["bytes"]
    synchronise_norms(method)
    assert per_view(method.network, 32, "cpu")["bytes"] <= 1.01 * alone


def test_nt_xent_holds_three_matrices_of_all_pairs_at_once():
    assert loss_matrices(256) == pytest.approx(LOSS_MATRICES, abs=0.1)


def test_gather_and_total_differentiate_twice_across_ranks(two_ranks):
    rows = (torch.arange(10, dtype=torch.float64).reshape(5, 2) / 7).requires_grad_()
    # Two ranks hold the same loss, so what autograd sees is their sum: the gradient of twice the loss, and so on.
    gradient = torch.autograd.grad(2 * _cubic(rows, rows.sum()), rows, create_graph=True)[0]
    second = torch.autograd.grad(2 * (gradient**2).sum(), rows)[0]
    parts = [safetensors.torch.load_file(two_ranks / f"rank{rank}.safetensors") for rank in (0, 1)]
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


@pytest.mark.parametrize("kept", [True, False])
def test_gradients_of_sdclrs_kernels_of_one_pixel_have_their_weights_strides(kept):
    """Else DistributedDataParallel warns, and copies each of them; torch does not do it by itself."""
    config = RunConfig(method=METHODS["sdclr"].Config(), encoder="timm/test_resnet", image_size=16)
    method = build(config, image_size=16).to(memory_format=torch.channels_last)
    if kept:
        keep_strides(method)
    for loss in method.losses(Batch(images=torch.rand(4, 3, 16, 16), ids=torch.arange(4), epoch=0)):
        loss.backward()
    trained = [parameter for parameter in method.parameters() if parameter.grad is not None]
    assert all(parameter.grad.stride() == parameter.stride() for parameter in trained) is kept
