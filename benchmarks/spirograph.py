"""Spirograph's separable renderer against the vectorised direct form: the whole grid of squared distances.

    python benchmarks/spirograph.py [--batch-size 256] [--rounds 5] [--threads 2]

Prints milliseconds, forward and forward with backward, and their ratios (at least 50 asked of both together). The
direct form broadcasts [n, 40, 32, 32] squared distances to one exponential, as an obvious vectorisation of the
equation would. Rounds take turns, so that a change of the machine's speed meets both; each time is the best round's.
"""

import argparse
import math
import time
from collections.abc import Callable

import torch
from torch import Tensor

from holdfast.data import render_spirograph
from holdfast.data.spirograph import COLUMNS, to_ranges


def direct(parameters: Tensor) -> Tensor:
    """The same pictures by the full grid of distances."""
    m, b, h, sigma = (column[:, None] for column in parameters[:, :4].unbind(1))
    t = torch.linspace(0, 2 * math.pi, 40)
    x = (m - h) * t.cos() + h * ((m - h) / b * t).cos()
    y = (m - h) * t.sin() - h * ((m - h) / b * t).sin()
    grid = torch.linspace(-6, 6, 32)
    distance = (grid[:, None] - x[..., None, None]) ** 2 + (grid - y[..., None, None]) ** 2  # [n, 40, 32, 32]
    ink = torch.exp(-distance / sigma[..., None, None]).mean(1)
    ink = (ink / (ink.amax((1, 2), keepdim=True) + 1e-8))[:, None]
    fore, back = parameters[:, 4::2, None, None], parameters[:, 5::2, None, None]
    return ink * fore + (1 - ink) * back


def timed(work: Callable[[], object]) -> float:
    """Milliseconds of one call."""
    start = time.perf_counter()
    work()
    return 1000 * (time.perf_counter() - start)


def main() -> None:
    """Takes turns and prints."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--batch-size", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    draws = torch.rand(options.batch_size, len(COLUMNS), generator=torch.Generator().manual_seed(0))
    parameters = to_ranges(draws).requires_grad_()
    weights = torch.rand(options.batch_size, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    forms = {"separable": render_spirograph, "direct": direct}
    error = float((render_spirograph(parameters) - direct(parameters)).detach().abs().max())
    times: dict[tuple[str, str], list[float]] = {}
    for round_ in range(options.rounds + 1):
        for name, render in forms.items():
            both = {
                "forward": lambda render=render: render(parameters.detach()),
                "forward and backward": lambda render=render: torch.autograd.grad(
                    (weights * render(parameters)).sum(), parameters
                ),
            }
            for what, work in both.items():
                spent = min(timed(work) for _ in range(30 if name == "separable" else 1))
                if round_:
                    times.setdefault((name, what), []).append(spent)
    print(f"batch {options.batch_size}, {options.threads} threads, float32, largest difference of a pixel {error:.1e}")
    for what in ("forward", "forward and backward"):
        ours, theirs = (min(times[name, what]) for name in forms)
        print(f"{what}: separable {ours:.2f} ms, direct {theirs:.1f} ms, ratio {theirs / ours:.0f} (at least 50 asked)")


if __name__ == "__main__":
    main()
