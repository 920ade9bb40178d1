"""The identity of an encoder: one checksum of its weights and of all that decides what they compute."""

import hashlib
import json

import torch
from torch import nn

from holdfast.models.encoders import Encoder

_DECIDE = ("stem", "image_size", "arguments", "norm_eps", "pool")
"""Fields of a spec that change features and leave names, shapes and bits of the weights alone."""


def checksum(module: nn.Module) -> str:
    """The first 16 hexadecimal digits of a SHA-256 over names, shapes and bits of a module's state.

    Of our encoders in it, stem, size, pooling and the like count too: the same weights with another stem are another
    encoder.
    """
    digest = hashlib.sha256()
    for name, tensor in sorted(module.state_dict().items()):
        digest.update(f"{name}{tuple(tensor.shape)}{tensor.dtype}".encode())
        digest.update(tensor.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().tobytes())
    for inner in module.modules():
        if isinstance(inner, Encoder):
            facts = inner.spec.to_dict()
            digest.update(json.dumps([facts[name] for name in _DECIDE], sort_keys=True).encode())
    return digest.hexdigest()[:16]
