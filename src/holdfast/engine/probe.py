"""What a run will cost on this machine: real steps of growing batches, timed, and a straight line through them."""

import resource
import sys
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from holdfast.config import RunConfig
from holdfast.data.batches import Batch
from holdfast.data.images import Images
from holdfast.engine import loop
from holdfast.engine.checkpoint import Position
from holdfast.engine.meter import Meter
from holdfast.engine.session import Session, launch, open_session, resolve
from holdfast.engine.speed import noise_pool
from holdfast.runs import RunFolder
from holdfast.system import Spent, pace, timed

SECONDS = 1.0
"""Batches grow until a step takes so long, or are as large as the run's; there are two at least."""
PATIENCE = 5.0
"""Seconds after which a batch is not timed again."""
MOST_IMAGES = 4096
"""Images of noise in memory, at most; larger batches repeat them."""
_FIRST, _STEPS = 4, 3


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What one step costs of a run's batch, on the device that the run would take."""

    seconds: float
    """A step, on the machine as it is now."""
    busy: float
    """How many times longer than on a machine with nothing else to do."""
    memory: float
    """Bytes at most, without the images themselves: of the process on a CPU, of the device on a GPU."""
    measured_batch: int
    """The largest batch that was timed; beyond it the cost is a straight line."""
    device: str
    precision: str
    parameters: int
    passes_per_image: int
    """Forward+backward passes of one visit to an image."""


def measure_cost(config: RunConfig, *, image_size: int) -> Cost:
    """Trains a few steps on noise [n, 3, image_size, image_size]; writes nothing and leaves no weights.

    Raises ValueError as `train` does for a configuration that cannot be built.
    """
    config = replace(config, devices=1, compile=False, image_size=image_size, init=None, data="digits", long_tail=None)
    fabric = launch(config)
    sizes, times, memory = [], [], []
    spent: list[Spent] = []
    pool = noise_pool(min(config.batch_size, MOST_IMAGES), image_size)
    nowhere = RunFolder(Path())  # steps write nothing
    session = open_session(resolve(config, fabric, pool), fabric, nowhere, pool, lambda event: None)
    session.stream.train()
    session.method.start_epoch(0)
    batch = min(_FIRST, config.batch_size)
    while not times or (batch <= config.batch_size and (len(times) < 2 or times[-1] < SECONDS)):
        _forget_peak(fabric.device)
        passes = _passes(session, pool.images, batch)
        spent += passes
        times.append(min(one.own for one in passes))
        memory.append(_peak(fabric.device))
        sizes.append(batch)
        batch *= 2
    # The line is through the processor's seconds: what another program takes of it would tilt it.
    busy = pace(spent).busy
    return Cost(
        seconds=busy * max(_line(sizes, times, config.batch_size), times[-1]),
        busy=busy,
        memory=max(_line(sizes, memory, config.batch_size), memory[-1]),
        measured_batch=sizes[-1],
        device=f"{fabric.device}, {torch.get_num_threads()} threads",
        precision=session.config.precision,
        parameters=sum(parameter.numel() for parameter in session.method.network.parameters()),
        passes_per_image=session.method.passes_per_image,
    )


def _passes(session: Session, images: Images, batch: int) -> list[Spent]:
    """Some steps after one that warms up, or that one where it takes too long."""
    device, found = session.fabric.device, []
    some = images.subset(torch.arange(batch) % len(images)).to(device)

    def step() -> None:
        given = Batch(images=some.floats(), ids=some.ids, epoch=0)
        loop._train_batch(session, Position(step=len(found)), given, Meter(Position()))
        if device.type == "cuda":
            torch.cuda.synchronize(device)

    threads = torch.get_num_threads() if device.type == "cpu" else 0
    while len(found) <= _STEPS and sum(one.clock for one in found) < PATIENCE:
        found.append(timed(step, threads=threads))
    return found[1:] or found


def _forget_peak(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        return
    with suppress(OSError):  # Linux alone forgets a process's peak, and not everywhere
        Path("/proc/self/clear_refs").write_text("5")


def _peak(device: torch.device) -> float:
    """Bytes that the device, or the process, held at most since the peak was forgotten."""
    if device.type == "cuda":
        return float(torch.cuda.max_memory_allocated(device))
    with suppress(OSError):
        lines = Path("/proc/self/status").read_text().splitlines()
        return 1024.0 * next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
    unit = 1 if sys.platform == "darwin" else 1024
    return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit)


def _line(sizes: list[int], values: list[float], at: int) -> float:
    """The value at a batch size, on the line through the last two that were measured."""
    if len(sizes) < 2:
        return values[-1] * at / sizes[-1]
    slope = max(0.0, (values[-1] - values[-2]) / (sizes[-1] - sizes[-2]))
    return values[-1] + slope * (at - sizes[-1])
