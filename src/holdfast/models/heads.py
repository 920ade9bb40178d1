"""The projection head that all methods share (2106.02990 and its repository: two or three layers, norm after each)."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def projection_head(width: int, *, layers: int, out: int) -> nn.Sequential:
    """features [n, width] -> embeddings [n, out].

    Linear layers of the feature width, the first with a bias, the last to `out`; batch norm after each, the last
    included; ReLU between them. Raises ValueError for fewer than 2 or more than 3 layers.
    """
    if layers not in (2, 3):
        raise ValueError(f"expected a projection head of 2 or 3 layers, got {layers}; set --head-layers 2 or 3")
    parts: list[nn.Module] = []
    for index in range(layers - 1):
        parts += [nn.Linear(width, width, bias=index == 0), nn.BatchNorm1d(width), nn.ReLU(inplace=True)]
    return nn.Sequential(*parts, nn.Linear(width, out, bias=False), nn.BatchNorm1d(out))


class PrefeatureHead(nn.Module):
    """EMP-SSL's head (2304.03977 and its repository): pre-features of a width, then a projector to `out` dimensions."""

    def __init__(self, features: int, *, width: int, out: int):
        super().__init__()
        self.prefeature = prefeature_layer(features, width)
        self.projector = nn.Sequential(*prefeature_layer(width, width), nn.Linear(width, out))

    def forward(self, features: Tensor) -> Tensor:
        return self.projector(self.prefeature(features))


def prefeature_layer(features: int, width: int) -> nn.Sequential:
    """features [n, features] -> pre-features [n, width], at least 0: linear, batch norm, ReLU."""
    return nn.Sequential(nn.Linear(features, width), nn.BatchNorm1d(width), nn.ReLU(inplace=True))


class Prototypes(nn.Module):
    """DINO's last layer (arXiv:2104.14294): cosines of embeddings [n, width] with `count` unit prototypes, [n, count].

    float32 for half precision. frozen: the prototypes' gradients are zero.
    """

    def __init__(self, width: int, count: int):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(count, width))

    def forward(self, z: Tensor, frozen: bool = False) -> Tensor:
        weight = self.weight.detach() + 0 * self.weight if frozen else self.weight
        with torch.autocast(z.device.type, enabled=False):
            z = F.normalize(z.float() if z.dtype in (torch.bfloat16, torch.float16) else z, dim=1)
            return z @ F.normalize(weight, dim=1).T


def head_from(tensors: Mapping[str, Tensor]) -> nn.Sequential:
    """The projection head whose state is given, in evaluation mode. Raises ValueError for the state of another head."""
    linears = [tensor for tensor in tensors.values() if tensor.ndim == 2]
    if len(linears) not in (2, 3) or "0.weight" not in tensors:
        raise ValueError(
            f"expected a projection head of 2 or 3 layers, got one of {', '.join(sorted(tensors)) or 'no tensors'}; "
            "train the teacher with simclr or another method with the shared head"
        )
    head = projection_head(linears[0].shape[1], layers=len(linears), out=linears[-1].shape[0])
    head.load_state_dict(dict(tensors))
    return head.eval()
