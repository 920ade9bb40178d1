"""Masks against exact arithmetic; the pruned branch against a second, explicit copy of the network."""

import copy
import math
from fractions import Fraction

import pytest
import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from holdfast.models import PrunedBranch, create_encoder, magnitude_masks, projection_head
from holdfast.models.pruning import prunable_weights
from holdfast.randomness import generator, seeded_library

STEMS_OF = {"small": ("resnet18", "test_resnet", "vit_tiny_patch16_224"), "standard": ("test_efficientnet",)}
NETWORKS = {name: stem for stem, names in STEMS_OF.items() for name in names}
RATIOS = [0.0, 0.07, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99, 0.999, 1.0]


def toy() -> nn.Sequential:
    with seeded_library(0, "toy"):
        return nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Conv2d(8, 4, 3), nn.Flatten(), nn.Linear(16, 2))


def build(name: str = "test_resnet", layers: int = 2) -> nn.Sequential:
    """An encoder for 32 pixels and its head, in training mode; norms are given scales that differ."""
    encoder = create_encoder(f"timm/{name}", image_size=32, stem=NETWORKS[name])  # type: ignore[arg-type]
    with seeded_library(0, "head"):
        network = nn.Sequential(encoder, projection_head(encoder.dim, layers=layers, out=8))
        for norm in norms_of(network):
            nn.init.uniform_(norm.weight, 0.5, 1.5)
            nn.init.uniform_(norm.bias, -0.5, 0.5)
    return network


def norms_of(network: nn.Module) -> list[_BatchNorm]:
    return [module for module in network.modules() if isinstance(module, _BatchNorm)]


def random_images(count: int = 6) -> torch.Tensor:
    return torch.rand(count, 3, 32, 32, generator=torch.Generator().manual_seed(1))


def hidden_weights(masks: dict[str, torch.Tensor]) -> int:
    return sum(int((~mask).sum()) for mask in masks.values())


# Masks


def slow_masks(weights: dict[str, torch.Tensor], ratio: str) -> dict[str, torch.Tensor]:
    """By the words of the specification: sort all magnitudes, take the threshold at place min(ceil(p n), n - 1)."""
    magnitudes = sorted(abs(value) for weight in weights.values() for value in weight.flatten().tolist())
    threshold = magnitudes[min(math.ceil(Fraction(ratio) * len(magnitudes)), len(magnitudes) - 1)]
    return {name: weight.detach().double().abs() >= threshold for name, weight in weights.items()}


@pytest.mark.parametrize("ratio", RATIOS)
def test_masks_are_those_of_exact_arithmetic_and_a_sort(ratio):
    network = toy()
    expected = slow_masks(dict(prunable_weights(network)), str(ratio))
    masks = magnitude_masks(network, ratio)
    assert masks.keys() == expected.keys() == {"0.weight", "2.weight"}
    assert all(torch.equal(masks[name], expected[name]) for name in masks)


@pytest.mark.parametrize("ratio", RATIOS)
@pytest.mark.parametrize("size", [10, 100, 1000])
def test_a_decimal_ratio_is_taken_at_its_word(ratio, size):
    # 0.07 * 100 is 7.000000000000001 in floats, and one weight too many would go.
    network = nn.Sequential(nn.Conv2d(1, size, 1, bias=False))
    network[0].weight = nn.Parameter(torch.arange(1.0, size + 1).view(size, 1, 1, 1))
    assert hidden_weights(magnitude_masks(network, ratio)) == min(math.ceil(Fraction(str(ratio)) * size), size - 1)


def test_ratio_0_keeps_all_and_ratio_1_the_largest():
    network = toy()
    weights = prunable_weights(network)
    assert hidden_weights(magnitude_masks(network, 0.0)) == 0
    kept = {name: mask.nonzero().tolist() for name, mask in magnitude_masks(network, 1.0).items() if mask.any()}
    largest = max(weights, key=lambda name: float(weights[name].detach().abs().max()))
    place = torch.unravel_index(weights[largest].detach().abs().argmax(), weights[largest].shape)
    assert kept == {largest: [[int(index) for index in place]]}


def test_ties_at_the_threshold_stay():
    network = nn.Conv2d(1, 4, 1, bias=False)
    network.weight = nn.Parameter(torch.tensor([1.0, -2.0, 2.0, 2.0]).view(4, 1, 1, 1))
    for ratio, kept in [(0.25, 3), (0.5, 3), (0.75, 3), (1.0, 3)]:
        assert int(magnitude_masks(network, ratio)["weight"].sum()) == kept


def test_a_larger_ratio_hides_what_a_smaller_one_hides_and_more():
    network = build()
    smaller, larger = (magnitude_masks(network[0], ratio) for ratio in (0.3, 0.9))
    assert all((larger[name] <= smaller[name]).all() for name in larger)
    assert hidden_weights(larger) > hidden_weights(smaller)


