"""What the invariance penalty costs: a step of plain SimCLR against its pair and vjp forms.

    python benchmarks/invariance.py [--batch-size 64] [--encoder timm/resnet18] [--precision auto|32|bf16] [--rounds 3]

Prints seconds of forward, backward and optimiser step on resident images, and ratios to the plain step (pair: at most
1.6 asked). vjp is the authors' double backward with 100 draws; 'vjp, expected' takes the expectation over draws in
closed form. Rounds take turns; each time is the best round's.
"""

import argparse
import time

import torch

from holdfast.config import RunConfig
from holdfast.data import Batch
from holdfast.engine.optim import make_optimizer
from holdfast.engine.session import resolve_precision
from holdfast.methods import METHODS, Method, build, with_settings

FORMS = {
    "plain": {},
    "pair": {"penalty": "invariance:0.1", "penalty_form": "pair"},
    "vjp": {"penalty": "invariance:0.1", "penalty_form": "vjp", "penalty_clip": "none"},
    "vjp, expected": {"penalty": "invariance:0.1", "penalty_form": "vjp", "penalty_clip": "none", "penalty_draws": 0},
}


def step(method: Method, optimizer: torch.optim.Optimizer, batch: Batch, bf16: bool) -> float:
    """Seconds of one."""
    start = time.perf_counter()
    with torch.autocast(batch.images.device.type, torch.bfloat16, enabled=bf16):
        loss = method.loss(method.views(batch))
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
    if batch.images.device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - start


def main() -> None:
    """Takes turns and prints."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--encoder", default="timm/resnet18")
    parser.add_argument("--method", default="simclr", choices=list(METHODS))
    parser.add_argument("--precision", default="auto", choices=("auto", "32", "bf16"))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    bf16 = resolve_precision(options.precision, device) == "bf16"
    images = torch.rand(options.batch_size, 3, 32, 32, generator=torch.Generator().manual_seed(0)).to(device)
    batch = Batch(images, torch.arange(options.batch_size, device=device), 0)
    plain = RunConfig(method=METHODS[options.method].Config(), encoder=options.encoder)
    made = {name: build(with_settings(plain, **form), image_size=32).train() for name, form in FORMS.items()}
    made = {name: m.to(device).to(memory_format=torch.channels_last) for name, m in made.items()}  # type: ignore[call-overload]
    optimizers = {name: make_optimizer(plain, method) for name, method in made.items()}
    times: dict[str, list[float]] = {name: [] for name in FORMS}
    for _ in range(options.rounds + 1):
        for name, method in made.items():
            times[name].append(step(method, optimizers[name], batch, bf16))
    best = {name: min(each[1:]) for name, each in times.items()}
    print(
        f"{options.method}, {options.encoder}, batch {options.batch_size}, {'bf16' if bf16 else 'float32'}, {device}, "
        f"{options.threads} threads: "
        + ", ".join(f"{name} {seconds:.3f} s ({seconds / best['plain']:.2f} ×)" for name, seconds in best.items())
    )


if __name__ == "__main__":
    main()
