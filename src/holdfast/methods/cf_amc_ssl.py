"""CF-AMC-SSL, robust EMP-SSL: adversaries that wrap any method and move its views against its loss (arXiv:2501.03507).

Free training replays a batch and moves the perturbation with the very gradient that trains (1904.12843); PGD
(1706.06083) takes steps of its own first. Unless told otherwise its gradients are of the perturbation alone, and its
passes leave the running statistics of batch norms as they are; the authors' code adds the weights' gradients of all
passes to the update and moves the statistics (softsys4ai/CF-AMC-SSL@ff36114, main_empssl_adv.py): see
docs/methods/cf_amc_ssl.md.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from holdfast.attacks.lp import Norm
from holdfast.config import PartConfig, RunConfig, require
from holdfast.methods.ball import Ball, leaf, with_moved
from holdfast.methods.base import Batch, Method, Views


@dataclass(frozen=True, kw_only=True)
class AdversaryConfig(PartConfig):
    """Training under attack."""

    word = "adversary"
    example = "free:3"
    kinds = staticmethod(lambda: (ADVERSARIES, "N", 1))
    purpose = "attacks"
    adversary: str | None = None
    """'pgd:5' trains on views moved by 5 steps up the loss, 'free:3' replays each batch 3 times; None: no attack."""
    adversary_eps: float = 8 / 255
    """How far the adversary may move a view, in pixels of [0, 1], by its norm."""
    adversary_step: float = 0.01
    """Length of an adversary's step, by its norm."""
    adversary_norm: Norm = "linf"
    """How a perturbation is measured: its largest pixel, or its length over all pixels of a view."""
    adversary_start: Literal["zero", "random"] = "zero"
    """Where the adversary starts: pgd at each batch, free at the first."""
    adversary_statistics: Literal["kept", "moved"] = "kept"
    """Whether attack passes move the running statistics of batch norms, as the authors' do."""
    adversary_gradients: Literal["dropped", "kept"] = "dropped"
    """Whether the weights' gradients of pgd's attack steps join the update, as the authors' do."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("adversary_eps", "adversary_step"):
            require(getattr(self, name) >= 0, f"{name} >= 0", getattr(self, name), "0 switches it off")

    def check(self, config: RunConfig) -> None:
        kept = self.adversary_gradients == "kept" and (self.adversary or "pgd").partition(":")[0] != "pgd"
        require(
            not kept, "--adversary-gradients kept with pgd:N", self.adversary, "leave it out: free has no such steps"
        )
        both = config.shard_weights and self.adversary_gradients == "kept"
        require(not both, "--adversary-gradients dropped with --shard-weights", "kept", "leave one of them out")

    def wrap(self, method: Method, config: RunConfig) -> Method:
        adversary, count = self.pick()
        ball = Ball(
            eps=self.adversary_eps,
            step=self.adversary_step,
            norm=self.adversary_norm,
            random_start=self.adversary_start == "random",
            tracked=self.adversary_statistics == "moved",
            leaking=self.adversary_gradients == "kept",
            seed=config.seed,
        )
        return adversary(method, ball, int(count))


class PGDAdversary(Method):
    """Steps up the method's loss on its views, then the training steps of a batch on the moved views alone."""

    def __init__(self, inner: Method, ball: Ball, steps: int):
        self.wrap(inner)
        self.ball, self.steps = ball, steps

    @property
    def passes_per_image(self) -> int:
        return self.inner.passes_per_image + self.steps * self.inner.passes_per_harm

    def loss(self, views: Views) -> Tensor:
        moved, leaked = self.ball.attack(self.inner, views, self.moved_views, steps=self.steps)
        return leaked.into(self.inner.loss(moved))

    def losses(self, batch: Batch) -> Iterator[Tensor]:
        """One attack for all steps on a batch; what it leaks joins the first."""
        moved, leaked = self.ball.attack(self.inner, self.views(batch), self.moved_views, steps=self.steps)
        yield leaked.into(self.inner.loss(moved))
        for _ in range(1, self.steps_per_batch):
            yield self.inner.loss(moved)


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

    def loss(self, views: Views) -> Tensor:
        clean = views.images[self.moved_views]
        return self.inner.loss(with_moved(views, self.moved_views, leaf(clean, self._placed(views, clean))))

    def losses(self, batch: Batch) -> Iterator[Tensor]:
        views = self.inner.views(batch)
        clean = views.images[self.moved_views]
        delta = self._placed(views, clean)
        for _ in range(self.steps_per_batch):
            moved = leaf(clean, delta)
            yield self.inner.loss(with_moved(views, self.moved_views, moved))
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


ADVERSARIES: dict[str, Callable[[Method, Ball, int], Method]] = {"pgd": PGDAdversary, "free": FreeAdversary}
"""What `adversary` may name, before the colon; the number after it counts attack steps (pgd) or replays (free)."""
