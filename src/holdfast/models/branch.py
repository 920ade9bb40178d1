"""A second set of batch norms for a network, so that it can see two kinds of images by statistics of their own."""

import copy
from collections.abc import Sequence

from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.modules.batchnorm import _BatchNorm


def copied_norms(network: nn.Module) -> tuple[list[str], nn.ModuleList]:
    """Names of a network's batch norms, and copies of them, affine and statistics."""
    norms = {name: module for name, module in network.named_modules() if isinstance(module, _BatchNorm)}
    return list(norms), nn.ModuleList(copy.deepcopy(norm) for norm in norms.values())


def norm_tensors(names: Sequence[str], norms: nn.ModuleList) -> dict[str, Tensor]:
    """Parameters and buffers of norms by the names that they have in the network."""
    found: dict[str, Tensor] = {}
    for name, norm in zip(names, norms, strict=True):
        found |= {f"{name}.{key}": parameter for key, parameter in norm.named_parameters()}
        found |= {f"{name}.{key}": buffer for key, buffer in norm.named_buffers()}
    return found


class OwnNorms(nn.Module):
    """Runs a network with batch norms of its own; the network stays outside: OwnNorms(network)(network, images)."""

    def __init__(self, network: nn.Module):
        super().__init__()
        self._names, self.norms = copied_norms(network)

    def forward(self, network: nn.Module, images: Tensor) -> Tensor:
        """What network(images) gives with these norms; gradients reach them and all other weights of the network."""
        return functional_call(network, norm_tensors(self._names, self.norms), (images,))
