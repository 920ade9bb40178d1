"""View 1 of a method's loss: its features, and its derivatives by what it was made with."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from holdfast.data.views import Views


@contextmanager
def first_features(network: nn.Module) -> Iterator[list[Tensor]]:
    """Yields a list that will hold what the encoder gave its head in the network's first call, which starts with view
    1."""
    seen: list[Tensor] = []

    def note(head: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        if not seen:
            seen.append(inputs[0])

    handle = network.get_submodule("1").register_forward_pre_hook(note)
    try:
        yield seen
    finally:
        handle.remove()


@contextmanager
def head_outputs(network: nn.Module) -> Iterator[list[Tensor]]:
    """Yields a list that will hold what the head gives in each of the network's calls, a pruned or second branch's
    too."""
    seen: list[Any] = []
    handle = network.get_submodule("1").register_forward_hook(lambda head, inputs, output: seen.append(output))
    try:
        yield seen
    finally:
        handle.remove()


def by_view(seen: list[Tensor], images: int) -> Tensor:
    """[views, n, d] of what head_outputs found of n images, view by view."""
    return torch.cat(seen).unflatten(0, (-1, images))


def tied(views: Views, rendered: Tensor) -> Views:
    """The views, equal bit for bit, but the first has the derivatives of rendered beside its own: an adversary may have
    moved it away from rendered."""
    first = views.images[0] + (rendered - rendered.detach())
    return replace(views, images=torch.cat([first[None], views.images[1:]]))


def unit(features: Tensor) -> Tensor:
    """Features [n, d] at unit length, float32 where they were lower."""
    return F.normalize(whole(features), dim=1)


def whole(features: Tensor) -> Tensor:
    """Half-precision features in float32, others as they are."""
    return features.float() if features.dtype in (torch.bfloat16, torch.float16) else features
