"""A network's untrained self: the same module with weights drawn anew, to hold measurements against."""

import copy

import torch
from torch import nn

from holdfast.randomness import seeded_library


def untrained(encoder: nn.Module, *, seed: int = 0) -> nn.Module | None:
    """A copy of an encoder with random weights, each layer drawn as its own kind is; None where it has no weights.

    Layers draw with their `reset_parameters`, running statistics start anew, and matrices that belong to no such layer
    (a class token, positions) are drawn with deviation 0.02; gains and biases of such layers stay. The copy keeps
    normalisation, pooling and device. Deterministic in the seed.
    """
    if not any(True for _ in encoder.parameters()):
        return None
    copied = copy.deepcopy(encoder)
    with seeded_library(seed, "untrained weights"), torch.no_grad():
        covered: set[int] = set()
        for module in copied.modules():
            reset = getattr(module, "reset_parameters", None)
            if callable(reset):
                reset()
                covered |= {id(parameter) for parameter in module.parameters(recurse=False)}
        for parameter in copied.parameters():
            if id(parameter) not in covered and parameter.ndim > 1:
                nn.init.normal_(parameter, std=0.02)
    return copied
