"""APGD: gradient ascent whose step halves itself where it stops paying (Croce and Hein 2020, arXiv:2003.01690)."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from holdfast.attacks.harms import HARMS
from holdfast.attacks.lp import direction, drawn_direction, per_image
from holdfast.attacks.problem import Attack, Problem, State, Trial, asked

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


@lru_cache
def spans_after(steps: int, device: torch.device) -> Tensor:
    """[steps + 1]: the length of the window that ends after so many steps, 0 where none does."""
    spans = torch.zeros(steps + 1)
    for end, span in zip(*windows(steps), strict=True):
        spans[end] = span
    return spans.to(device)


def sphere_start(problem: Problem) -> Tensor:
    """Points [m, ...] on the sphere, brought into [0, 1]."""
    images, keys = problem.images, problem.drawn(0)
    return (images + problem.eps * drawn_direction(images, norm=problem.norm, keys=keys)).clamp_(0, 1)


@dataclass(frozen=True, kw_only=True)
class Apgd(Attack):
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

    def start(self, problem: Problem) -> State:
        """Points on the sphere."""
        return fresh_state(problem, sphere_start(problem))

    def step(self, problem: Problem, state: State) -> tuple[Trial, State]:
        """Asks about the points, and climbs the harm."""
        harm = None if self.harm is None else HARMS[self.harm]

        def measured(outputs: Tensor) -> Tensor:
            return problem.measured(harm, outputs)

        positive = self.harm in ("log_odds", "scaled_log_odds")  # they stand for cross-entropy
        return climbed(problem, state, measured, steps=self.steps, repeats=self.repeats, positive=positive)


@dataclass(frozen=True, kw_only=True)
class ApgdTargeted(Attack):
    """APGD towards each of the most likely wrong classes in turn; any wrong answer is a success."""

    targets: int = 9
    """Wrong classes, by the clean logits; all where there are fewer."""
    steps: int = 100
    """Forward and backward passes after that of the start."""

    @property
    def variants(self) -> int:
        return self.targets

    def start(self, problem: Problem) -> State:
        """Points on the sphere, and the class that each row aims at; -1 where there is no such class."""
        return {**fresh_state(problem, sphere_start(problem)), "target": aims(problem)}

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
        "previous": images.clone(),
        "best": images.clone(),
        "best_way": torch.zeros_like(images),
        "best_harm": none - torch.inf,
        "harm": none + torch.inf,  # so that the start is no rise
        "checked_harm": none,
        "size": none + 2 * problem.eps,
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
    last = bool(done.all())
    outputs, values, gradient = asked(problem, images, harm, repeats=repeats, gradient=not last)
    trial = Trial(images, outputs, done=done)
    if last:
        return trial, state
    first, better = age == 0, values > state["best_harm"]
    state = {
        **state,
        "rises": state["rises"] + (values > state["harm"]),
        "harm": torch.where(first, -torch.inf if positive else 0.0, values),
        "best_harm": torch.where(better, values, state["best_harm"]),
        "age": age + 1,
    }
    span = spans_after(steps, age.device)[age.clamp(max=steps)]
    here, way = _gone_back(state, images, _keep_best(problem, state, gradient, better), span)
    share = per_image(torch.where(first, 1.0, NEW).to(images.dtype), images)
    state["images"], state["previous"] = _moved(problem, state, here, way, share), here
    return trial, state


def _keep_best(problem: Problem, state: State, gradient: Tensor, better: Tensor) -> Tensor:
    """Writes the points that did more harm than any before over what was kept [m]; returns the ways up [m, ...]."""
    way = direction(gradient, norm=problem.norm)
    chosen = per_image(better.to(way.dtype), way)
    for name, value in (("best", state["images"]), ("best_way", way)):
        torch.lerp(state[name], value, chosen, out=state[name])  # of a weight of 0 or 1: either as it is
    return way


def _gone_back(state: State, images: Tensor, way: Tensor, span: Tensor) -> tuple[Tensor, Tensor]:
    """(images, ways up): where a window [m] ends without enough rises, half the step and back to the best."""
    if not span.any():
        return images, way
    back = per_image(_stalled(state, span).to(images.dtype), images)
    return torch.lerp(images, state["best"], back), torch.lerp(way, state["best_way"], back)


def _stalled(state: State, span: Tensor) -> Tensor:
    """Bool [m]: where a window of span [m] ends without enough rises, so that the step is halved."""
    ends = span > 0
    stalls = ~state["halved"] & (state["checked_harm"] >= state["best_harm"])
    halves = ((state["rises"] <= RISES * span) | stalls) & ends
    state["size"] = torch.where(halves, state["size"] / 2, state["size"])
    state["halved"] = torch.where(ends, halves, state["halved"])
    state["checked_harm"] = torch.where(ends, state["best_harm"], state["checked_harm"])
    state["rises"] = torch.where(ends, 0, state["rises"])
    return halves


def _moved(problem: Problem, state: State, here: Tensor, way: Tensor, share: Tensor) -> Tensor:
    """The next points: a share [m, 1, ...] of a step up the way, the rest the last step's momentum.

    In place, over the way and the points before: on small networks such a step costs what its memory costs.
    """
    stepped = problem.hold(torch.addcmul(here, way, per_image(state["size"], here), out=way))
    momentum = torch.sub(here, state["previous"], out=state["previous"])
    torch.lerp(here, stepped, share, out=stepped)
    return problem.hold(torch.addcmul(stepped, momentum, 1 - share, out=momentum))
