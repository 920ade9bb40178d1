"""Numerics: the same steps in five arithmetics side by side, and whether a run on the GPU resumes bit for bit."""

import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor

from gpu_steps.bench import Bench, Part, Result, Step
from gpu_steps.training import synchronise
from holdfast import RunFolder, SDCLRConfig, resume, train
from holdfast.config import RunConfig
from holdfast.data import Batch
from holdfast.methods import Method, build

LR = 0.05


@dataclass(frozen=True)
class Arithmetic:
    """Where and in what numbers steps are computed."""

    device: str
    double: bool = False
    bf16: bool = False
    tf32: bool = False


ARITHMETICS: Mapping[str, Arithmetic] = {
    "CPU float64": Arithmetic("cpu", double=True),
    "CPU bf16": Arithmetic("cpu", bf16=True),
    "GPU float32": Arithmetic("cuda"),
    "GPU TF32": Arithmetic("cuda", tf32=True),
    "GPU bf16": Arithmetic("cuda", bf16=True),
}
"""The first is what the others are held against."""


@dataclass
class Trace:
    """What some steps left."""

    losses: list[float]
    gradient: Tensor
    """Of the first step, all parameters in a row, float64 on the CPU."""
    masks: Tensor
    """Of the pruned branch after the last step, bool in a row."""


def configuration(bench: Bench) -> RunConfig:
    """SDCLR, whose masks are decided by comparisons of weights."""
    return RunConfig(method=SDCLRConfig(prune_ratio=0.3 if bench.tiny else 0.9), precision="32", **bench.network())


def _sizes(bench: Bench) -> tuple[int, int]:
    """(images of a batch, steps)."""
    return (8, 3) if bench.tiny else (32, 50)


@contextmanager
def _tf32(on: bool) -> Iterator[None]:
    before = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = on
    try:
        yield
    finally:
        torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = before


def traced(bench: Bench, arithmetic: Arithmetic, *, steps: int) -> Trace:
    """Some steps of SGD in an arithmetic, from the same weights on the same views."""
    config, (count, _) = configuration(bench), _sizes(bench)
    assert config.image_size is not None
    method = build(config, image_size=config.image_size).to(arithmetic.device)
    method = method.double() if arithmetic.double else method
    losses: list[Tensor] = []
    gradient = torch.empty(0)
    method.start_epoch(0)
    with _tf32(arithmetic.tf32):
        for step in range(steps):
            losses.append(_loss(method, _batch(bench, count, step), arithmetic))
            losses[-1].backward()
            if step == 0:
                gradient = torch.cat([p.grad.flatten() for p in method.parameters() if p.grad is not None])
                gradient = gradient.detach().double().cpu()
            _descend(method)
    method.start_epoch(1)
    masks = torch.cat([mask.flatten().cpu() for mask in method.get_submodule("pruned").masks.values()])  # type: ignore[union-attr]
    return Trace([float(loss.detach()) for loss in losses], gradient, masks)


def _batch(bench: Bench, count: int, step: int) -> Batch:
    images = bench.train
    positions = torch.arange(step * count, (step + 1) * count) % len(images)
    return Batch(images=images.floats(positions), ids=images.ids[positions], epoch=0)


def _loss(method: Method, batch: Batch, arithmetic: Arithmetic) -> Tensor:
    """The views are made on the CPU, so that all arithmetics see the same pixels."""
    views = method.views(batch)
    pixels = views.images.to(arithmetic.device, torch.float64 if arithmetic.double else torch.float32)
    inside = torch.autocast(arithmetic.device, torch.bfloat16) if arithmetic.bf16 else nullcontext()
    with inside:
        return method.loss(replace(views, images=pixels))


@torch.no_grad()
def _descend(method: Method) -> None:
    for parameter in method.parameters():
        if parameter.grad is not None:
            parameter -= LR * parameter.grad
            parameter.grad = None


