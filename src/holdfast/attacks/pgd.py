"""PGD: projected gradient ascent on a harm, with random starts (Madry et al. 2018, arXiv:1706.06083)."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from holdfast.attacks.harms import HARMS, Goal
from holdfast.attacks.lp import Norm, ascent, check_pixels, random_start
from holdfast.attacks.shell import Problem, Search, Trial, run
from holdfast.randomness import fold


@dataclass(frozen=True, kw_only=True)
class Pgd:
    """Steps of the ball's own norm, each followed by a projection; a broken image stops."""

    step: float
    """Length of a step, in pixels."""
    steps: int = 20
    """Forward and backward passes of each start; the last point costs one more forward pass."""
    random_start: bool = False
    """Whether the first start is drawn from the ball too; all later ones are."""
    restarts: int = 1
    """How many starts."""
    harms: tuple[str, ...] = ()
    """Names in HARMS that the starts climb in turn; none: the goal's own harm."""

    def search(self, problem: Problem) -> Search:
        """One ascent after another; trial i of a start is the point after i steps."""
        for start in range(self.restarts):
            images = problem.images
            if self.harms:
                problem = problem.raising(HARMS[self.harms[start % len(self.harms)]])
            if self.random_start or start:
                keys = fold(problem.keys, start)
                images = random_start(images, eps=problem.eps, norm=problem.norm, keys=keys)
            for number in range(self.steps + 1):
                trial, gradient = _tried(problem, images, last=number == self.steps)
                stays = yield trial
                if not stays.all():
                    problem, images, gradient = problem.keep(stays), images[stays], gradient[stays]
                if number < self.steps:
                    images = problem.within(images + ascent(gradient, step=self.step, norm=problem.norm))


def _tried(problem: Problem, images: Tensor, *, last: bool) -> tuple[Trial, Tensor]:
    """The model's answer to images [m, ...], and the gradient of the harm there; zero at the last point."""
    with torch.set_grad_enabled(not last):
        point = images.detach().requires_grad_(not last)
        outputs = problem.goal.model(point)
        if not outputs.requires_grad:  # the last point, or a model that passes no gradient on
            return Trial(images, outputs.detach()), torch.zeros_like(images)
        # Of the pixels alone: the weights' gradients are neither computed nor left behind.
        (gradient,) = torch.autograd.grad(problem.harm(outputs).sum(), point, allow_unused=True)
    return Trial(images, outputs.detach()), torch.zeros_like(images) if gradient is None else gradient


def pgd(
    harm: Callable[[Tensor], Tensor],
    images: Tensor,
    *,
    eps: float,
    step: float,
    steps: int,
    norm: Norm = "linf",
    random_start: bool = True,
    restarts: int = 1,
    seed: int = 0,
    ids: Tensor | None = None,
) -> Tensor:
    """The most harmful images [n, ...] that projected gradient ascent meets within eps of images, and within [0, 1].

    harm: images [n, ...] -> [n], each of its own image, larger where more harm is done; it may measure anything that
    has a gradient, so labels are not needed. eps and step are in pixels (8/255, not 8) and in norm 'linf' or 'l2'.
    Starts are uniform in the ball, or at the images for the first one without random_start. Draws depend on seed and
    ids [n] (by default the rows' places), not on the batch. Cost: restarts × steps forward and backward passes and as
    many forward passes as restarts. Raises ValueError for images outside [0, 1] and a harm that is not [n].
    """
    check_pixels(images)
    if steps < 0 or restarts < 1 or step < 0:
        raise ValueError(f"expected steps >= 0, step >= 0 and restarts >= 1, got {steps}, {step} and {restarts}")

    def model(perturbed: Tensor) -> Tensor:
        harms = harm(perturbed)
        if harms.shape != images.shape[:1]:
            raise ValueError(
                f"expected a harm [{len(images)}], one per image, got {list(harms.shape)}; do not reduce it"
            )
        return harms[:, None]

    attack = Pgd(step=step, steps=steps, random_start=random_start, restarts=restarts)
    goal = Goal(model=model, references=images.new_zeros(len(images)), harm=_itself, margin=_itself)
    batch = max(1, len(images))  # in one: the harm is of all images at once
    found = run(attack, goal, images, eps=eps, norm=norm, seed=seed, ids=ids, batch_size=batch, keep_images=True).images
    assert found is not None
    return found.to(images.device)


def _itself(outputs: Tensor, _: Tensor) -> Tensor:
    return outputs[:, 0]
