"""A run whose weights are kept in parts: how Fabric sets it up, and what a checkpoint holds of it."""

from typing import Any

from torch import Tensor, nn
from torch.optim import Optimizer

from holdfast.distributed import shard
from holdfast.engine.shares.fabric import Fabric, ModelParallelStrategy
from holdfast.methods import Method
from holdfast.models import Encoder, blocks_of


def strategy_of(shard_weights: bool, processes: int) -> Any:
    """Fabric's strategy for so many processes that train together."""
    if processes < 2:
        return "auto"
    if not shard_weights:
        return "ddp"
    return ModelParallelStrategy(_of_fabric, data_parallel_size=processes, tensor_parallel_size=1)


def in_parts(fabric: Fabric) -> bool:
    """Whether its processes keep shares of the weights."""
    return isinstance(fabric.strategy, ModelParallelStrategy)


def _of_fabric(module: nn.Module, mesh: Any) -> nn.Module:
    return divide(module, mesh["data_parallel"])


def divide(module: nn.Module, mesh: Any) -> nn.Module:
    """The module (in place) in shares: an encoder's blocks, each encoder, its head and any other module of a method are
    joined for their own passes alone."""
    encoders = [inner for inner in module.modules() if isinstance(inner, Encoder)]
    for encoder in encoders:
        encoder.register_forward_hook(_of_its_own)
    networks = [inner for inner in module.modules() if isinstance(inner, nn.Sequential) and inner[0] in encoders]
    parts = [part for encoder in encoders for part in (*blocks_of(encoder), encoder)]
    heads = [head for network in networks for head in list(network)[1:]]
    methods = [inner for inner in module.modules() if isinstance(inner, Method)]
    own = [child for method in methods for child in method.children() if not isinstance(child, Method)]
    return shard(module, [*parts, *heads, *(child for child in own if child not in networks)], mesh)


def _of_its_own(encoder: nn.Module, images: Any, features: Tensor) -> Tensor:
    """Features that are no view: who changes a view in place would change it behind the back of what joins weights."""
    return features.clone() if features._is_view() else features


def set_up(fabric: Fabric, stream: nn.Module, make: Any) -> tuple[nn.Module, Optimizer]:
    """The stream of losses as Fabric runs it, and its optimiser. make: makes the optimiser."""
    if not in_parts(fabric):
        return fabric.setup(stream, make())
    wrapped = fabric.setup_module(stream)
    return wrapped, fabric.setup_optimizers(make())  # type: ignore[return-value]
