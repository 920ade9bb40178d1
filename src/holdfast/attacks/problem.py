"""What an attack is given and what it answers with: the words that attacks and the shell share."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from holdfast.attacks.harms import Goal, Measure
from holdfast.attacks.lp import Norm, edges, within
from holdfast.randomness import fold

State = dict[str, Tensor]
"""What an attack remembers of each row [m, ...]; 'images' is what it asks the model about next."""


@dataclass(frozen=True, kw_only=True)
class Problem:
    """The rows that an attack works on, and what it may do to them: an image has a row for each variant."""

    goal: Goal
    images: Tensor
    """[m, ...] in [0, 1], clean."""
    keys: Tensor
    """[m] int64, one per image and attack: every draw comes from them."""
    shared: Tensor
    """A scalar int64 key: draws that are the same for all images come from it."""
    variant: Tensor
    """[m] int64: which of the attack's starts or targets a row is."""
    eps: float
    norm: Norm
    room: int = 0
    """Images that the model may be asked about at once; fewer than rows: an image a row."""

    @cached_property
    def edges(self) -> tuple[Tensor, Tensor]:
        """Least and largest pixels [m, ...] of the l-infinity ball."""
        return edges(self.images, eps=self.eps)

    def keep(self, stays: Tensor) -> "Problem":
        """The problem for the rows where stays [m] is True, or at positions."""
        stays = positions(stays)
        rows = {name: getattr(self, name).index_select(0, stays) for name in ("images", "keys", "variant")}
        return replace(self, goal=self.goal.rows(stays), **rows)

    def joined(self, other: "Problem") -> "Problem":
        """The rows of both."""
        rows = {name: torch.cat([getattr(self, name), getattr(other, name)]) for name in ("images", "keys", "variant")}
        references = torch.cat([self.goal.references, other.goal.references])
        return replace(self, goal=replace(self.goal, references=references), **rows)

    def within(self, perturbed: Tensor) -> Tensor:
        """Perturbed images [m, ...] brought into the budget and the pixel range."""
        return self.hold(perturbed.clone())

    def hold(self, perturbed: Tensor) -> Tensor:
        """Brings perturbed images [m, ...] within in place, and returns them."""
        if self.norm == "linf":
            return perturbed.clamp_(*self.edges)
        return perturbed.copy_(within(self.images, perturbed, eps=self.eps, norm=self.norm))

    def harm(self, outputs: Tensor) -> Tensor:
        """The goal's harm [m] of the model's outputs [m, k]."""
        return self.goal.harm(outputs, self.goal.references)

    def measured(self, harm: Measure | None, outputs: Tensor) -> Tensor:
        """Another harm [m] of the outputs against the references; None: the goal's own."""
        return self.harm(outputs) if harm is None else harm(outputs, self.goal.references)

    def drawn(self, purpose: int) -> Tensor:
        """Keys [m] for draws of a purpose, another one for each variant."""
        return fold(fold(self.keys, self.variant), purpose)


class Trial(NamedTuple):
    """Images [m, ...] that an attack has asked the model about, and the answer [m, k]."""

    images: Tensor
    outputs: Tensor
    claims: Tensor | None = None
    """Bool [m]: which of the images it offers to the shell's test; None: all. Others may lie outside the budget."""
    done: Tensor | None = None
    """Bool [m]: rows that the attack can do no more for; None: none."""
    number: Tensor | None = None
    """int64 [m]: how many trials each row has had before this one; None: as many as steps."""


class Attack(Protocol):
    """What the shell runs: a start, and steps that each ask the model about one image a row."""

    @property
    def variants(self) -> int:
        """Rows of an image: starts or targets that run side by side and leave together."""
        return 1

    @property
    def refills(self) -> bool:
        """Whether new rows may join others that have gone some steps."""
        return True

    def start(self, problem: Problem) -> State:
        """What is remembered of new rows."""
        ...

    def step(self, problem: Problem, state: State) -> tuple[Trial, State]:
        """Asks the model about the state's images, and says what to ask about next."""
        ...


def positions(chosen: Tensor) -> Tensor:
    """Positions [k] of the rows that are chosen: of bool [m], or positions already."""
    return chosen.nonzero()[:, 0] if chosen.dtype == torch.bool else chosen


def kept_rows(state: State, stays: Tensor) -> State:
    """The state of the rows where stays [m] is True, or at positions."""
    stays = positions(stays)
    return {name: value.index_select(0, stays) for name, value in state.items()}


def asked(
    problem: Problem, images: Tensor, harm: Callable[[Tensor], Tensor], *, repeats: int = 1, gradient: bool = True
) -> tuple[Tensor, Tensor, Tensor]:
    """(outputs [m, k], harm [m], its gradient [m, ...]) of the model at images; a gradient of zero where there is none.

    repeats: passes whose gradients are averaged, for a model that draws at random; outputs and harm are the last one's.
    """
    total: Tensor | None = None
    outputs = values = images
    for _ in range(repeats):
        with torch.set_grad_enabled(gradient):
            point = images.detach().requires_grad_(gradient)
            outputs = problem.goal.model(point)
            values = harm(outputs)
            found = None
            if gradient and outputs.requires_grad:
                # Of the pixels alone: the weights' gradients are neither computed nor left behind.
                (found,) = torch.autograd.grad(values.sum(), point, allow_unused=True)
        if found is not None:
            total = found if total is None else total + found
    total = torch.zeros_like(images) if total is None else total
    return outputs.detach(), values.detach(), total if repeats == 1 else total / repeats