def _look_steps(bench: Bench) -> float:
    """The reference is the slowest; the four others together take about as long."""
    start = time.perf_counter()
    traced(bench, ARITHMETICS["CPU float64"], steps=1)
    traced(bench, ARITHMETICS["CPU bf16"], steps=1)
    return _sizes(bench)[1] * (time.perf_counter() - start)


def _measure_steps(bench: Bench) -> Result:
    names = [name for name, each in ARITHMETICS.items() if each.device == "cpu" or bench.device.type == "cuda"]
    traces = {name: traced(bench, ARITHMETICS[name], steps=_sizes(bench)[1]) for name in names}
    reference = traces[names[0]]
    return {
        "steps": _sizes(bench)[1],
        "reference": names[0],
        "losses": {name: trace.losses for name, trace in traces.items()},
        "against_the_reference": {name: _apart(trace, reference) for name, trace in traces.items()},
        "not_here": {name: "no GPU" for name in ARITHMETICS if name not in names},
    }


def _apart(trace: Trace, reference: Trace) -> Result:
    first = abs(trace.losses[0] - reference.losses[0]) / abs(reference.losses[0])
    last = abs(trace.losses[-1] - reference.losses[-1]) / abs(reference.losses[-1])
    off = (trace.gradient - reference.gradient).norm() / reference.gradient.norm()
    return {
        "first_loss_relative": first,
        "last_loss_relative": last,
        "first_gradient_relative": float(off),
        "masks_that_differ_share": float((trace.masks != reference.masks).double().mean()),
    }


class _InterruptedError(Exception):
    """Stands for a power cut."""


def resumed_bits(bench: Bench, folder: Path, *, deterministic: bool) -> Result:
    """Trains a short run twice, once interrupted after its first checkpoint and resumed: which tensors differ?"""
    config = replace(configuration(bench), data=bench.source, limit=48 if bench.tiny else 2048, holdout=0, epochs=2)
    config = replace(config, batch_size=16 if bench.tiny else 256, checkpoint_steps=2, signals_every=0)

    def cut(event: Any) -> None:
        if event["kind"] == "checkpoint":
            raise _InterruptedError

    # Warnings only: the masks' k-th value has no deterministic kernel by name, though its value is one number.
    torch.use_deterministic_algorithms(deterministic, warn_only=True)
    try:
        whole = train(config, folder / "whole")
        try:
            train(config, folder / "cut", listen=cut)
        except _InterruptedError:
            resume(folder / "cut")
    finally:
        torch.use_deterministic_algorithms(False)
    first, second = (safetensors.torch.load_file(run.encoder) for run in (whole, RunFolder(folder / "cut")))
    different = [name for name in first if not torch.equal(first[name], second[name])]
    return {"same_bits": not different, "tensors": len(first), "different": len(different)}


def _measure_resume(bench: Bench) -> Result:
    found = {}
    for name, deterministic in (("deterministic kernels", True), ("default kernels", False)):
        folder = bench.fresh("resume")
        found[name] = resumed_bits(bench, folder, deterministic=deterministic)
        shutil.rmtree(folder)
    synchronise()
    return {"device": bench.device.type, "resumed": found}


def _look_resume(bench: Bench) -> float:
    """Four runs of two epochs, of which one is timed with its start."""
    start, folder = time.perf_counter(), bench.fresh("resume-look")
    config = replace(configuration(bench), data=bench.source, limit=48 if bench.tiny else 2048, holdout=0, epochs=1)
    train(replace(config, batch_size=16 if bench.tiny else 256, signals_every=0), folder)
    shutil.rmtree(folder)
    return 6 * (time.perf_counter() - start)


def parts(bench: Bench) -> list[Part]:
    """Steps side by side, then resume."""
    return [
        Part(name="steps side by side", rank=1, guess=60, look=_look_steps, measure=_measure_steps),
        Part(name="resume", rank=1, guess=30, look=_look_resume, measure=_measure_resume),
    ]


NUMERICS = Step(
    name="numerics",
    what="The same steps of SDCLR in five arithmetics, and bit-exact resume on the device",
    parts=parts,
)
