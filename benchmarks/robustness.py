"""What attacks cost beside the passes of the network that they cannot do without.

    python benchmarks/robustness.py [--batch-size 32] [--steps 5] [--queries 20] [--rounds 4] [--encoder timm/resnet18]

Prints, for images of 32 pixels on a CPU: the seconds of `pgd` (steps forward and backward passes and one forward
pass) divided by those of the same bare passes, in both norms; the same through the shell that audits use, whose images
are never broken here, and of APGD there; and the seconds of Square's queries divided by bare forward passes. Rounds
take turns, so that a change of the machine's speed meets all of them; each number is the best round's, of the
processor's time.
"""

import argparse
import time
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from holdfast.attacks import Apgd, Goal, Pgd, Square, cross_entropy, pgd, run
from holdfast.models import create_encoder


def bare_forward_backward(model: Callable[[Tensor], Tensor], images: Tensor, labels: Tensor, passes: int) -> None:
    """The passes that PGD needs, without steps, projections or records."""
    for _ in range(passes):
        point = images.clone().requires_grad_()
        torch.autograd.grad(F.cross_entropy(model(point), labels, reduction="sum"), point)


@torch.no_grad()
def bare_forward(model: Callable[[Tensor], Tensor], images: Tensor, passes: int) -> None:
    """The passes that Square needs."""
    for _ in range(passes):
        model(images)


def seconds(work: Callable[[], object]) -> float:
    """Of the processor's time in one call: what else runs on the machine counts less than in a clock's."""
    start = time.process_time()
    work()
    return time.process_time() - start


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--queries", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--encoder", default="timm/resnet18")
    options = parser.parse_args()
    encoder = create_encoder(options.encoder, image_size=32).eval().to(memory_format=torch.channels_last)

    def model(images: Tensor) -> Tensor:
        return encoder(images.contiguous(memory_format=torch.channels_last))

    generator = torch.Generator().manual_seed(0)
    images = torch.rand(options.batch_size, 3, 32, 32, generator=generator)
    labels = torch.randint(0, 10, (options.batch_size,), generator=generator)
    goal = Goal(model=model, references=labels, harm=cross_entropy, margin=cross_entropy)

    def harm(perturbed: Tensor) -> Tensor:
        return F.cross_entropy(model(perturbed), labels, reduction="none")

    steps, queries, eps = options.steps, options.queries, 8 / 255
    work: dict[str, Callable[[], object]] = {
        "bare forward and backward": lambda: bare_forward_backward(model, images, labels, steps),
        "bare forward": lambda: bare_forward(model, images, queries),
        "one forward": lambda: bare_forward(model, images, 1),
        "pgd, linf": lambda: pgd(harm, images, eps=eps, step=0.01, steps=steps),
        "pgd, l2": lambda: pgd(harm, images, eps=0.5, step=0.1, steps=steps, norm="l2"),
        "shell, linf": lambda: run(Pgd(step_length=0.01, steps=steps), goal, images, eps=eps),
        "apgd, linf": lambda: run(Apgd(steps=steps), goal, images, eps=eps),
        "apgd, l2": lambda: run(Apgd(steps=steps), goal, images, eps=0.5, norm="l2"),
        "square, linf": lambda: run(Square(queries=queries), goal, images, eps=eps),
        "square, l2": lambda: run(Square(queries=queries), goal, images, eps=0.5, norm="l2"),
    }
    best = {name: float("inf") for name in work}
    for _ in range(options.rounds):
        for name, function in work.items():
            best[name] = min(best[name], seconds(function))
    needed = best["bare forward and backward"] + best["one forward"]
    print(f"{options.encoder}, {options.batch_size} images of 32 px, {torch.get_num_threads()} threads")
    print(f"bare: {1000 * best['bare forward and backward'] / steps:.0f} ms a forward and backward pass of the batch")
    for name in ("pgd, linf", "pgd, l2", "shell, linf", "apgd, linf", "apgd, l2"):
        print(f"{name:13} {best[name] / needed:.3f} x its passes ({steps} forward and backward, 1 forward)")
    for name in ("square, linf", "square, l2"):
        print(f"{name:13} {best[name] / best['bare forward']:.3f} x its passes ({queries} forward)")


if __name__ == "__main__":
    main()
