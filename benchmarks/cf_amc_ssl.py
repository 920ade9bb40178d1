"""What CF-AMC-SSL costs beside the network: its objective, its augmentation, its adversary, its optimiser.

    python benchmarks/cf_amc_ssl.py [--batch-size 32] [--views 16] [--replays 3] [--rounds 4] [--encoder timm/resnet18]

Prints (1) the time of a loop over views with d×d determinants, written from the equation, divided by that of
`emp_ssl`, forward and backward at 16 × 100 × 1024; (2) the time of a CF-AMC-SSL step, that is all of a batch's
views, replays, perturbations and optimiser steps, divided by (replays × views) bare passes: forward and backward of
the same network on as many resident images, at the same precision. Rounds take turns, so that a change of the
machine's speed meets both; the objective's times are the best round's, the step's ratio the median of rounds.
"""

import argparse
from collections.abc import Callable
from dataclasses import replace

import torch
from measuring import Ratio, best_of, finish, take_turns, times_as_long
from torch import Tensor
from torch.nn import functional as F

from holdfast.data import Batch
from holdfast.engine.optim import make_optimizer
from holdfast.engine.session import resolve_precision
from holdfast.methods import PRESETS, AdversaryConfig, EMPSSLConfig, build
from holdfast.objectives import emp_ssl

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")


def loop_of_determinants(z: Tensor) -> Tensor:
    """EMP-SSL's objective view by view, on Z'Z whatever its size."""
    _, n, d = z.shape
    mean, similarity, rate = z.mean(0), z.new_zeros(()), z.new_zeros(())
    for view in z:
        similarity = similarity + F.cosine_similarity(view, mean, dim=1).mean() / len(z)
        rate = rate + 0.5 * torch.logdet(torch.eye(d, device=z.device) + d / (n * 0.2) * view.T @ view) / len(z)
    return -200 * similarity - rate


def objective(rounds: int) -> list[Ratio]:
    """The objective's time against the loop's."""
    z = F.normalize(torch.randn(16, 100, 1024, generator=torch.Generator().manual_seed(0)), dim=2).to(DEVICE)
    z.requires_grad_()
    contestants = {"ours": emp_ssl, "loop": loop_of_determinants}
    found = take_turns({name: lambda loss=loss: gradient(loss, z) for name, loss in contestants.items()}, rounds)
    what = "EMP-SSL objective at 16 × 100 × 1024, forward and backward, against the loop of d × d determinants"
    return [best_of(f"{what}: times as fast", found, "ours", "loop", target=30)]


def gradient(loss: Callable[[Tensor], Tensor], z: Tensor) -> None:
    """Of a loss by its embeddings."""
    torch.autograd.grad(loss(z), z)
    if DEVICE.type == "cuda":
        torch.cuda.synchronize()


def step(options: argparse.Namespace) -> list[Ratio]:
    """A training step's time against bare passes of its network."""
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

    found = take_turns({"step": train, "bare passes": bare}, options.rounds)
    size = f"{options.batch_size} images × {options.views} views × {options.replays} replays, {options.encoder}"
    what = f"CF-AMC-SSL step, {size}, {'bf16' if bf16 else 'float32'}, over its bare passes"
    return [times_as_long(what, found, "step", "bare passes", target=1.05)]


def main() -> None:
    """Both, with the command line's settings."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--views", type=int, default=16)
    parser.add_argument("--replays", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--encoder", default="timm/resnet18")
    parser.add_argument("--precision", default="auto", choices=("auto", "32", "bf16"))
    parser.add_argument("--objective-alone", action="store_true")
    options = parser.parse_args()
    ratios = [*objective(options.rounds), *([] if options.objective_alone else step(options))]
    finish("cf_amc_ssl", ratios, settings=f"{DEVICE}, {torch.get_num_threads()} threads, {options.rounds} rounds")


if __name__ == "__main__":
    main()
