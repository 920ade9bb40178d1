"""PGD: projected gradient ascent on a harm, with random starts (Madry et al. 2018, arXiv:1706.06083).

A row that comes back to a perturbation it has been at goes round for ever, and stops (arXiv:2503.19347).
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from holdfast.attacks.harms import HARMS, Goal
from holdfast.attacks.lp import Norm, ascent, check_pixels, per_image, random_start
from holdfast.attacks.problem import Attack, Problem, State, Trial, asked
from holdfast.attacks.shell import run


@dataclass(frozen=True, kw_only=True)
class Pgd(Attack):
    """Steps of the ball's own norm, each followed by a projection; a broken image stops."""

    step_length: float
    """Length of a step, in pixels."""
    steps: int = 20
    """Forward and backward passes of each start; the last point costs one more forward pass."""
    random_start: bool = False
    """Whether the first start is drawn from the ball too; all later ones are."""
    restarts: int = 1
    """How many starts."""
    harms: tuple[str, ...] = ()
    """Names in HARMS that the starts climb in turn; none: the goal's own harm."""
    stop_at_cycles: bool = True
    """In l-infinity: stop a row that has come back to a point. Only a model that draws at random could leave it."""
    first: int = 0
    """Number of the first start: another one is another draw."""

    @property
    def variants(self) -> int:
        return self.restarts

    def start(self, problem: Problem) -> State:
        """The images themselves or points of the ball; an anchor to compare later points with."""
        images = problem.images
        drawn = (problem.variant + self.first > 0) | self.random_start
        if drawn.any():
            keys = problem.drawn(self.first)
            points = random_start(images, eps=problem.eps, norm=problem.norm, keys=keys)
            images = torch.where(per_image(drawn, images), points, images)
        age = torch.zeros(len(images), dtype=torch.int64, device=images.device)
        return {"images": images, "age": age, **({"anchor": images} if self._watches(problem) else {})}

    def step(self, problem: Problem, state: State) -> tuple[Trial, State]:
        """Asks about the points, and climbs."""
        last = state["age"] >= self.steps
        images, outputs, gradient = self._asked(problem, state, gradient=not bool(last.all()))
        state = {**state, "age": state["age"] + 1}
        state["images"] = problem.within(images + ascent(gradient, step=self.step_length, norm=problem.norm))
        if "anchor" in state:
            last, state["anchor"] = self._returned(state, last)
        return Trial(images, outputs, done=last), state

    def _watches(self, problem: Problem) -> bool:
        return self.stop_at_cycles and problem.norm == "linf"

    def _returned(self, state: State, last: Tensor) -> tuple[Tensor, Tensor]:
        """(rows that are done, the anchors): Brent's search, whose anchor moves up at every power of two."""
        images, anchor, age = state["images"], state["anchor"], state["age"]
        same = (images == anchor).flatten(1).all(1)
        moves = (age & (age - 1)) == 0
        if moves.any():
            anchor = torch.where(per_image(moves, images), images, anchor)
        return last | same, anchor

    def _asked(self, problem: Problem, state: State, *, gradient: bool) -> tuple[Tensor, Tensor, Tensor]:
        """(images, outputs, gradient), each row of its own harm."""

        def harm(outputs: Tensor) -> Tensor:
            if not self.harms:
                return problem.harm(outputs)
            values = [problem.measured(HARMS[name], outputs) for name in self.harms]
            turn = (problem.variant + self.first) % len(values)
            return torch.stack(values).gather(0, turn[None])[0]

        outputs, _, found = asked(problem, state["images"], harm, gradient=gradient)
        return state["images"], outputs, found


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
    many forward passes as restarts. Raises ValueError for images outside [0, 1], a harm that is
    not [n], and a network in training mode, whose batch norms the attack would move.
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

    goal = Goal(model=model, references=images.new_zeros(len(images)), harm=_itself, margin=_itself)
    best, most = images, torch.full((len(images),), -torch.inf, dtype=torch.float64)
    for start in range(restarts):  # one at a time and whole: the harm is of all images at once
        attack = Pgd(step_length=step, steps=steps, random_start=random_start, first=start, stop_at_cycles=False)
        found = run(
            attack, goal, images, eps=eps, norm=norm, seed=seed, ids=ids, batch_size=max(1, len(images)),
            keep_images=True,
        )  # fmt: skip
        assert found.images is not None
        more = found.margin >= most
        best = torch.where(per_image(more, images).to(images.device), found.images.to(images.device), best)
        most = torch.where(more, found.margin, most)
    return best.detach()


def _itself(outputs: Tensor, _: Tensor) -> Tensor:
    return outputs[:, 0]
