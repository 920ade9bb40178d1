"""Views moved within a ball around them: what adversaries take their steps by."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from holdfast.attacks.lp import Norm, ascent, random_start, within
from holdfast.methods.base import Views
from holdfast.randomness import sample_keys


@dataclass(frozen=True, kw_only=True)
class Ball:
    """How far and in what steps an adversary may move a view; lengths are in pixels of [0, 1], norms per view."""

    eps: float
    step: float
    norm: Norm = "linf"
    random_start: bool = False
    tracked: bool = False
    """Whether attack passes move the running statistics, as in the authors' code."""
    seed: int = 0

    def start(self, views: Views, clean: Tensor) -> Tensor:
        """The first perturbation, like clean [v, n, 3, h, w]: zero, or drawn in the ball by the keys of the images."""
        if not self.random_start:
            return torch.zeros_like(clean)
        batch = views.batch
        keys = sample_keys(self.seed, "adversary", epoch=batch.epoch, ids=batch.ids, views=len(clean)).flatten()
        flat = clean.flatten(0, 1)
        return (random_start(flat, eps=self.eps, norm=self.norm, keys=keys) - flat).view_as(clean)

    def climb(self, clean: Tensor, moved: Tensor, gradient: Tensor) -> Tensor:
        """The perturbation one step up the gradient from moved - clean: in the ball, pixels in [0, 1]."""
        flat = clean.flatten(0, 1)
        higher = moved.detach().flatten(0, 1) + ascent(gradient.flatten(0, 1), step=self.step, norm=self.norm)
        return (within(flat, higher, eps=self.eps, norm=self.norm) - flat).view_as(clean)


def leaf(clean: Tensor, delta: Tensor) -> Tensor:
    """The moved views, in [0, 1] whatever delta was fitted to, as a leaf: its gradient is the perturbation's."""
    return (clean + delta).clamp(0, 1).detach().requires_grad_()


def with_moved(views: Views, part: slice, moved: Tensor) -> Views:
    """The views with those of `part` in place of their own."""
    start, stop, _ = part.indices(len(views.images))
    return replace(views, images=torch.cat([views.images[:start], moved, views.images[stop:]]))
