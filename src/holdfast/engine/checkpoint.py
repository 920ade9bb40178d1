"""Training state to and from disk: tensors as safetensors, the rest as JSON; a folder renamed into place."""

import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import safetensors.torch
import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from holdfast.distributed import rank, world_size
from holdfast.methods import Method
from holdfast.runs import atomic_folder, write_json

SCHEMA_VERSION = 1


@dataclass(kw_only=True)
class Position:
    """How far a run is; the only mutable state besides the networks and the optimiser."""

    step: int = 0
    """Optimiser steps done."""
    epoch: int = 0
    """Epochs finished."""
    batch: int = 0
    """Batches done in the epoch at hand."""
    loss_sum: float = 0.0
    """Sum of the losses of the epoch at hand."""
    loss_count: int = 0
    """Number of losses in that sum."""
    seconds: float = 0.0
    """Time spent training, over all interruptions."""


def _flat(state: dict[int, dict[str, object]]) -> dict[str, Tensor]:
    return {
        f"{index}.{name}": value.detach().cpu().contiguous() if isinstance(value, Tensor) else torch.tensor(value)
        for index, entries in state.items()
        for name, value in entries.items()
        if value is not None
    }


def save_checkpoint(
    folder: Path,
    method: nn.Module,
    optimizer: Optimizer,
    position: Position,
    *,
    ranks: Mapping[str, tuple[Tensor, Tensor]] | None = None,
    keep: int,
) -> Path:
    """Writes folder/step-N and removes all but the newest `keep`; returns the checkpoint's path.

    ranks: what each rank holds for itself, by name: (rows of all ranks in their order, how many each has).
    """
    target = folder / f"step-{position.step:08d}"
    if target.exists():
        return target
    folder.mkdir(exist_ok=True)
    with atomic_folder(target) as temporary:
        state = {name: tensor.detach().cpu().contiguous() for name, tensor in method.state_dict().items()}
        safetensors.torch.save_file(state, temporary / "method.safetensors")
        safetensors.torch.save_file(_flat(optimizer.state_dict()["state"]), temporary / "optimizer.safetensors")
        if ranks:
            rows = {name: joined.cpu().contiguous() for name, (joined, _) in ranks.items()}
            counts = {f"{name}/counts": counts.cpu() for name, (_, counts) in ranks.items()}
            safetensors.torch.save_file(rows | counts, temporary / "ranks.safetensors")
        write_json(temporary / "state.json", {"schema": SCHEMA_VERSION, **asdict(position)})
    for old in checkpoints(folder)[:-keep]:
        shutil.rmtree(old)
    return target


def checkpoints(folder: Path) -> list[Path]:
    """The complete checkpoints in a folder, oldest first."""
    return sorted(path for path in folder.glob("step-*") if path.is_dir())


def load_checkpoint(path: Path, method: Method, optimizer: Optimizer) -> Position:
    """Restores what save_checkpoint wrote into method and optimizer, bit for bit, and returns the position."""
    state = json.loads((path / "state.json").read_text())
    if state.pop("schema", None) != SCHEMA_VERSION:
        raise ValueError(
            f"expected checkpoint schema {SCHEMA_VERSION} in {path}, got another; resume with its own version"
        )
    method.load_state_dict(safetensors.torch.load_file(path / "method.safetensors"))
    _load_optimizer(optimizer, safetensors.torch.load_file(path / "optimizer.safetensors"))
    if (path / "ranks.safetensors").is_file():
        method.load_rank_state(_own_rows(safetensors.torch.load_file(path / "ranks.safetensors")))
    return Position(**state)


def _own_rows(saved: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """This rank's part of what the ranks held."""
    own = {}
    for name in [key for key in saved if not key.endswith("/counts")]:
        counts = saved[f"{name}/counts"].tolist()
        if len(counts) != world_size():
            raise ValueError(
                f"expected the {len(counts)} device(s) that the run began with, got {world_size()}: each holds a part "
                "of its adversary; resume with as many"
            )
        own[name] = saved[name].split(counts)[rank()]
    return own


def _load_optimizer(optimizer: Optimizer, flat: dict[str, Tensor]) -> None:
    """Buffers take the memory format of their parameter: a contiguous one would make each later step slower."""
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in flat.items():
        index, name = int(key.partition(".")[0]), key.partition(".")[2]
        parameter = parameters[index]
        alike = value.shape == parameter.shape
        state.setdefault(index, {})[name] = torch.empty_like(parameter).copy_(value) if alike else value
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
