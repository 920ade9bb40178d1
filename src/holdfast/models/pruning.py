"""Global magnitude masks and the pruned twin of a network (SDCLR, arXiv:2106.02990, section 3.2)."""

import math
from collections.abc import Mapping
from fractions import Fraction

import torch
from torch import Tensor, nn
from torch.func import functional_call

from holdfast import randomness
from holdfast.models.branch import copied_norms, norm_tensors


def prunable_weights(network: nn.Module) -> dict[str, nn.Parameter]:
    """The weights that a mask ranks, by name: Conv2d, and Linear where convolutions hold under half of all weights."""
    convolutions, linears = {}, {}
    for name, module in network.named_modules():
        key = f"{name}.weight" if name else "weight"
        if isinstance(module, nn.Conv2d):
            convolutions[key] = module.weight
        elif isinstance(module, nn.Linear):
            linears[key] = module.weight
    in_convolutions = sum(weight.numel() for weight in convolutions.values())
    in_network = sum(parameter.numel() for parameter in network.parameters())
    return convolutions if 2 * in_convolutions >= in_network else convolutions | linears


@torch.no_grad()
def magnitude_masks(
    network: nn.Module, ratio: float, *, random_ratio: float = 0.0, generator: torch.Generator | None = None
) -> dict[str, Tensor]:
    """Bool masks by 'layer.weight', True = kept; hidden is the share `ratio` of smallest magnitudes over all layers.

    Of n weights, k = ceil(ratio n) are to be hidden (exact in the ratio's decimal value); the threshold is the
    ascending sorted magnitude at position min(k, n - 1) from 0, and magnitudes at or above it are kept: ties stay, the
    largest always survives. With random_ratio r the magnitude part is ratio - r, after which every weight is hidden
    with probability ceil(r n) / (n - k), drawn from generator (on the CPU, so that all ranks agree), else by seed 0.
    Raises ValueError outside [0, 1].
    """
    exact, exact_random = Fraction(str(ratio)), Fraction(str(random_ratio))
    if not 0 <= exact_random <= exact <= 1:
        raise ValueError(
            f"expected 0 <= random ratio <= prune ratio <= 1, got {random_ratio} and {ratio}; SDCLR uses 0.9"
        )
    weights = prunable_weights(network)
    if not weights:
        raise ValueError("expected a network with Conv2d or Linear weights, got none; there is nothing to prune")
    magnitudes = torch.cat([weight.detach().abs().flatten() for weight in weights.values()])
    hidden = math.ceil((exact - exact_random) * len(magnitudes))
    threshold = magnitudes.kthvalue(min(hidden, len(magnitudes) - 1) + 1).values
    masks = {name: weight.detach().abs() >= threshold for name, weight in weights.items()}
    if exact_random > 0:
        generator = randomness.generator(0, "random mask") if generator is None else generator
        share = math.ceil(exact_random * len(magnitudes)) / max(1, len(magnitudes) - hidden)
        for mask in masks.values():
            mask &= (torch.rand(mask.shape, generator=generator) >= share).to(mask.device)
    return masks


def _encoder_prefix(network: nn.Module) -> str:
    """'0.' where network is nn.Sequential(encoder, head) with a head free of convolutions, else ''."""
    if isinstance(network, nn.Sequential) and len(network) == 2:
        convolutions = [any(isinstance(m, nn.Conv2d) for m in part.modules()) for part in network]
        return "0." if convolutions == [True, False] else ""
    return ""


def _alike(a: Tensor, b: Tensor) -> bool:
    return a.device == b.device and a.dtype == b.dtype and a.stride() == b.stride()


class PrunedBranch(nn.Module):
    """Runs a network with masked weights and batch norms of its own (affine and statistics, also the head's).

    The network stays outside: `PrunedBranch(network)(network, images)`. Gradients reach the weights that are kept, all
    other parameters of the network, and the branch's own norms. Of nn.Sequential(encoder, head) the head is never
    pruned.
    """

    def __init__(self, network: nn.Module, *, ratio: float = 0.9, random_ratio: float = 0.0):
        super().__init__()
        self.ratio, self.random_ratio = ratio, random_ratio
        self._prefix = _encoder_prefix(network)
        self._norm_names, self.norms = copied_norms(network)
        self._mask_names: list[str] = []
        self._factors: dict[str, Tensor] = {}
        self.register_load_state_dict_post_hook(lambda module, _: module._factors.clear())
        self.rerank(network)

    @property
    def masks(self) -> dict[str, Tensor]:
        """Bool tensors by the encoder's own 'layer.weight' (what magnitude_masks gave), True = kept."""
        return {name: self.get_buffer(f"mask_{i}") for i, name in enumerate(self._mask_names)}

    @masks.setter
    def masks(self, masks: Mapping[str, Tensor]) -> None:
        self._mask_names = list(masks)
        self._factors.clear()
        for index, mask in enumerate(masks.values()):
            self.register_buffer(f"mask_{index}", mask.bool())

    def rerank(self, network: nn.Module, *, generator: torch.Generator | None = None) -> None:
        """New masks from the network's dense weights; a weight hidden before may return."""
        encoder = network.get_submodule(self._prefix.rstrip("."))
        self.masks = magnitude_masks(encoder, self.ratio, random_ratio=self.random_ratio, generator=generator)

    def _factor(self, name: str, weight: Tensor) -> Tensor:
        """The mask as numbers in the weight's dtype and memory format: multiplying by bool costs twice as much."""
        factor = self._factors.get(name)
        if factor is None or not _alike(factor, weight):
            factor = torch.empty_like(weight).copy_(self.masks[name]).requires_grad_(False)
            self._factors[name] = factor
        return factor

    def forward(self, network: nn.Module, images: Tensor) -> Tensor:
        """What network(images) gives with this branch's masks and norms."""
        changed: dict[str, Tensor] = {}
        for name in self._mask_names:
            layer, _, leaf = (self._prefix + name).rpartition(".")
            weight = getattr(network.get_submodule(layer), leaf)  # a tensor in its place too
            changed[self._prefix + name] = weight * self._factor(name, weight)
        return functional_call(network, changed | norm_tensors(self._norm_names, self.norms), (images,))
