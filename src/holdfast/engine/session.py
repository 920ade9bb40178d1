"""What a run needs in hand: devices, networks, images, files; made the same way for a new run and a resumed one."""

import hashlib
import platform
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

from holdfast.config import RunConfig
from holdfast.data.batches import steps_per_epoch
from holdfast.data.pool import Pool
from holdfast.data.shuffling import resolved_buffer
from holdfast.distributed import keep_strides, largest, synchronise_norms
from holdfast.engine.optim import make_optimizer
from holdfast.engine.shares import Fabric, LightningEnvironment, in_parts, set_up, strategy_of
from holdfast.methods import Method, build, fresh_encoder
from holdfast.models import Encoder, exact_strides, resolve_stem, whiten_first_convolution
from holdfast.randomness import key, permutation
from holdfast.runs import RunFolder
from holdfast.system import launched, local_place

Listener = Callable[[Mapping[str, Any]], None]
"""Called with events as training goes on; prints or draws what it likes. See loop.py for the kinds."""

WHITENED = 1000
"""Images, at most, whose patches the first convolution is whitened by."""
PACKAGES = ("holdfast", "torch", "torchvision", "timm", "lightning-fabric", "numpy", "pillow", "safetensors")


class Stream(nn.Module):
    """Runs a method's next loss inside `forward`, so that Fabric and DistributedDataParallel see every one of them."""

    def __init__(self, method: Method):
        super().__init__()
        self.method = method

    def forward(self, losses: Any) -> torch.Tensor:
        return next(losses)


@dataclass(frozen=True, kw_only=True)
class Session:
    """A run in progress."""

    config: RunConfig
    fabric: Fabric
    folder: RunFolder
    pool: Pool
    method: Method
    stream: nn.Module
    optimizer: Optimizer
    steps_per_epoch: int
    listen: Listener

    @property
    def total_steps(self) -> int:
        """Optimiser steps of the whole run."""
        return self.config.epochs * self.steps_per_epoch * self.method.steps_per_batch


