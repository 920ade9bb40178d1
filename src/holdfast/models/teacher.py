"""A teacher: a copy of a network that follows it by a moving average of its weights, and is never trained itself."""

import copy
import math

import torch
from torch import Tensor, nn


class Teacher(nn.Module):
    """A network's copy, images to what the network gives; its weights carry no gradient, its norms' statistics are its
    own."""

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = copy.deepcopy(network).requires_grad_(False)

    @torch.no_grad()
    def forward(self, images: Tensor) -> Tensor:
        return self.network(images)

    @torch.no_grad()
    def follow(self, network: nn.Module, *, momentum: float) -> None:
        """weights <- momentum · weights + (1 - momentum) · the network's, for every parameter."""
        for own, new in zip(self.network.parameters(), network.parameters(), strict=True):
            own.lerp_(new, 1 - momentum)


class FrozenTeacher(nn.Module):
    """A trained network that only answers: no gradient, and always in evaluation mode."""

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network.requires_grad_(False).eval()

    def train(self, mode: bool = True) -> "FrozenTeacher":
        """Stays in evaluation mode, whatever the method around it does."""
        return super().train(False)

    @torch.no_grad()
    def forward(self, images: Tensor) -> Tensor:
        return self.network(images)


def rising(start: float, progress: float) -> float:
    """The momentum at a share of the run: from start to 1 by half a cosine (arXiv:2006.07733, section 3.2)."""
    return 1 - (1 - start) * (1 + math.cos(math.pi * progress)) / 2


def predictor(width: int, *, hidden: int) -> nn.Sequential:
    """embeddings [n, width] -> predictions [n, width]: linear, batch norm, ReLU, linear."""
    return nn.Sequential(
        nn.Linear(width, hidden, bias=False), nn.BatchNorm1d(hidden), nn.ReLU(inplace=True), nn.Linear(hidden, width)
    )
