"""CF-AMC-SSL, robust EMP-SSL: adversaries that wrap any method and move its views against its loss (arXiv:2501.03507).

Free training replays a batch and moves the perturbation with the very gradient that trains (1904.12843); PGD
(1706.06083) takes steps of its own first. An attack's gradients are of the perturbation alone, and its passes leave the
running statistics of batch norms as they are; the authors' code adds its gradients to the update and moves the
statistics (softsys4ai/CF-AMC-SSL@ff36114, main_empssl_adv.py): see docs/methods/cf_amc_ssl.md.
"""

from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from holdfast.attacks.lp import Norm, ascent, random_start, within
from holdfast.config import RunConfig
from holdfast.methods.base import Batch, Method, Views, untracked
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

    @classmethod
    def of(cls, config: RunConfig) -> "Ball":
        """What a configuration says of its adversary."""
        return cls(
            eps=config.adversary_eps,
            step=config.adversary_step,
            norm=config.adversary_norm,
            random_start=config.adversary_start == "random",
            tracked=config.adversary_statistics == "moved",
            seed=config.seed,
        )

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


def _leaf(clean: Tensor, delta: Tensor) -> Tensor:
    """The moved views, in [0, 1] whatever delta was fitted to, as a leaf: its gradient is the perturbation's."""
    return (clean + delta).clamp(0, 1).detach().requires_grad_()


def _with(views: Views, part: slice, moved: Tensor) -> Views:
    start, stop, _ = part.indices(len(views.images))
    return replace(views, images=torch.cat([views.images[:start], moved, views.images[stop:]]))


class PGDAdversary(Method):
    """Steps up the method's loss on its views, then one training step on the moved views alone."""

    def __init__(self, inner: Method, ball: Ball, steps: int):
        self.wrap(inner)
        self.ball, self.steps = ball, steps
        self.extra_passes = (1 + inner.extra_passes) * (1 + steps) - 1

    def views(self, batch: Batch) -> Views:
        return self.inner.views(batch)

    def loss(self, views: Views) -> Tensor:
        clean = views.images[self.moved_views]
        delta = self.ball.start(views, clean)
        with nullcontext() if self.ball.tracked else untracked(self.inner):
            for _ in range(self.steps):
                moved = _leaf(clean, delta)
                loss = self.inner.loss(_with(views, self.moved_views, moved))
                with torch.autocast(moved.device.type, enabled=False):  # else the float32 loss has a bf16 backward
                    gradient = torch.autograd.grad(loss, moved)[0]
                delta = self.ball.climb(clean, moved, gradient)
        return self.inner.loss(_with(views, self.moved_views, (clean + delta).clamp(0, 1)))


class FreeAdversary(Method):
    """Trains on a batch several times; each backward also moves a perturbation that stays from batch to batch.

    The perturbation belongs to places in the batch, not to images, and to its rank: under several processes each has
    its own, and a checkpoint holds those of all.
    """

    def __init__(self, inner: Method, ball: Ball, replays: int):
        self.wrap(inner)
        self.ball, self.steps_per_batch = ball, replays * inner.steps_per_batch
        # No buffer: DistributedDataParallel overwrites buffers with the first rank's.
        self.delta: Tensor | None = None

    def views(self, batch: Batch) -> Views:
        return self.inner.views(batch)

    def loss(self, views: Views) -> Tensor:
        clean = views.images[self.moved_views]
        return self.inner.loss(_with(views, self.moved_views, _leaf(clean, self._placed(views, clean))))

    def losses(self, batch: Batch) -> Iterator[Tensor]:
        views = self.inner.views(batch)
        clean = views.images[self.moved_views]
        delta = self._placed(views, clean)
        for _ in range(self.steps_per_batch):
            moved = _leaf(clean, delta)
            yield self.inner.loss(_with(views, self.moved_views, moved))
            if moved.grad is None:
                raise RuntimeError(
                    "expected a backward pass after each loss, got none; free training needs its gradient"
                )
            delta = self.ball.climb(clean, moved, moved.grad)
            assert self.delta is not None
            self.delta[:, : clean.shape[1]] = delta

    def _placed(self, views: Views, clean: Tensor) -> Tensor:
        """The perturbation [v, n, 3, h, w] of the first n places; those not seen before start anew."""
        other_size = self.delta is not None and self.delta.shape[2:] != clean.shape[2:]  # views that grew
        held = clean[:, :0] if self.delta is None or other_size else self.delta.to(clean)
        if held.shape[1] < clean.shape[1]:
            held = torch.cat([held, self.ball.start(views, clean)[:, held.shape[1] :]], dim=1)
        self.delta = held
        return held[:, : clean.shape[1]].clone()

    def rank_state(self) -> dict[str, Tensor]:
        own = {} if self.delta is None else {"delta": self.delta.transpose(0, 1).contiguous()}
        return super().rank_state() | own

    def load_rank_state(self, state: dict[str, Tensor]) -> None:
        super().load_rank_state(state)
        self.delta = state["delta"].transpose(0, 1).contiguous() if "delta" in state else None
