"""APGD: gradient ascent whose step halves itself where it stops paying (Croce and Hein 2020, arXiv:2003.01690)."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from holdfast.attacks.harms import HARMS
from holdfast.attacks.lp import ascent, length, per_image
from holdfast.attacks.problem import Problem, State, Trial, asked
from holdfast.randomness import uniform

RISES = 0.75
"""rho: a window in which the harm rose in no larger share of steps halves the step."""
NEW = 0.75
"""a: the share of the gradient's step; the rest is the last step's momentum."""


@lru_cache
def windows(steps: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """(steps after which the step length is looked at, length of the window before each)."""
    span, shorter, least = (max(int(share * steps), 1) for share in (0.22, 0.03, 0.06))
    at, spans, now = [], [], 0
    while now + span <= steps:
        now += span
        at.append(now)
        spans.append(span)
        span = max(span - shorter, least)
    return tuple(at), tuple(spans)


def sphere_start(images: Tensor, *, eps: float, norm: str, keys: Tensor) -> Tensor:
    """Points [m, ...] on the sphere of radius eps by keys [m], then brought into [0, 1]."""
    draws = uniform(keys.to(images.device), images[:1].numel()).to(images.dtype)
    if norm == "linf":
        direction = (2 * draws - 1).reshape(images.shape)
        size = length(direction, "linf")
    else:
        direction = torch.special.ndtri(draws.double() + 2.0**-25).to(images.dtype).reshape(images.shape)
        size = length(direction, "l2")
    return (images + eps * direction / per_image(size, images).clamp(min=1e-12)).clamp(0, 1)


@dataclass(frozen=True, kw_only=True)
class Apgd:
    """Ascent with momentum, a step that halves itself per image, and returns to the best point where it does."""

    harm: str | None = None
    """A name in HARMS; None: the goal's own."""
    steps: int = 100
    """Forward and backward passes after that of the start."""
    restarts: int = 1
    repeats: int = 1
    """Passes whose gradients are averaged, for a model that draws at random (EOT)."""

    @property
    def variants(self) -> int:
        return self.restarts

    @property
    def refills(self) -> bool:
        return True

    def start(self, problem: Problem) -> State:
        """Points on the sphere."""
        images = sphere_start(problem.images, eps=problem.eps, norm=problem.norm, keys=problem.drawn(0))
        return fresh_state(problem, images)

    def step(self, problem: Problem, state: State) -> tuple[Trial, State]:
        """Asks about the points, and climbs the harm."""
        harm = None if self.harm is None else HARMS[self.harm]

        def measured(outputs: Tensor) -> Tensor:
            return problem.measured(harm, outputs)

        positive = self.harm in ("log_odds", "scaled_log_odds")  # they stand for cross-entropy
        return climbed(problem, state, measured, steps=self.steps, repeats=self.repeats, positive=positive)


@dataclass(frozen=True, kw_only=True)
class ApgdTargeted:
    """APGD towards each of the most likely wrong classes in turn; any wrong answer is a success."""

    targets: int = 9
    """Wrong classes, by the clean logits; all where there are fewer."""
    steps: int = 100
    """Forward and backward passes after that of the start."""

    @property
    def variants(self) -> int:
        return self.targets

    @property
    def refills(self) -> bool:
        return True

    def start(self, problem: Problem) -> State:
        """Points on the sphere, and the class that each row aims at; -1 where there is no such class."""
        images = sphere_start(problem.images, eps=problem.eps, norm=problem.norm, keys=problem.drawn(0))
        return {**fresh_state(problem, images), "target": aims(problem)}

    def step(self, problem: Problem, state: State) -> tuple[Trial, State]:
        """Asks about the points, and climbs the targeted DLR."""
        target = state["target"].clamp(min=0)

        def measured(outputs: Tensor) -> Tensor:
            return targeted_dlr(outputs, problem.goal.references, target)

        trial, state = climbed(problem, state, measured, steps=self.steps)
        assert trial.done is not None
        return trial._replace(done=trial.done | (state["target"] < 0)), state


def targeted_dlr(logits: Tensor, labels: Tensor, targets: Tensor) -> Tensor:
    """The target's logit less the label's, over the gap of the first to the mean of the third and fourth (eq. 6).

    With three classes the gap is that of the first to the third; with two there is none.
    """
    rows = torch.arange(len(logits), device=logits.device)
    lead = logits[rows, targets] - logits[rows, labels]
    if logits.shape[1] < 3:
        return lead
    top = logits.topk(min(4, logits.shape[1]), dim=1).values
    return lead / (top[:, 0] - top[:, 2:].mean(1)).clamp(min=1e-12)