def resolve_precision(precision: str, device: torch.device) -> str:
    """'bf16' or '32': what 'auto' means on a device (bf16 where the processor or GPU has instructions for it)."""
    if precision != "auto":
        return precision
    if device.type == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "32"
    # torch 2.11 cannot say what the processor has; there 'auto' is float32 on CPU.
    able: Mapping[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
    return "bf16" if able.get("avx512_bf16") or able.get("amx_bf16") else "32"


def launch(config: RunConfig, *, alone: bool = False) -> Fabric:
    """Fabric for a configuration's devices and precision; starts the other processes where there are several.

    Under torchrun and srun their number is the launcher's, but for what a process trains alone. Raises ValueError where
    the configuration names another.
    """
    if config.threads is not None:
        torch.set_num_threads(config.threads)
    accelerator = config.accelerator
    if accelerator == "auto":
        accelerator = "cuda" if torch.cuda.is_available() else "cpu"
    precision = resolve_precision(config.precision, torch.device(accelerator))
    world = None if alone else launched()
    if world is not None and config.devices not in (1, world.size):
        raise ValueError(
            f"expected --devices {world.size}, as many processes as {world.launcher} started, got {config.devices}; "
            "leave it out"
        )
    own = [local_place()] if alone and accelerator == "cuda" else config.devices
    fabric = Fabric(
        accelerator=accelerator,
        devices=own if world is None else world.per_node,
        num_nodes=1 if world is None else world.nodes,
        strategy=strategy_of(config.shard_weights, config.devices if world is None else world.size),
        precision="bf16-mixed" if precision == "bf16" else "32-true",
        plugins=[LightningEnvironment()] if alone else None,
    )
    fabric.launch()
    return fabric


def resolve(config: RunConfig, fabric: Fabric, pool: Pool) -> RunConfig:
    """The configuration with every 'auto' and None that training depends on filled in, as config.json keeps it."""
    image_size = config.image_size or pool.images.pixels.shape[-1]
    return replace(
        config,
        image_size=image_size,
        stem=resolve_stem(config.stem, image_size),
        holdout=len(pool.held_out_ids) if config.holdout is None else config.holdout,
        precision=resolve_precision(config.precision, fabric.device),
        accelerator=fabric.device.type,
        devices=fabric.world_size,
        threads=torch.get_num_threads(),
        shuffle_buffer=resolved_buffer(config, pool.images),
        parts=tuple(part.resolved(pool.train) for part in config.parts),
        signals_every=max(1, config.epochs // 10) if config.signals_every is None else config.signals_every,
    )


def check_same_images(pool: Pool) -> None:
    """Raises ValueError, on all processes, where they found other images: a store may fail for one of them alone."""
    digest = hashlib.sha256(pool.images.places.astype("<i8").tobytes())
    for one in pool.images.rejected:
        digest.update(f"/{one.path}".encode("utf-8", "surrogateescape"))
    own = int.from_bytes(digest.digest()[:7], "little")
    if largest(own) != -largest(-own):
        raise ValueError(
            f"expected the same images of {pool.images.source} on all processes, got others on some, of which "
            f"{len(pool.images):,} are here and {len(pool.images.rejected):,} could not be used; start again"
        )


def open_session(
    config: RunConfig,
    fabric: Fabric,
    folder: RunFolder,
    pool: Pool,
    listen: Listener,
    *,
    encoder: Encoder | None = None,
) -> Session:
    """Networks, optimiser and images for a resolved configuration, ready at step 0, or at that of an encoder."""
    assert config.image_size is not None
    if config.whiten:  # before a method copies the encoder, as its teacher or its second branch
        encoder = _whitened(fresh_encoder(config, image_size=config.image_size), pool, config.seed)
    method = build(config, image_size=config.image_size, encoder=encoder)
    exact_strides(method)
    if fabric.world_size > 1:
        synchronise_norms(method)
    method = method.to(fabric.device)
    if not in_parts(fabric):  # shares are of contiguous tensors
        method = method.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        if fabric.world_size > 1:
            keep_strides(method)
    if config.compile:
        # One compilation for each size of views: torch would else compile the second for any size, which is slower.
        method.network[0].compile(dynamic=False)
    stream, optimizer = set_up(fabric, Stream(method), lambda: make_optimizer(config, method))
    return Session(
        config=config,
        fabric=fabric,
        folder=folder,
        pool=pool,
        method=method,
        stream=stream,
        optimizer=optimizer,
        steps_per_epoch=steps_per_epoch(len(pool.train_ids), config.batch_size, fabric.world_size),
        listen=listen,
    )


def _whitened(encoder: Encoder, pool: Pool, seed: int) -> Encoder:
    """Starts the first convolution from up to WHITENED training images, drawn by the seed: the same on every rank."""
    order = permutation(key(seed, "whitening"), len(pool.train))[:WHITENED]
    whiten_first_convolution(encoder, pool.train.floats(order))
    return encoder


def environment(fabric: Fabric) -> dict[str, Any]:
    """Versions, hardware and command of a run, as JSON values."""
    cuda = fabric.device.type == "cuda"
    return {
        "versions": {"python": platform.python_version(), **{name: _version(name) for name in PACKAGES}},
        "code": _revision(),
        "platform": platform.platform(),
        "device": torch.cuda.get_device_name() if cuda else _processor(),
        "world_size": fabric.world_size,
        "threads": torch.get_num_threads(),
        "command": sys.argv,
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _version(package: str) -> str | None:
    """None for what is there without a record of its version: Fabric inside of PyTorch Lightning, say."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _processor() -> str:
    able: Mapping[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
    return str(able.get("cpu_name") or platform.processor() or platform.machine())


def _revision() -> str | None:
    """The commit of the source tree the package is imported from; None where it is an installed copy."""
    command = ["git", "-C", str(Path(__file__).parent), "rev-parse", "HEAD"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=5).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None
