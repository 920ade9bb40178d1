"""The map of a network before it is pooled: features of places, token by token."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from holdfast.evaluation.features import encode, measuring
from holdfast.models import Encoder

LEAST_TOKENS = 16
"""Places that a map has at least, so that answers of places can be compared."""
MapReader = Callable[[Tensor], Tensor]
"""Pixels [n, 3, h, w] in [0, 1] -> map [n, places, dim]; called in evaluation mode."""


def map_reader(encoder: nn.Module, size: int) -> MapReader | None:
    """How the map of an encoder is read, without a class token or registers; None where none of its feature's width
    and LEAST_TOKENS places is found.

    Of a network of timm it is what it computes before pooling, of another what its last average pooling is given.
    """
    with measuring(encoder) as home, torch.no_grad():
        probe = torch.full((1, 3, size, size), 0.5, device=home)
        dim = encode(encoder, probe).shape[1]
        for reader in (_of_timm(encoder, dim), _before_pooling(encoder, dim)):
            found = None if reader is None else reader(probe)
            if found is not None and found.ndim == 3 and found.shape[2] == dim and found.shape[1] >= LEAST_TOKENS:
                return reader
    return None


def _of_timm(encoder: nn.Module, dim: int) -> MapReader | None:
    network: Any = encoder.network if isinstance(encoder, Encoder) else encoder
    if not hasattr(network, "forward_features") or not hasattr(network, "num_features"):
        return None

    def read(images: Tensor) -> Tensor:
        normalised = (images - encoder.mean) / encoder.std if isinstance(encoder, Encoder) else images
        return _tokens(network.forward_features(normalised), dim, getattr(network, "num_prefix_tokens", 0))

    return read


def _before_pooling(encoder: nn.Module, dim: int) -> MapReader | None:
    pools = [module for module in encoder.modules() if isinstance(module, nn.AdaptiveAvgPool2d)]
    if not pools:
        return None

    def read(images: Tensor) -> Tensor:
        given: list[Tensor] = []
        hook = pools[-1].register_forward_pre_hook(lambda module, values: given.append(values[0]))
        try:
            encode(encoder, images)
        finally:
            hook.remove()
        return _tokens(given[-1], dim, 0) if given else images[:0]

    return read


def _tokens(found: Tensor, dim: int, prefix: int) -> Tensor:
    """[n, places, dim] of tokens with some before them, or of a map [n, dim, h, w] or [n, h, w, dim]."""
    if found.ndim == 4:
        return (found if found.shape[1] == dim else found.movedim(3, 1)).flatten(2).transpose(1, 2).float()
    return found[:, prefix:].float()
