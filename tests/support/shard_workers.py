"""What the processes of the tests of weights in shares run; of its own, so that spawned processes can import it."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from step_counts import as_launched

from holdfast.config import RunConfig
from holdfast.engine import resume, train
from holdfast.methods import EMPSSLConfig, SimCLRConfig

RATES = {"sgd": 0.05, "lars": 0.05, "adamw": 0.001, "muon": 0.01}
"""By optimiser: a learning rate."""
MIDDLE, LAST = "step-00000002", "step-00000006"


def run_of(optimizer: str, **changes: Any) -> RunConfig:
    """A run of six steps with checkpoints after each second, EMP-SSL's with pre-features under LARS."""
    crops = EMPSSLConfig(view_count=2, head_dim=8, prefeature_dim=16)
    method = crops if optimizer == "lars" else SimCLRConfig()
    shape: dict[str, Any] = {"limit": 26, "holdout": 2, "batch_size": 8, "epochs": 2, "precision": "32", "threads": 1}
    settings: dict[str, Any] = {"optimizer": optimizer, "lr": RATES[optimizer], "warmup_epochs": 0}
    config = RunConfig(method=method, encoder="timm/test_vit", checkpoint_steps=2, keep_checkpoints=9, **shape)
    return replace(config, **settings, **changes)


def cut(run: Path, target: Path) -> Path:
    """A copy of a run as it was after two steps; the first process makes it."""
    if dist.get_rank() == 0:
        shutil.copytree(run, target)
        for path in (*target.glob("encoder.*"), *target.glob("prefeature.*")):
            path.unlink()
        for path in (target / "checkpoints").iterdir():
            if path.name != MIDDLE:
                shutil.rmtree(path)
    dist.barrier()
    return target


def shard_runs(rank: int, world: int, port: int, folder: str) -> None:
    """Each optimiser with weights in shares and without; then one of each resumed as the other."""
    torch.set_num_threads(1)
    as_launched(rank, world, port)
    root = Path(folder)
    for optimizer in RATES:
        for shards in (True, False):
            train(run_of(optimizer, devices=world, shard_weights=shards), root / f"{optimizer}, {shards}")
    for shards in (True, False):
        run = cut(root / f"sgd, {shards}", root / f"resumed from {shards}")
        resume(run, shard_weights=not shards)
    dist.destroy_process_group()
