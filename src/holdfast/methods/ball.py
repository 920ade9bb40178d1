"""Views moved within a ball around them: what adversaries take their steps by."""

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from holdfast.attacks.lp import Norm, ascent, random_start, within
from holdfast.methods.base import Method, Views, untracked
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
    leaking: bool = False
    """Whether the weights' gradients of attack passes join the update, as in the authors' code."""
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

    def attack(self, method: Method, views: Views, part: slice, *, steps: int) -> "tuple[Views, Leaked]":
        """The views with those of `part` moved by steps up the method's harm, and the gradients these leave behind."""
        clean, leaked = views.images[part], Leaked.of(method if self.leaking else nn.Module())
        delta = self.start(views, clean)
        with nullcontext() if self.tracked else untracked(method):
            for _ in range(steps):
                moved = leaf(clean, delta)
                loss = method.harm(with_moved(views, part, moved))
                with torch.autocast(moved.device.type, enabled=False):  # else the float32 loss has a bf16 backward
                    gradient, *others = torch.autograd.grad(loss, [moved, *leaked.weights], materialize_grads=True)
                leaked.add(others)
                delta = self.climb(clean, moved, gradient)
        return with_moved(views, part, (clean + delta).clamp(0, 1)), leaked


@dataclass(frozen=True)
class Leaked:
    """Gradients of weights that attack passes leave behind, to join the training step's own."""

    weights: list[Tensor]
    sums: list[Tensor]

    @classmethod
    def of(cls, module: nn.Module) -> "Leaked":
        """Nothing yet, for the weights of a module that are trained."""
        weights: list[Tensor] = [weight for weight in module.parameters() if weight.requires_grad]
        return cls(weights, [torch.zeros_like(weight) for weight in weights])

    def add(self, gradients: Sequence[Tensor]) -> None:
        """Adds the gradients of a pass, one for each weight."""
        for total, gradient in zip(self.sums, gradients, strict=True):
            total += gradient

    def into(self, loss: Tensor) -> Tensor:
        """A scalar loss as it is, whose backward adds the sums to its own gradients."""
        if not self.weights:
            return loss
        products = torch.stack([(weight * held).sum() for weight, held in zip(self.weights, self.sums, strict=True)])
        return loss + (products - products.detach()).sum()


def leaf(clean: Tensor, delta: Tensor) -> Tensor:
    """The moved views, in [0, 1] whatever delta was fitted to, as a leaf: its gradient is the perturbation's."""
    return (clean + delta).clamp(0, 1).detach().requires_grad_()


def with_moved(views: Views, part: slice, moved: Tensor) -> Views:
    """The views with those of `part` in place of their own."""
    start, stop, _ = part.indices(len(views.images))
    return replace(views, images=torch.cat([views.images[:start], moved, views.images[stop:]]))
