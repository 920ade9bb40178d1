"""From a network's tokens to one feature for an image: class token, mean of patches, both, or attention pooling."""

from typing import Any, Literal

import torch
from torch import Tensor, nn

Pool = Literal["config", "cls", "avg", "map", "cls+avg"]
POOLS: tuple[Pool, ...] = ("config", "cls", "avg", "map", "cls+avg")
"""'config' is the network's own way."""


def pooled_tokens(network: Any, images: Tensor, pool: Pool) -> Tensor:
    """Features [n, dim] of normalised images by a network of timm; 'cls+avg' is twice as wide.

    Tokens are taken after the last norm; registers never count. A network without tokens has one way, its mean.
    """
    if not _has_tokens(network):
        return network(images)
    tokens, prefix = network.forward_features(images), network.num_prefix_tokens
    if pool == "map":
        return network.attn_pool(tokens[:, prefix:])
    parts = {"cls": lambda: tokens[:, 0], "avg": lambda: tokens[:, prefix:].mean(1)}
    return torch.cat([network.fc_norm(parts[part]()) for part in pool.split("+")], dim=1)


def check_pool(network: nn.Module, pool: str, what: str) -> None:
    """Raises ValueError where a network cannot be pooled so."""
    if pool not in POOLS:
        raise ValueError(f"expected pool to be one of {', '.join(POOLS)}, got {pool!r}; choose one of them")
    possible = ways(network)
    if pool not in possible:
        raise ValueError(f"expected a pool that {what} has ({', '.join(possible)}), got {pool!r}; choose one of them")


def ways(network: nn.Module) -> list[str]:
    """The pools that a network has."""
    if not _has_tokens(network):
        return ["config", "avg"] if own_way(network) == "mean over space" else ["config"]
    found = ["config", "avg"]
    if getattr(network, "cls_token", None) is not None:
        found += ["cls", "cls+avg"]
    return found + ["map"] * (getattr(network, "attn_pool", None) is not None)


_NAMES = {"cls": "class token", "avg": "mean of patches", "cls+avg": "class token and mean of patches, side by side"}


def said(network: nn.Module, pool: str) -> str:
    """A pool in words."""
    if pool == "config":
        return own_way(network)
    if pool == "avg" and not _has_tokens(network):
        return "mean over space"
    return _NAMES.get(pool, "attention pooling")


def own_way(network: nn.Module) -> str:
    """What a network does by itself, in words."""
    own = getattr(network, "global_pool", None)
    kind = own if isinstance(own, str) else getattr(own, "pool_type", None)
    kind = kind or getattr(getattr(network, "head", None), "global_pool", None)
    kind = kind if isinstance(kind, str) else getattr(kind, "pool_type", "avg")
    if _has_tokens(network):
        return {"token": "class token", "avg": "mean of patches", "map": "attention pooling"}.get(kind, str(kind))
    return "mean over space" if kind in ("avg", "fast", "fastavg") else f"{kind} over space"


def _has_tokens(network: nn.Module) -> bool:
    return hasattr(network, "num_prefix_tokens") and hasattr(network, "fc_norm")
