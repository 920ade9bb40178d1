"""Training state to and from disk: tensors as safetensors, the rest as JSON; a folder renamed into place."""

import re
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from holdfast.distributed import like, rank, whole, world_size
from holdfast.methods import Method
from holdfast.runs import atomic_folder, write_json
from holdfast.system import DamagedError, digest, document_digest, read_json, reading

SCHEMA_VERSION = 2
"""2: with digests of the files and the settings; 1 is read."""
_NAME = re.compile(r"step-\d{8,}")
_FILES = ("method.safetensors", "optimizer.safetensors")


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


@dataclass(frozen=True)
class Trained:
    """What training has made so far, on the CPU: tensors by name."""

    method: Mapping[str, Tensor]
    optimizer: Mapping[str, Tensor]


def trained(method: nn.Module, optimizer: Optimizer) -> Trained:
    """The tensors of a method and of its optimiser, whole. All processes have to ask where they keep shares; the first
    alone gets them."""
    kept = _flat(optimizer.state_dict()["state"])
    return Trained(_of_first(method.state_dict()), _of_first(kept))


def _of_first(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    joined = ((name, whole(tensor.detach())) for name, tensor in tensors.items())
    return {name: tensor.cpu().contiguous() for name, tensor in joined if rank() == 0}


def _flat(state: dict[int, dict[str, object]]) -> dict[str, Tensor]:
    return {
        f"{index}.{name}": value if isinstance(value, Tensor) else torch.tensor(value)
        for index, entries in state.items()
        for name, value in entries.items()
        if value is not None
    }


def save_checkpoint(
    folder: Path,
    state: Trained,
    position: Position,
    *,
    ranks: Mapping[str, tuple[Tensor, Tensor]] | None = None,
    config: Mapping[str, Any] | None = None,
    keep: int,
) -> Path:
    """Writes folder/step-N and removes all but the newest `keep`; returns the checkpoint's path.

    ranks: what each rank holds for itself, by name: (rows of all ranks in their order, how many each has).
    config: the settings that it was trained with, which a resume compares.
    """
    target = folder / f"step-{position.step:08d}"
    if target.exists():
        return target
    with atomic_folder(target) as temporary:
        _check_finite(state.method, position.step)
        safetensors.torch.save_file(dict(state.method), temporary / "method.safetensors")
        safetensors.torch.save_file(dict(state.optimizer), temporary / "optimizer.safetensors")
        if ranks:
            rows = {name: joined.cpu().contiguous() for name, (joined, _) in ranks.items()}
            counts = {f"{name}/counts": counts.cpu() for name, (_, counts) in ranks.items()}
            safetensors.torch.save_file(rows | counts, temporary / "ranks.safetensors")
        files = {file.name: digest(file) for file in sorted(temporary.iterdir())}
        document = {"schema": SCHEMA_VERSION, **asdict(position), "config": dict(config or {}), "files": files}
        write_json(temporary / "state.json", {**document, "digest": document_digest(document)})
    for old in checkpoints(folder)[:-keep]:
        shutil.rmtree(old)
    return target


def _check_finite(tensors: Mapping[str, Tensor], step: int) -> None:
    """Raises FloatingPointError where a weight is no number: such a checkpoint would take a good one's place."""
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and not torch.isfinite(tensor).all():
            raise FloatingPointError(
                f"expected finite weights, got NaN or infinity in {name} after step {step}; lower --lr, lengthen "
                "--warmup-epochs, or use --precision 32"
            )


def checkpoints(folder: Path) -> list[Path]:
    """The checkpoints in a folder, oldest first."""
    return sorted(path for path in folder.glob("step-*") if path.is_dir() and _NAME.fullmatch(path.name))


def newest_intact(folder: Path) -> tuple[Path | None, list[str]]:
    """The newest checkpoint whose files are what was written, and a line for each newer one that is damaged.

    (None, []) where there is none at all. Raises DamagedError where there are some and none is intact.
    """
    lines: list[str] = []
    found = checkpoints(folder)
    for path in reversed(found):
        try:
            read_state(path)
        except (ValueError, OSError) as error:
            lines.append(str(error))
        else:
            return path, lines
    if found:
        more = f"; none of the other {len(found) - 1} is whole either" if len(found) > 1 else ""
        raise DamagedError(f"{lines[0]}{more}")
    return None, []


def set_aside(folder: Path, newer_than: Path) -> None:
    """Gives the damaged checkpoints after an intact one another name, so that training writes them anew."""
    for path in checkpoints(folder):
        if path.name > newer_than.name:
            aside = path.with_name(f"damaged-{path.name}")
            shutil.rmtree(aside, ignore_errors=True)
            path.rename(aside)


def read_state(path: Path) -> dict[str, Any]:
    """What state.json of a checkpoint holds, once its files have their digests. Raises DamagedError, with the file."""
    remedy = "restore it from a copy, or delete this checkpoint to go on from an earlier one"
    state = read_json(path / "state.json", "the state of a checkpoint", remedy)
    schema = state.get("schema")
    if schema not in (1, SCHEMA_VERSION):
        raise ValueError(
            f"expected checkpoint schema 1 or {SCHEMA_VERSION} in {path}, got {schema!r}; resume with its own version"
        )
    other = schema == SCHEMA_VERSION and state.pop("digest", None) != document_digest(state)
    if other or not all(type(state.get(name)) in (int, float) for name in Position.__dataclass_fields__):
        raise DamagedError(f"expected {path / 'state.json'} as it was written, got other content; {remedy}")
    for name, written in (state.get("files") or dict.fromkeys(_FILES)).items():
        _check_file(path / name, written, remedy)
    return state


def _check_file(file: Path, written: str | None, remedy: str) -> None:
    if not file.is_file():
        raise DamagedError(f"expected {file}, got no such file; {remedy}")
    with reading(file, "tensors", remedy):
        if written is None:  # schema 1 kept no digests: what can be seen is whether the file is one
            with safetensors.safe_open(file, "pt"):  # type: ignore[attr-defined]
                return
        if digest(file) != written:
            raise DamagedError(f"expected {file} as it was written (digest {written}), got another; {remedy}")


def load_checkpoint(path: Path, method: Method, optimizer: Optimizer) -> Position:
    """Restores what save_checkpoint wrote into method and optimizer, bit for bit, and returns the position."""
    state = read_state(path)
    with reading(path, "a checkpoint of this run's method and encoder", "restore config.json, or train again"):
        own = method.state_dict()
        saved = safetensors.torch.load_file(path / "method.safetensors")
        method.load_state_dict(
            {name: like(value, own[name]) if name in own else value for name, value in saved.items()}
        )
        _load_optimizer(optimizer, safetensors.torch.load_file(path / "optimizer.safetensors"))
    if (path / "ranks.safetensors").is_file():
        method.load_rank_state(_own_rows(safetensors.torch.load_file(path / "ranks.safetensors")))
    return Position(**{name: state[name] for name in Position.__dataclass_fields__})


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
        state.setdefault(index, {})[name] = (
            torch.empty_like(parameter).copy_(like(value, parameter)) if alike else value
        )
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
