"""What one optimiser step of the engine does, counted while it trains: FLOPs, bytes kept by autograd, bytes given to
collectives. Counts are the same on a busy machine."""

import json
import os
import socket
import tempfile
import weakref
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks
from torch.distributed.tensor import DTensor
from torch.nn.modules.batchnorm import _BatchNorm
from torch.optim import Optimizer
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

from holdfast.config import RunConfig
from holdfast.distributed import SynchronisedBatchNorm, world_size
from holdfast.engine.checkpoint import Position
from holdfast.engine.loop import run
from holdfast.engine.speed import memory_session, noise_images

STEPS = 3
"""Steps that are trained; the last is counted, as DistributedDataParallel settles its buckets after the first."""
NORMS = (_BatchNorm, SynchronisedBatchNorm)


class Given(TorchDispatchMode):
    """Bytes that this process gives to collectives, by what they are of; those of DistributedDataParallel too.

    channels: sizes of the batch norms, whose sums are told from gradients by them.
    """

    def __init__(self, channels: set[int]):
        super().__init__()
        self.channels, self.bytes = channels, Counter[str]()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func.namespace == "c10d":
            given = args[1] if "gather" in func.name() or "scatter" in func.name() else args[0]
            for tensor in (leaf for leaf in tree_leaves(given) if isinstance(leaf, Tensor)):
                self.bytes[self._kind(func.name(), tensor)] += tensor.nbytes
        return func(*args, **(kwargs or {}))

    def _kind(self, name: str, tensor: Tensor) -> str:
        if "broadcast" in name:
            return "buffers"
        if "base" in name:  # of weights in shares: joined, and their gradients summed
            return "weights" if "allgather" in name else "gradients"
        if "allgather" in name:
            return "gathered" if tensor.is_floating_point() else "counts"
        if tensor.ndim > 1:
            return "summed"
        return "norms" if tensor.ndim == 0 or len(tensor) in self.channels else "gradients"


class Live(TorchDispatchMode):
    """The most bytes that tensors made inside the block take at once; temporary memory within an operation is not
    seen."""

    def __init__(self) -> None:
        super().__init__()
        self.peak, self._live, self._seen = 0, 0, dict[int, Any]()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        for tensor in (leaf for leaf in tree_leaves(out) if isinstance(leaf, Tensor)):
            self._note(tensor.untyped_storage())
        return out

    def _note(self, storage: torch.UntypedStorage) -> None:
        place, size = storage._cdata, storage.nbytes()
        if place in self._seen:
            return

        def gone(_: object) -> None:
            self._live -= size
            del self._seen[place]

        self._seen[place] = weakref.ref(storage, gone)
        self._live += size
        self.peak = max(self.peak, self._live)


class Kept:
    """Bytes that autograd keeps for a backward pass, each memory once, without a module's own tensors."""

    def __init__(self, module: nn.Module):
        tensors = [*module.parameters(), *module.buffers()]
        self._own = {tensor.untyped_storage()._cdata for tensor in tensors}
        self._found = dict[int, int]()

    def note(self, tensor: Tensor) -> Tensor:
        """Counts a tensor, and gives it back."""
        storage = tensor.untyped_storage()
        if storage._cdata not in self._own:
            self._found[storage._cdata] = storage.nbytes()
        return tensor

    def taken(self) -> int:
        """The bytes since the last call."""
        found = sum(self._found.values())
        self._found.clear()
        return found

    def watched(self) -> saved_tensors_hooks:
        """A block whose kept tensors are counted."""
        return saved_tensors_hooks(self.note, lambda tensor: tensor)


def counted_step(config: RunConfig) -> Mapping[str, float]:
    """Counts of the last of STEPS steps of this process, which trains alone or among others of its process group."""
    assert config.image_size is not None
    noise = noise_images(STEPS * config.batch_size, config.image_size)
    with tempfile.TemporaryDirectory() as folder:
        session = memory_session(config, noise, Path(folder))
        norms = [module for module in session.method.modules() if isinstance(module, NORMS)]
        flops = FlopCounterMode(display=False)
        given, kept = Given({len(norm.running_mean) for norm in norms}), Kept(session.method)  # type: ignore[arg-type]
        seen: list[tuple[int, Counter[str], int]] = []
        optimizer: Optimizer = session.optimizer.optimizer  # type: ignore[attr-defined]

        def mark(*_: object) -> None:
            seen.append((flops.get_total_flops(), Counter(given.bytes), kept.taken()))
            owned.append(held(session.method, optimizer))

        owned: list[int] = []
        optimizer.register_step_post_hook(mark)
        with flops, given, kept.watched():
            run(session, Position())
    before, last = seen[-2], seen[-1]
    return {"flops": last[0] - before[0], "kept": last[2], "held": owned[-1], **(last[1] - before[1])}


def held(method: nn.Module, optimizer: Optimizer) -> int:
    """Bytes of the weights, their gradients and the optimiser's state that this process holds: its share of them where
    there are shares."""
    tensors: list[Any] = [*method.parameters(), *(parameter.grad for parameter in method.parameters())]
    tensors += [value for state in optimizer.state.values() for value in state.values()]
    mine = [tensor.to_local() if isinstance(tensor, DTensor) else tensor for tensor in tensors if tensor is not None]
    return sum(tensor.nbytes for tensor in mine if isinstance(tensor, Tensor))


def of_processes(config: RunConfig, world: int) -> list[Mapping[str, float]]:
    """counted_step of each of `world` processes of this machine, over gloo."""
    with socket.socket() as free, tempfile.TemporaryDirectory() as folder:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        torch.multiprocessing.start_processes(  # type: ignore[attr-defined]
            _part, args=(world, port, folder, config), nprocs=world, start_method="spawn"
        )
        return [json.loads((Path(folder) / f"{rank}.json").read_text()) for rank in range(world)]


def _part(rank: int, world: int, port: int, folder: str, config: RunConfig) -> None:
    torch.set_num_threads(1)
    as_launched(rank, world, port)
    found = counted_step(config)
    if world_size() != world:
        raise RuntimeError(f"expected {world} processes that train together, got {world_size()}")
    (Path(folder) / f"{rank}.json").write_text(json.dumps(found))


def as_launched(rank: int, world: int, port: int) -> None:
    """The environment that torchrun gives a process of one machine."""
    numbers = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": world, "LOCAL_WORLD_SIZE": world, "MASTER_PORT": port}
    os.environ.update({name: str(number) for name, number in numbers.items()})
    os.environ.update(MASTER_ADDR="127.0.0.1", TORCHELASTIC_RUN_ID="counts")


def at_once(loss: Callable[[Tensor], Tensor], embeddings: Tensor) -> int:
    """Bytes that a loss of embeddings and its backward pass take at once at most."""
    embeddings = embeddings.requires_grad_()
    with Live() as live:
        loss(embeddings).backward()
    return live.peak
