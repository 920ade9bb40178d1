"""What CF-AMC-SSL costs beside the network: its objective, its augmentation, its adversary, its optimiser.

    python benchmarks/cf_amc_ssl.py [--batch-size 32] [--views 16] [--replays 3] [--rounds 4] [--encoder timm/resnet18]

Prints (1) the time of a loop over views with d×d determinants, written from the equation, divided by that of
`emp_ssl`, forward and backward at 16 × 100 × 1024; (2) the time of a CF-AMC-SSL step, that is all of a batch's
views, replays, perturbations and optimiser steps, divided by (replays × views) bare passes: forward and backward of
the same network on as many resident images, at the same precision. Rounds take turns, so that a change of the
machine's speed meets both; each time is the best round's.
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor
from torch.nn import functional as F

from holdfast.data import Batch
from holdfast.engine.optim import make_optimizer
from holdfast.engine.session import resolve_precision
from holdfast.methods import PRESETS, AdversaryConfig, EMPSSLConfig, build
from holdfast.objectives import emp_ssl

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")


def timed(work: Callable[[], object]) -> float:
    """Seconds of one call."""
    start = time.perf_counter()
    work()
    if DEVICE.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - start


def best(contestants: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Each contestant's best time over rounds, after one that is not counted."""
    times: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(rounds + 1):
        for name, work in contestants.items():
            times[name].append(timed(work))
    return {name: min(each[1:]) for name, each in times.items()}


def loop_of_determinants(z: Tensor) -> Tensor:
    """EMP-SSL's objective view by view, on Z'Z whatever its size."""
    _, n, d = z.shape
    mean, similarity, rate = z.mean(0), z.new_zeros(()), z.new_zeros(())
    for view in z:
        similarity = similarity + F.cosine_similarity(view, mean, dim=1).mean() / len(z)
        rate = rate + 0.5 * torch.logdet(torch.eye(d, device=z.device) + d / (n * 0.2) * view.T @ view) / len(z)
    return -200 * similarity - rate


def objective(rounds: int) -> None:
    """Prints the objective's time against the loop's."""
    z = F.normalize(torch.randn(16, 100, 1024, generator=torch.Generator().manual_seed(0)), dim=2).to(DEVICE)
    z.requires_grad_()
    contestants = {"ours": emp_ssl, "loop": loop_of_determinants}
    times = best(
        {name: lambda loss=loss: torch.autograd.grad(loss(z), z) for name, loss in contestants.items()}, rounds
    )
    print(
        f"emp_ssl at 16 × 100 × 1024: {1000 * times['ours']:.1f} ms, "
        f"loop of determinants {1000 * times['loop']:.0f} ms, "
        f"ratio {times['loop'] / times['ours']:.1f} (at least 20 asked)"
    )


def step(options: argparse.Namespace) -> None:
    """Prints a training step's time against bare passes of its network."""
    preset = PRESETS["cf-amc-ssl"]()
    config = replace(
        preset,
        method=EMPSSLConfig(view_count=options.views),
        parts=(AdversaryConfig(adversary=f"free:{options.replays}"),),
        encoder=options.encoder,
        stem="small",
    )
    method = build(config, image_size=32).to(DEVICE).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = make_optimizer(config, method)
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(options.batch_size, 3, 32, 32, generator=generator).to(DEVICE)
    batch = Batch(images, torch.arange(options.batch_size, device=DEVICE), 0)
    resident = torch.rand(options.batch_size * options.views, 3, 32, 32, generator=generator).to(DEVICE)
    bf16 = resolve_precision(options.precision, DEVICE) == "bf16"

    def train() -> None:
        losses = method.losses(batch)
        for _ in range(method.steps_per_batch):
            with torch.autocast(DEVICE.type, torch.bfloat16, enabled=bf16):
                loss = next(losses)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
        next(losses, None)

    def bare() -> None:
        for _ in range(options.replays):
            with torch.autocast(DEVICE.type, torch.bfloat16, enabled=bf16):
                loss = method.network(resident).float().square().mean()
            loss.backward()
            optimizer.zero_grad()

    times = best({"step": train, "bare": bare}, options.rounds)
    passes = times["bare"]
    print(
        f"CF-AMC-SSL step, {options.batch_size} images × {options.views} views × {options.replays} replays, "
        f"{options.encoder}, {'bf16' if bf16 else 'float32'}: {times['step']:.2f} s, bare passes {passes:.2f} s, "
        f"ratio {times['step'] / passes:.3f} (at most 1.05 asked)"
    )


def main() -> None:
    """Both, with the command line's settings."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--views", type=int, default=16)
    parser.add_argument("--replays", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--encoder", default="timm/resnet18")
    parser.add_argument("--precision", default="auto", choices=("auto", "32", "bf16"))
    options = parser.parse_args()
    objective(options.rounds)
    step(options)


if __name__ == "__main__":
    main()
