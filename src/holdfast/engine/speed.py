"""How fast a run trains, and how fast its network alone would: what lies between is all that is not the model."""

import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch

from holdfast.config import RunConfig
from holdfast.data import Images, Pool
from holdfast.engine.checkpoint import Position
from holdfast.engine.loop import run
from holdfast.engine.optim import make_optimizer
from holdfast.engine.session import Session, launch, open_session, resolve
from holdfast.methods import build
from holdfast.runs import RunFolder

Contestant = Callable[[], float]
"""Trains some steps and returns views per second."""


def noise_pool(count: int, side: int) -> Pool:
    """`count` images of uint8 noise [3, side, side] without labels, all of them to train on."""
    return memory_pool(noise_images(count, side))


def noise_images(count: int, side: int) -> Images:
    """uint8 noise [count, 3, side, side], the same each time."""
    generator = torch.Generator().manual_seed(0)
    return Images.of(torch.randint(0, 256, (count, 3, side, side), dtype=torch.uint8, generator=generator))


def memory_pool(images: Images) -> Pool:
    """Images in memory, all of them to train on, none held out."""
    return Pool(images, images.ids, images.ids[:0], None, None, 0)


def memory_session(config: RunConfig, images: Images, folder: Path) -> Session:
    """A run on images in memory, ready at step 0; it writes its files into a folder, which must be there."""
    fabric, pool = launch(config), memory_pool(images)
    return open_session(resolve(config, fabric, pool), fabric, RunFolder(folder), pool, lambda event: None)


def trained_speed(config: RunConfig, folder: Path, *, steps: int) -> Contestant:
    """The engine's own loop on noise: loading, views, losses, optimiser, metrics. folder: an empty one, for its files.

    config: image_size and batch_size say of what; a call trains one epoch of `steps` batches.
    """
    assert config.image_size is not None
    noise = noise_images(config.batch_size * steps, config.image_size)
    config = replace(config, data="digits", epochs=1, signals_every=0, checkpoint_steps=10**9)
    session = memory_session(config, noise, folder)

    def measure() -> float:
        run(session, Position())
        return json.loads(session.folder.metrics.read_text().splitlines()[-1])["views_per_second"]

    return measure


def bare_speed(
    config: RunConfig, *, steps: int, compile_mode: str | None = None, compile_backend: str = "inductor"
) -> Contestant:
    """The network, head and optimiser of a run alone: forward, backward and step on one resident batch of noise.

    The batch holds as many views of an image as the method's losses see. compile_mode: of torch.compile, such as
    'default' or, with CUDA graphs, 'reduce-overhead'; None: as the configuration says. compile_backend: of
    torch.compile; another than 'inductor' is taken without a mode.
    """
    assert config.image_size is not None
    fabric = launch(config)
    method = build(replace(config, parts=()), image_size=config.image_size)
    count = config.batch_size * method.views_per_image
    network = method.network.to(fabric.device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    if compile_backend != "inductor":
        network[0].compile(dynamic=False, backend=compile_backend)
    elif config.compile or compile_mode:
        network[0].compile(dynamic=False, mode=compile_mode or "default")
    network, optimizer = fabric.setup(network, make_optimizer(config, network))
    batch = torch.rand(count, 3, config.image_size, config.image_size, device=fabric.device)
    batch = batch.contiguous(memory_format=torch.channels_last)

    def measure() -> float:
        start = time.perf_counter()
        for _ in range(steps):
            fabric.backward(network(batch).square().mean())
            optimizer.step()
            optimizer.zero_grad()
        if fabric.device.type == "cuda":
            torch.cuda.synchronize()
        return steps * count / (time.perf_counter() - start)

    return measure
