"""FAB: steps to the nearest point of the decision boundary, so a small perturbation is found (arXiv:1907.02044)."""

from dataclasses import dataclass

import torch
from torch import Tensor

from holdfast.attacks.apgd import aims
from holdfast.attacks.lp import drawn_direction, length, per_image
from holdfast.attacks.planes import onto_plane, slope
from holdfast.attacks.problem import Attack, Problem, State, Trial, asked

LARGEST_SHARE = 0.1
"""alpha_max: the largest share of the step from the clean image."""
BEYOND = 1.05
"""eta: how far beyond the boundary's linear estimate a step goes."""
BACK = 0.9
"""beta: the share of a found perturbation that the search goes on from."""


@dataclass(frozen=True, kw_only=True)
class Fab(Attack):
    """The smallest perturbation that FAB finds, towards each of the likeliest classes (FAB-T) or the nearest one."""

    targets: int = 9
    """Wrong classes, by the clean logits; 0: at every step the class whose boundary is nearest, a backward pass for
    each class."""
    steps: int = 100
    """Each takes a forward and backward pass and a forward one."""
    restarts: int = 1
    """Starts, without targets: the first at the image, others half the budget away."""

    @property
    def variants(self) -> int:
        return self.targets or self.restarts

    def start(self, problem: Problem) -> State:
        """The images, or points half a budget away; the class aimed at, -1 where there is none such."""
        images, state = problem.images, {}
        if self.targets:
            state["target"] = aims(problem)
        elif self.restarts > 1:
            drawn = per_image(problem.variant > 0, images)
            images = torch.where(drawn, _half_way(problem), images)
        age = torch.zeros(len(images), dtype=torch.int64, device=images.device)
        return {**state, "images": images, "age": age}

    def step(self, problem: Problem, state: State) -> tuple[Trial, State]:
        """Projects onto the linear boundary, asks whether it was crossed, and goes on from nearer the clean image."""
        here, clean, age = state["images"], problem.images, state["age"] + 1
        value, gradient = self._boundary(problem, state)
        near = _mixed(here, clean, value, gradient, problem)
        with torch.no_grad():
            outputs = problem.goal.model(near)
        assert problem.goal.success is not None
        crossed = problem.goal.success(outputs, problem.goal.references)
        back = torch.lerp(clean, near, per_image(torch.where(crossed, BACK, 1.0).to(near.dtype), near))
        done = age >= self.steps
        if self.targets:
            done = done | (state["target"] < 0)
        claims = length(near - clean, problem.norm) <= problem.eps
        return Trial(near, outputs, claims=claims, done=done), {**state, "images": back, "age": age}

    def _boundary(self, problem: Problem, state: State) -> tuple[Tensor, Tensor]:
        """(f [m], its gradient [m, ...]) of the other class's logit less the label's."""
        labels = problem.goal.references
        if self.targets:
            target = state["target"].clamp(min=0)
            _, value, gradient = asked(problem, state["images"], lambda z: _lead(z, labels, target))
            return value, gradient
        return _nearest(problem, state["images"])


def _lead(logits: Tensor, labels: Tensor, targets: Tensor) -> Tensor:
    rows = torch.arange(len(logits), device=logits.device)
    return logits[rows, targets] - logits[rows, labels]


@torch.enable_grad()
def _nearest(problem: Problem, images: Tensor) -> tuple[Tensor, Tensor]:
    """(f, gradient) of the class whose boundary is nearest, by a backward pass for each class."""
    labels, point = problem.goal.references, images.detach().requires_grad_()
    logits = problem.goal.model(point)
    classes, right = logits.shape[1], logits.gather(1, labels[:, None])
    best = torch.full_like(right[:, 0].detach(), torch.inf)
    value, gradient = torch.zeros_like(best), torch.zeros_like(images)
    for other in range(classes if logits.requires_grad else 0):
        lead = logits[:, other] - right[:, 0]
        (found,) = torch.autograd.grad(lead.sum(), point, retain_graph=other < classes - 1)
        size = found.flatten(1).abs().sum(1) if problem.norm == "linf" else length(found, "l2")
        distance = (lead.detach().abs() / (size + 1e-12)).masked_fill(labels == other, torch.inf)
        nearer = distance < best
        best, value = torch.where(nearer, distance, best), torch.where(nearer, lead.detach(), value)
        gradient = torch.where(per_image(nearer, gradient), found, gradient)
    return value, gradient


def _mixed(here: Tensor, clean: Tensor, value: Tensor, gradient: Tensor, problem: Problem) -> Tensor:
    """Between the projections of the iterate and of the clean image onto the boundary, and a little beyond."""
    normals = gradient.nan_to_num(nan=0.0, posinf=0.0, neginf=0.0).flatten(1)
    aside = torch.bmm(normals[:, None], (clean - here).flatten(1)[:, :, None])[:, 0, 0]  # vecdot writes the products
    common = slope(normals, norm=problem.norm)
    moves, far = (
        onto_plane(points.flatten(1), normals, gaps, norm=problem.norm, of=common)
        for points, gaps in ((here, value), (clean, value + aside))
    )
    sizes = torch.stack([length(moves, problem.norm), length(far, problem.norm)]).clamp_(min=1e-8)
    share = (sizes[0] / sizes.sum(0)).clamp_(max=LARGEST_SHARE)
    moves = moves.lerp_(far, share[:, None]).reshape(here.shape)
    return torch.lerp(here, clean, per_image(share, here)).add_(moves, alpha=BEYOND).clamp_(0, 1)


def _half_way(problem: Problem) -> Tensor:
    """Points half the budget away from the images, in a drawn direction."""
    images, keys = problem.images, problem.drawn(0)
    return (images + problem.eps / 2 * drawn_direction(images, norm=problem.norm, keys=keys)).clamp_(0, 1)