def test_layers_share_one_threshold():
    network = nn.Sequential(nn.Conv2d(1, 50, 1), nn.Conv2d(50, 50, 1))
    for layer, size in zip(network, (0.001, 1.0), strict=True):
        nn.init.constant_(layer.weight, size)  # type: ignore[arg-type]
    masks = magnitude_masks(network, 0.02)  # 51 of 2,550
    assert not masks["0.weight"].any()
    assert masks["1.weight"].all()


def test_the_random_part_hides_its_share_of_what_the_magnitude_part_kept():
    network = build("resnet18")[0]
    magnitude = magnitude_masks(network, 0.5)
    masks = magnitude_masks(network, 0.7, random_ratio=0.2, generator=generator(0, "mask"))
    assert all((masks[name] <= magnitude[name]).all() for name in masks)
    total = sum(mask.numel() for mask in masks.values())
    assert hidden_weights(masks) / total == pytest.approx(0.5 + 0.5 * 0.4, abs=1e-3)


def test_the_random_part_is_decided_by_its_generator_and_draws_nothing_globally():
    network = toy()
    before = torch.get_rng_state()
    draw = {
        name: magnitude_masks(network, 0.7, random_ratio=0.5, generator=made)["2.weight"]
        for name, made in {
            "3": generator(3, "m"),
            "3 again": generator(3, "m"),
            "4": generator(4, "m"),
            "": None,
        }.items()
    }
    again = magnitude_masks(network, 0.7, random_ratio=0.5)["2.weight"]
    PrunedBranch(network, ratio=0.7, random_ratio=0.5)
    assert torch.equal(draw["3"], draw["3 again"])
    assert torch.equal(draw[""], again)
    assert not torch.equal(draw["3"], draw["4"])
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(("ratio", "share"), [(-0.1, 0), (1.1, 0), (0.5, 0.6), (0.5, -0.1)])
def test_shares_outside_their_range_are_refused(ratio, share):
    with pytest.raises(ValueError, match="0 <= random ratio <= prune ratio <= 1"):
        magnitude_masks(toy(), ratio, random_ratio=share)


def test_a_network_without_weights_to_rank_is_refused():
    with pytest.raises(ValueError, match="Conv2d or Linear weights, got none"):
        magnitude_masks(nn.BatchNorm2d(3), 0.5)


@pytest.mark.parametrize("name", NETWORKS)
def test_linear_layers_are_ranked_in_a_vit_only_and_the_head_never(name):
    network = build(name)
    names = set(PrunedBranch(network).masks)
    kinds = {type(network[0].get_submodule(name.removesuffix(".weight"))) for name in names}
    assert any(issubclass(kind, nn.Linear) for kind in kinds) == ("vit" in name)
    assert names == set(magnitude_masks(network[0], 0.5)), "keys are the encoder's own names; the head has none"
    convolutions = {f"{at}.weight" for at, module in network[0].named_modules() if isinstance(module, nn.Conv2d)}
    assert convolutions <= names


# The branch


def explicit_twin(network: nn.Sequential, pruned: PrunedBranch) -> nn.Sequential:
    """A second copy of the network, with masked weights and the branch's norms in place of its own."""
    twin = copy.deepcopy(network)
    with torch.no_grad():
        for name, mask in pruned.masks.items():
            twin.get_parameter(f"0.{name}").mul_(mask)
    for own, norm in zip(norms_of(twin), pruned.norms, strict=True):
        own.load_state_dict(norm.state_dict())
    return twin


def with_other_norms(network: nn.Sequential, ratio: float) -> PrunedBranch:
    pruned = PrunedBranch(network, ratio=ratio)
    with seeded_library(1, "norms"):
        for norm in norms_of(pruned):
            nn.init.uniform_(norm.weight, 0.5, 1.5)
            nn.init.uniform_(norm.bias, -0.5, 0.5)
    return pruned


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("name", NETWORKS)
def test_the_branch_is_a_second_masked_copy_to_the_bit(name, training):
    network = build(name).train(training)
    pruned = with_other_norms(network, 0.5)
    twin, images = explicit_twin(network, pruned), random_images()
    output, expected = pruned(network, images), twin(images)
    assert torch.equal(output, expected)
    output.square().sum().backward()
    expected.square().sum().backward()
    for at, parameter in twin.named_parameters():
        mask = pruned.masks.get(at.removeprefix("0."))
        if not is_norm(network, at):
            assert parameter.grad is not None
            wanted = parameter.grad if mask is None else parameter.grad * mask
            assert torch.equal(network.get_parameter(at).grad, wanted), at  # type: ignore[arg-type]
    for own, norm in zip(norms_of(twin), norms_of(pruned), strict=True):
        assert torch.equal(own.weight.grad, norm.weight.grad)  # type: ignore[arg-type]
        assert all(torch.equal(a, b) for a, b in zip(own.buffers(), norm.buffers(), strict=True))


