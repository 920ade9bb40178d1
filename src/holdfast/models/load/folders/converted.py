"""What a family's reader makes of a folder's configuration and tensors, and helpers that all of them share."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from holdfast.models.pooling import Pool

Rename = Sequence[tuple[str, str]]
"""(regular expression, replacement), applied in order to every name."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Converted:
    """A network of timm and its tensors."""

    base: str
    arguments: Mapping[str, Any]
    state: Mapping[str, Tensor]
    title: str
    norm_eps: Mapping[str, float] = field(default_factory=dict)
    pool: Pool = "config"
    pool_from: str
    left_out: Sequence[str] = ()
    image_size: int


def renamed(tensors: Mapping[str, Tensor], rules: Rename) -> dict[str, Tensor]:
    """The tensors under other names."""
    found = {}
    for name, tensor in tensors.items():
        for pattern, replacement in rules:
            name = re.sub(pattern, replacement, name)
        found[name] = tensor
    return found


def stacked(tensors: Mapping[str, Tensor], *, key_bias: bool = True) -> dict[str, Tensor]:
    """Tensors whose '….attn.q.weight', k and v became '….attn.qkv.weight'; a key's bias that is missing is zero.

    key_bias False leaves the key's bias out: '….attn.q_bias' and '….attn.v_bias', as timm's EVA has them.
    """
    found = {name: tensor for name, tensor in tensors.items() if not re.search(r"\.attn\.[qkv]\.", name)}
    for name, q in tensors.items():
        if not name.endswith((".attn.q.weight", ".attn.q.bias")):
            continue
        start, _, end = name.rpartition("q.")
        v = tensors[f"{start}v.{end}"]
        if end == "bias" and not key_bias:
            found |= {f"{start}q_bias": q, f"{start}v_bias": v}
            continue
        k = tensors.get(f"{start}k.{end}", torch.zeros_like(q))
        found[f"{start}qkv.{end}"] = torch.cat([q, k, v])
    return found


def without(tensors: Mapping[str, Tensor], starts: Sequence[str]) -> tuple[dict[str, Tensor], list[str]]:
    """(tensors whose names begin with none of starts, the others by their first segment, or by name where alone)."""
    kept = {name: tensor for name, tensor in tensors.items() if not name.startswith(tuple(starts))}
    groups: dict[str, list[str]] = {}
    for name in tensors:
        if name not in kept:
            groups.setdefault(name.partition(".")[0], []).append(name)
    return kept, sorted(names[0] if len(names) == 1 else group for group, names in groups.items())


def activation(config: Mapping[str, Any]) -> dict[str, Any]:
    """timm's act_layer for a configuration's hidden_act. Raises ValueError for one that is not known."""
    known = {"gelu": {}, "quick_gelu": {"act_layer": "quick_gelu"}, "gelu_pytorch_tanh": {"act_layer": "gelu_tanh"}}
    name = config.get("hidden_act", "gelu")
    if name not in known:
        raise ValueError(f"expected hidden_act of {', '.join(known)}, got {name!r}; pass the model as your own module")
    return known[name]


def square(config: Mapping[str, Any], name: str, default: int) -> int:
    """A side from a configuration. Raises ValueError where it is not square."""
    value = config.get(name, default)
    sides = set(value) if isinstance(value, list | tuple) else {value}
    if len(sides) != 1:
        raise ValueError(f"expected a square {name} in config.json, got {value}; pass the model as your own module")
    return int(sides.pop())
