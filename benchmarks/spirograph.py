"""Spirograph's separable renderer against the vectorised direct form: the whole grid of squared distances.

    python benchmarks/spirograph.py [--batch-size 256] [--rounds 5] [--threads 2]

Prints milliseconds, forward and forward with backward, and their ratios (at least 80 asked of both together). The
direct form broadcasts [n, 40, 32, 32] squared distances to one exponential, as an obvious vectorisation of the
equation would. Rounds take turns, so that a change of the machine's speed meets both; each time is the best round's.
"""

import argparse
import math
from collections.abc import Callable

import torch
from measuring import Spent, best_of, finish, spent, take_turns
from torch import Tensor

from holdfast.data import render_spirograph
from holdfast.data.spirograph import COLUMNS, to_ranges

Render = Callable[[torch.Tensor], torch.Tensor]


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
    error = float((render_spirograph(parameters) - direct(parameters)).detach().abs().max())

    def forward(render: Render) -> None:
        render(parameters.detach())

    def both(render: Render) -> None:
        torch.autograd.grad((weights * render(parameters)).sum(), parameters)

    ratios = []
    for what, work, target in (("forward", forward, None), ("forward and backward", both, 80.0)):

        def ours(work: Callable[[Render], None] = work) -> Spent:
            return min((spent(lambda: work(render_spirograph)) for _ in range(30)), key=lambda one: one.wall)

        rounds = take_turns({"separable": ours, "direct": lambda work=work: work(direct)}, options.rounds)
        title = f"Spirograph renderer, batch {options.batch_size}, {what}, against the direct form: times as fast"
        ratios.append(best_of(title, rounds, "separable", "direct", target=target))
    size = f"batch {options.batch_size}, {options.threads} threads, float32, largest difference of a pixel {error:.1e}"
    finish("spirograph", ratios, settings=size)


if __name__ == "__main__":
    main()
