"""Activation checkpointing: the gradients and running statistics of one pass, with fewer activations kept."""

import pytest
import torch
from small_methods import small_config
from torch import nn

from holdfast.config import RunConfig
from holdfast.data import Batch, load_images
from holdfast.methods import METHODS, Method, build, with_settings
from holdfast.models import create_encoder, recompute_blocks

PENALTY = {"penalty": "invariance:0.5", "penalty_limit": 1e6}
CASES = {
    **{name: (name, {}) for name in METHODS},
    **{f"{name}, in chunks": (name, {"chunk": 3}) for name in ("simclr", "sdclr", "byol")},
    "sdclr, free adversary": ("sdclr", {"adversary": "free:2"}),
    "simclr, pgd": ("simclr", {"adversary": "pgd:2"}),
    "sdclr, penalty by derivatives": ("sdclr", {"penalty_form": "vjp", **PENALTY}),
    "simclr, penalty by pairs": ("simclr", {"penalty_form": "pair", **PENALTY}),
    "simclr, sharpness": ("simclr", {"sharpness": "rwsam:0.05"}),
}


def stepped(name: str, encoder: str = "timm/test_resnet", size: int = 12, **changes) -> tuple[Method, list[float]]:
    """A method after the backward passes of one batch, in float64, with batch norms in training mode; its losses."""
    stem = "small" if encoder == "timm/test_resnet" else "standard"
    config = with_settings(RunConfig(method=small_config(name), data="digits", encoder=encoder, stem=stem), **changes)
    method = build(config, image_size=size).double().train()
    images = load_images("digits", limit=6, size=size)
    method.start_epoch(0)
    losses = []
    for loss in method.losses(Batch(images=images.floats().double(), ids=images.ids, epoch=0)):
        loss.backward()
        losses.append(float(loss.detach()))
    return method, losses


def check_alike(method: Method, other: Method) -> None:
    """Gradients to 1e-6 of their size, buffers (running statistics, and how often they moved) to 1e-9."""
    for (name, ours), (_, theirs) in zip(method.named_parameters(), other.named_parameters(), strict=True):
        assert (ours.grad is None) == (theirs.grad is None), name
        if ours.grad is not None:
            torch.testing.assert_close(
                ours.grad, theirs.grad, rtol=1e-6, atol=1e-9, msg=lambda text, n=name: f"{n}: {text}"
            )
    for (name, ours), (_, theirs) in zip(method.named_buffers(), other.named_buffers(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-9, msg=lambda text, n=name: f"{n}: {text}")


FAST = ("simclr", "sdclr", "sdclr, free adversary", "byol, in chunks")


@pytest.mark.parametrize("case", [c if c in FAST else pytest.param(c, marks=pytest.mark.slow) for c in CASES])
def test_gradients_and_running_statistics_are_those_of_one_pass(case):
    name, changes = CASES[case]
    (method, losses), (plain, expected) = (stepped(name, checkpoint_activations=on, **changes) for on in (True, False))
    assert losses == pytest.approx(expected, rel=1e-10)
    assert any("num_batches_tracked" in name and int(moved) for name, moved in method.named_buffers())
    check_alike(method, plain)


@pytest.mark.slow
@pytest.mark.parametrize("encoder", ["timm/test_vit", "timm/test_efficientnet", "timm/test_convnext"])
def test_other_networks_too(encoder):
    (method, losses), (plain, expected) = (
        stepped("simclr", encoder, 32, checkpoint_activations=on) for on in (True, False)
    )
    assert losses == pytest.approx(expected, rel=1e-10)
    check_alike(method, plain)


def kept_bytes(network: nn.Module, images: torch.Tensor) -> int:
    """What autograd keeps between a forward pass and its backward, parameters apart."""
    kept: dict[int, int] = {}
    own = {tensor.untyped_storage().data_ptr() for tensor in [*network.parameters(), *network.buffers()]}

    def note(tensor: torch.Tensor) -> torch.Tensor:
        if tensor.untyped_storage().data_ptr() not in own:
            kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        network(images).sum()
    return sum(kept.values())


@pytest.mark.parametrize(("encoder", "blocks"), [("timm/resnet18", 8), ("timm/vit_tiny_patch16_224", 12)])
def test_blocks_keep_their_inputs_alone(encoder, blocks):
    images, (plain, lean) = torch.rand(2, 3, 32, 32), (create_encoder(encoder, image_size=32) for _ in range(2))
    assert recompute_blocks(lean.network, encoder) == blocks
    assert list(lean.state_dict()) == list(plain.state_dict())
    assert kept_bytes(lean, images) < 0.5 * kept_bytes(plain, images)


def test_a_network_without_blocks_is_refused_with_what_works():
    with pytest.raises(ValueError, match=r"for --checkpoint-activations, got mine; --chunk N saves memory"):
        recompute_blocks(nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU()), "mine")


def test_a_compiled_network_is_not_checkpointed():
    with pytest.raises(ValueError, match="--checkpoint-activations without --compile"):
        RunConfig(method=small_config("simclr"), compile=True, checkpoint_activations=True)