@torch.no_grad()
def aims(problem: Problem) -> Tensor:
    """The class [m] that each row aims at: of the clean logits, ranked, the second for variant 0 and so on; else -1."""
    logits = problem.goal.model(problem.images)
    ranked, rank = logits.argsort(1, descending=True), problem.variant + 1
    found = ranked.gather(1, rank.clamp(max=logits.shape[1] - 1)[:, None])[:, 0]
    return torch.where(rank < logits.shape[1], found, -1)


def fresh_state(problem: Problem, images: Tensor) -> State:
    """What is remembered of rows that start at images."""
    rows, none = len(images), images.new_zeros(len(images))
    return {
        "images": images,
        "previous": images,
        "best": images,
        "best_gradient": torch.zeros_like(images),
        "best_harm": none,
        "harm": none,
        "checked_harm": none,
        "size": torch.full_like(none, 2 * problem.eps),
        "rises": none,
        "halved": torch.ones(rows, dtype=torch.bool, device=images.device),
        "age": torch.zeros(rows, dtype=torch.int64, device=images.device),
    }


def climbed(
    problem: Problem,
    state: State,
    harm: Callable[[Tensor], Tensor],
    *,
    steps: int,
    repeats: int = 1,
    positive: bool = False,
) -> tuple[Trial, State]:
    """One step of the ascent: the trial, and where to go next.

    positive: the first step is held against a harm of zero, not of the start, as the reference does: one that stands
    for cross-entropy rises then.
    """
    images, age = state["images"], state["age"]
    done = age >= steps
    outputs, values, gradient = asked(problem, images, harm, repeats=repeats, gradient=not bool(done.all()))
    trial = Trial(images, outputs, done=done)
    if bool(done.all()):
        return trial, state
    first = age == 0
    before = torch.where(age == 1, -torch.inf if positive else 0.0, state["harm"])
    state = {**state, "rises": state["rises"] + ((values > before) & ~first), "harm": values}
    state = _bettered(state, images, gradient, values, first)
    images, gradient, state = _checked(state, images, gradient, steps)
    state["images"] = _moved(problem, state, images, gradient)
    state["previous"], state["age"] = images, age + 1
    return trial, state


def _bettered(state: State, images: Tensor, gradient: Tensor, values: Tensor, first: Tensor) -> State:
    better = first | (values > state["best_harm"])
    rows = per_image(better, images)
    return {
        **state,
        "best": torch.where(rows, images, state["best"]),
        "best_gradient": torch.where(rows, gradient, state["best_gradient"]),
        "best_harm": torch.where(better, values, state["best_harm"]),
        "checked_harm": torch.where(first, values, state["checked_harm"]),
    }


def _checked(state: State, images: Tensor, gradient: Tensor, steps: int) -> tuple[Tensor, Tensor, State]:
    """(images, gradient, state): where a window ends without enough rises, half the step and back to the best."""
    at, spans = windows(steps)
    span = torch.zeros_like(state["rises"])
    for end, size in zip(at, spans, strict=True):
        span = span + size * (state["age"] == end)
    ends = span > 0
    if not ends.any():
        return images, gradient, state
    halves = (state["rises"] <= RISES * span) | (~state["halved"] & (state["checked_harm"] >= state["best_harm"]))
    halves = halves & ends
    rows = per_image(halves, images)
    images, gradient = (
        torch.where(rows, state["best"], images),
        torch.where(rows, state["best_gradient"], gradient),
    )
    state = {
        **state,
        "size": torch.where(halves, state["size"] / 2, state["size"]),
        "halved": torch.where(ends, halves, state["halved"]),
        "checked_harm": torch.where(ends, state["best_harm"], state["checked_harm"]),
        "rises": torch.where(ends, 0, state["rises"]),
    }
    return images, gradient, state


def _moved(problem: Problem, state: State, images: Tensor, gradient: Tensor) -> Tensor:
    """The next points: a step up the gradient, mixed with the last step's momentum."""
    up = ascent(gradient, step=1.0, norm=problem.norm) * per_image(state["size"], images)
    stepped = problem.within(images + up)
    share = per_image(torch.where(state["age"] == 0, 1.0, NEW).to(images.dtype), images)
    return problem.within(images + share * (stepped - images) + (1 - share) * (images - state["previous"]))
