"""Weights in parts (FSDP2, arXiv:2304.11277): each process keeps its share of every tensor, and those of a part of the
network are joined while it computes with them."""

from collections.abc import Iterable

from torch import Tensor, nn
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor


def shard(module: nn.Module, parts: Iterable[nn.Module], mesh: DeviceMesh) -> nn.Module:
    """The module (in place), whose processes keep shares of its parameters.

    parts: modules inside it, those within others first, whose parameters are joined for their own passes alone; all
    other parameters are joined for the module's. mesh: one dimension, over the processes.
    """
    for part in parts:
        fully_shard(part, mesh=mesh)
    fully_shard(module, mesh=mesh)
    return module


def whole(tensor: Tensor) -> Tensor:
    """A tensor of which every process keeps a share, joined; any other as it is. All processes have to ask."""
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def like(value: Tensor, example: Tensor) -> Tensor:
    """A whole tensor that every process has, in shares where the example is, which is of its shape; else as it is."""
    if not isinstance(example, DTensor):
        return value
    value = value.to(example.device, example.dtype)
    return distribute_tensor(value, example.device_mesh, example.placements, src_data_rank=None)


def make_whole(module: nn.Module) -> None:
    """Joins all parameters of a module for good, in place; it can be saved then, and not be trained. All processes
    have to ask."""
    for inner in module.modules():
        for name, parameter in list(inner.named_parameters(recurse=False)):
            setattr(inner, name, nn.Parameter(whole(parameter.detach()), requires_grad=parameter.requires_grad))
