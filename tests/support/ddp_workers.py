"""What the processes of the distributed tests run; a module of its own, so that spawned processes can import it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
import torch.distributed as dist
from scaling import small
from short_runs import short_run
from step_counts import as_launched, counted_step
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh
from torch.nn.parallel import DistributedDataParallel

from holdfast.config import RunConfig
from holdfast.data import Images
from holdfast.data.batches import Batch, epoch_batches
from holdfast.data.images import Subgroups
from holdfast.distributed import gather, join_rows, synchronise_norms, total, whole
from holdfast.engine import loop, resume, train
from holdfast.engine.session import Stream
from holdfast.engine.shares import divide
from holdfast.methods import Method, SimCLRConfig, build, with_settings


def small_images(count: int, size: int = 12) -> Images:
    """Random uint8 images."""
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (count, 3, size, size), generator=generator, dtype=torch.uint8)
    sites = {"site": Subgroups(torch.arange(count) % 2, ("north", "south"))}
    return Images(pixels=pixels, ids=torch.arange(count), source="random", subgroups=sites)


def last_batch(images: int, rank: int = 0, world: int = 1) -> Batch:
    """The last batch of 8 of epoch 0, or a rank's share of it, in float64."""
    *_, batch = epoch_batches(small_images(images), seed=0, epoch=0, batch_size=8, rank=rank, world=world)
    return replace(batch, images=batch.images.double())


def double_method(config: RunConfig) -> Method:
    """A method in float64 whose start_epoch was called."""
    method = build(config, image_size=12).double()
    method.start_epoch(0)
    return method


def gradients_of(method: Method) -> dict[str, torch.Tensor]:
    """Gradients by parameter name."""
    return {name: whole(p.grad).clone().contiguous() for name, p in method.named_parameters() if p.grad is not None}


def replay(method: Method, batch: Batch, forward: Callable[[Any], torch.Tensor] = next) -> torch.Tensor:
    """A batch's backward passes, each but the last followed by a step down; returns the last loss."""
    losses, loss = method.losses(batch), torch.zeros(())
    for number in range(method.steps_per_batch):
        if number:
            for parameter in method.parameters():
                if parameter.grad is not None:
                    parameter.data -= 0.01 * parameter.grad
                    parameter.grad = None
        loss = forward(losses)
        loss.backward()
    assert next(losses, None) is None
    return loss.detach()


def steps(rank: int, world: int, folder: str, cases: dict[str, tuple[RunConfig, int]]) -> None:
    """A rank's part of each case, then of `twice`, `remembering`, `streaming` and `counts`: starting processes takes
    longer."""
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=world)
    for name, (config, images) in cases.items():
        step(rank, world, Path(folder) / f"{name}.safetensors", config, images)
    twice(rank, Path(folder) / f"rank{rank}.safetensors")
    safetensors.torch.save_file(remembering(rank, world), Path(folder) / f"memory{rank}.safetensors")
    as_launched(rank, world, 0)  # the port is not used: the processes have met
    streaming(world, Path(folder))
    counts = {name: torch.tensor(int(value)) for name, value in counted_step(counted_config()).items()}
    safetensors.torch.save_file(counts, Path(folder) / f"counts{rank}.safetensors")
    dist.destroy_process_group()


def counted_config() -> RunConfig:
    """The run whose step is counted."""
    return replace(small("timm/test_resnet"), batch_size=8)


def step(rank: int, world: int, file: Path, config: RunConfig, images: int) -> None:
    """The backward passes of a rank on its share of the batch; rank 0 writes the last gradients and statistics."""
    method = double_method(config)
    synchronise_norms(method)
    stream = Stream(method)
    stream = divide(stream, meeting(world)) if config.shard_weights else DistributedDataParallel(stream)
    loss = replay(method, last_batch(images, rank, world), stream)
    ranks = {name: join_rows(rows)[0] for name, rows in method.rank_state().items()}
    gradients = gradients_of(method)
    if rank == 0:
        buffers = {name: b.double().contiguous() for name, b in method.named_buffers() if "running" in name}
        tensors = gradients | buffers | ranks | {"loss": loss}
        safetensors.torch.save_file({name: t.clone() for name, t in tensors.items()}, file)


@cache
def meeting(world: int) -> DeviceMesh:
    """All processes, which keep shares of weights."""
    return init_device_mesh("cpu", (world,))


def remembering(rank: int = 0, world: int = 1) -> dict[str, torch.Tensor]:
    """Two epochs over a batch with BCL's memory: what is remembered, and of the second the loss, gradients, and the
    rank's views, which follow from the memory."""
    config = RunConfig(method=SimCLRConfig(), encoder="timm/test_resnet", stem="small")
    method = double_method(with_settings(config, memory_augment="bcl-d:2"))
    synchronise_norms(method)
    stream = Stream(method) if world == 1 else DistributedDataParallel(Stream(method))
    for epoch in (0, 1):
        batch = replace(last_batch(13, rank, world), epoch=epoch)
        method.zero_grad()
        loss = replay(method, batch, stream)
        method.after_step(0.5)
    views = {f"views of {i}": image for i, image in zip(batch.ids, method.views(batch).images.unbind(1), strict=True)}
    held = {"memory": method.get_submodule("memory").values, "loss": loss}
    return {name: tensor.clone().contiguous() for name, tensor in (gradients_of(method) | views | held).items()}


STREAMED: dict[str, dict[str, Any]] = {
    "parquet": {"data": "shards", "shuffle_buffer": 8},
    "tar": {"data": "part-*.tar", "memory_gib": 1e-7},
}
"""By kind of source, of those that `source_examples` writes: where it lies below a folder, and what has it streamed."""


def streaming(world: int, folder: Path) -> None:
    """Runs of two epochs with BCL's memory on streamed images of a folder: whole, and cut in the second and resumed.

    Weights hardly move: what several processes compute otherwise by rounding must not grow.
    """
    for kind, settings in STREAMED.items():
        given = settings | {"data": str(folder / settings["data"]), "devices": world, "checkpoint_steps": 2}
        config = short_run(SimCLRConfig(), batch_size=4, lr=1e-6, workers=0, holdout=0, **given)
        config = with_settings(config, memory_augment="bcl-d:2")
        train(config, folder / f"{kind}-whole{world}")
        with ended_at(5):
            train(config, folder / f"{kind}-cut{world}")
        resume(folder / f"{kind}-cut{world}")


@contextmanager
def ended_at(step: int) -> Iterator[None]:
    """Training ends as by Ctrl-C before it takes a step of this number."""
    taken = loop._train_batch

    def until(session: Any, position: Any, batch: Batch, meter: Any) -> None:
        if position.step == step:
            raise KeyboardInterrupt
        taken(session, position, batch, meter)

    loop._train_batch = until
    try:
        with suppress(KeyboardInterrupt):
            yield
    finally:
        loop._train_batch = taken


def twice(rank: int, file: Path) -> None:
    """A penalty on a gradient through gather and total: each rank writes its part of the second derivative."""
    rows = torch.arange(10, dtype=torch.float64).reshape(5, 2) / 7
    local = rows[:3] if rank == 0 else rows[3:]
    local = local.clone().requires_grad_()
    gradient = torch.autograd.grad(_cubic(gather(local), total(local.sum())), local, create_graph=True)[0]
    second = torch.autograd.grad(total((gradient**2).sum()), local)[0]
    safetensors.torch.save_file({"g": gradient.detach(), "h": second}, file)


def _cubic(rows: torch.Tensor, whole: torch.Tensor) -> torch.Tensor:
    return (rows.sum(0) ** 3).sum() + (rows**4).sum() * whole