def is_norm(network: nn.Module, parameter: str) -> bool:
    return isinstance(network.get_submodule(parameter.rpartition(".")[0]), _BatchNorm)


@pytest.mark.parametrize("name", NETWORKS)
def test_without_pruning_the_branch_is_the_dense_network(name):
    network, images = build(name), random_images()
    pruned = PrunedBranch(network, ratio=0.0)
    assert torch.equal(pruned(network, images), network(images))
    network.eval()
    assert torch.equal(pruned(network, images), network(images))


def test_the_branch_leaves_the_dense_networks_norms_alone_and_moves_its_own():
    network = build()
    pruned = PrunedBranch(network, ratio=0.5)
    before = copy.deepcopy(network.state_dict())
    pruned(network, random_images()).square().sum().backward()
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())
    assert all(norm.weight.grad is None for norm in norms_of(network))
    assert all(int(norm.num_batches_tracked) == 1 for norm in norms_of(pruned))  # type: ignore[arg-type]
    assert all(norm.weight.grad is not None for norm in norms_of(pruned))
    own = {parameter.data_ptr() for parameter in pruned.parameters()}
    assert not own & {parameter.data_ptr() for parameter in network.parameters()}


def test_the_head_has_norms_of_its_own_too():
    network = build(layers=3)
    assert len(PrunedBranch(network).norms) == len(norms_of(network[0])) + 3


def test_hidden_weights_get_no_gradient_from_the_branch_and_one_from_the_dense_network():
    network = build()
    pruned, images = PrunedBranch(network, ratio=0.9), random_images()
    pruned(network, images).square().sum().backward()
    for name, mask in pruned.masks.items():
        assert (network[0].get_parameter(name).grad[~mask] == 0).all()  # type: ignore[index]
    network(images).square().sum().backward()
    name = max(pruned.masks, key=lambda key: int((~pruned.masks[key]).sum()))
    assert network[0].get_parameter(name).grad[~pruned.masks[name]].any()  # type: ignore[index]


def test_the_mask_is_fixed_until_the_next_ranking_and_a_hidden_weight_may_return():
    network = build()
    pruned = PrunedBranch(network, ratio=0.9)
    name = max(pruned.masks, key=lambda key: int((~pruned.masks[key]).sum()))
    place = tuple((~pruned.masks[name]).nonzero()[0].tolist())
    images, before = random_images(), pruned.masks
    pruned(network, images)
    with torch.no_grad():
        network[0].get_parameter(name)[place] = 100.0
    assert not pruned.masks[name][place]
    assert torch.equal(pruned(network, images), explicit_twin(network, pruned)(images))
    assert all(torch.equal(mask, before[key]) for key, mask in pruned.masks.items())
    pruned.rerank(network)
    assert pruned.masks[name][place]
    assert torch.equal(pruned(network, images), explicit_twin(network, pruned)(images))


def test_masks_survive_a_round_trip_and_the_loaded_ones_are_used():
    network, images = build(), random_images()
    saved = PrunedBranch(network, ratio=0.9)
    state = copy.deepcopy(saved.state_dict())
    loaded = PrunedBranch(network, ratio=0.3)
    loaded(network, images)
    loaded.load_state_dict(state)
    assert all(torch.equal(mask, saved.masks[name]) for name, mask in loaded.masks.items())
    assert torch.equal(loaded(network, images), saved(network, images))
    whole = nn.ModuleDict({"network": network, "pruned": PrunedBranch(network, ratio=0.3)})
    whole["pruned"](network, images)
    whole.load_state_dict({**whole.state_dict(), **{f"pruned.{name}": tensor for name, tensor in state.items()}})
    assert torch.equal(whole["pruned"](network, images), explicit_twin(network, whole["pruned"])(images))  # type: ignore[arg-type]


@pytest.mark.parametrize("used_before", [False, True])
def test_factors_have_the_weights_own_memory_format_and_type(used_before):
    network = build()
    pruned = PrunedBranch(network, ratio=0.5)
    if used_before:
        pruned(network, random_images())
    both = nn.ModuleList([network, pruned]).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    for dtype in (torch.float32, torch.float64):
        both.to(dtype)
        pruned(network, random_images().to(dtype))
        for name in pruned.masks:
            weight = network[0].get_parameter(name)
            factor = pruned._factor(name, weight)
            assert (factor.dtype, factor.stride()) == (weight.dtype, weight.stride())


def test_the_network_is_its_dense_self_after_the_branch_has_run():
    network, images = build().eval(), random_images()
    pruned = PrunedBranch(network, ratio=0.9)
    before = network(images)
    assert not torch.equal(pruned(network, images), before)
    assert torch.equal(network(images), before)
