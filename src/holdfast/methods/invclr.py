"""InvCLR: a penalty on how far features move with the colours of a view, on any method (arXiv:2010.09515)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from holdfast.config import PartConfig, RunConfig, require
from holdfast.data.views import Nuisances
from holdfast.distributed import gather
from holdfast.methods.base import Method, Views, untracked
from holdfast.methods.first_view import first_features, tied, unit
from holdfast.methods.strength_schedule import found_nuisances
from holdfast.objectives.invariance import (
    Clip,
    clipped_mean,
    expected_changes,
    invariance_gradient,
    pair_distances,
    squared_changes,
)
from holdfast.randomness import fold, sample_keys, uniform


@dataclass(frozen=True, kw_only=True)
class PenaltyConfig(PartConfig):
    """The penalty."""

    word = "penalty"
    example = "invariance:0.1"
    kinds = staticmethod(lambda: (PENALTIES, "W", 0))
    purpose = "invariance"
    penalty: str | None = None
    """'invariance:0.1' adds 0.1 times how far features move with a view's nuisances (colours); None: no penalty."""
    penalty_form: Literal["pair", "vjp"] = "pair"
    """'pair' encodes view 1 once more with other nuisances; 'vjp' is InvCLR's own, by a second backward."""
    penalty_limit: float = 1.0
    """Largest value of the vjp form; InvCLR uses 1 for colours and 1000 for Spirograph."""
    penalty_clip: Clip = "batch"
    """What the limit holds for: the batch's mean (InvCLR: above it no gradient is left), each sample, or nothing."""
    penalty_draws: int = 100
    """Fresh draws of the nuisances in the vjp form; 0 takes the expectation over them in closed form."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.penalty_limit > 0, "penalty_limit > 0", self.penalty_limit, "or set --penalty-clip none")
        require(self.penalty_draws >= 0, "penalty_draws >= 0", self.penalty_draws, "0 switches it off")

    def check(self, config: RunConfig) -> None:
        on, twice = self.penalty is not None, self.penalty_form == "vjp" and (config.compile or config.shard_weights)
        require(not (on and config.chunk), "--penalty without --chunk", config.chunk, "leave one of them out")
        form = "--penalty-form pair beside --compile, --shard-weights"
        require(not (on and twice), form, "vjp", "its second backward bars both")

    def wrap(self, method: Method, config: RunConfig) -> Method:
        return self.pick()[0](method, self, found_nuisances(config), weight=self.pick()[1], seed=config.seed)


class InvariancePenalty(Method):
    """Adds λ times how far the encoder's features of view 1 move when the view's nuisances are drawn anew.

    'vjp' (the authors): the derivative of a random projection of the features by the nuisances, times fresh draws of
    them, squared, at most `limit`; a second backward. 'pair': the squared distance to a second encoding of the same
    view with other nuisances, which is what 'vjp' estimates to first order, in its scale. Features are of the encoder,
    unit length. The second encoding of 'pair' leaves running statistics alone, and an adversary's perturbation out.
    """

    def __init__(
        self, inner: Method, settings: PenaltyConfig, find: Callable[[Views], Nuisances], *, weight: float, seed: int
    ):
        self.wrap(inner)
        self.settings, self.find, self.weight, self.seed = settings, find, weight, seed
        self._readings: list[Tensor] = []

    @property
    def passes_per_image(self) -> int:
        """One pass of view 1 more for 'pair'; about two for the second backward of 'vjp'."""
        more = {"pair": 1, "vjp": 2}[self.settings.penalty_form] * bool(self.weight)
        return self.inner.passes_per_image + more * self.steps_per_batch

    @property
    def passes_per_harm(self) -> int:
        return self.inner.passes_per_harm if self.own_harm else self.passes_per_image // self.steps_per_batch

    def loss(self, views: Views) -> Tensor:
        if self.weight == 0:
            return self.inner.loss(views)
        found = self.find(views)
        loss, values = (self._vjp if self.settings.penalty_form == "vjp" else self._pair)(views, found)
        return loss + self.weight * self._noted(gather(values))

    def _vjp(self, views: Views, found: Nuisances) -> tuple[Tensor, Tensor]:
        """The inner loss and the penalty of each sample [n] by a second backward."""
        alpha = found.values.detach().requires_grad_()
        moving = tied(views, found.render(alpha))
        if not torch.is_autocast_enabled(alpha.device.type):
            with first_features(self.network) as seen:
                loss = self.inner.loss(moving)
            return loss, self._changes(unit(seen[0][: len(alpha)]), alpha, found, views)
        # Derivatives in bfloat16 moved the value by 6 to 8 % (ResNet-18, 64 images): a float32 encoding of its own.
        loss = self.inner.loss(views)
        with torch.autocast(alpha.device.type, enabled=False), untracked(self.network):
            return loss, self._changes(unit(self.inner.first_features(moving.images[0])), alpha, found, views)

    def _pair(self, views: Views, found: Nuisances) -> tuple[Tensor, Tensor]:
        """The inner loss and the penalty of each sample [n] by a second encoding."""
        with first_features(self.network) as seen:
            loss = self.inner.loss(views)
        draws = uniform(self._keys(views, "invariance pair"), found.values.shape[1])
        other = found.render(found.low + (found.high - found.low) * draws)
        with untracked(self.network):
            return loss, pair_distances(unit(seen[0][: len(other)]), unit(self.inner.first_features(other)))

    def _keys(self, views: Views, purpose: str) -> Tensor:
        """int64 [n]: keyed by epoch and id, as the views are."""
        return sample_keys(self.seed, purpose, epoch=views.batch.epoch, ids=views.batch.ids, views=1)[0]

    def _changes(self, features: Tensor, alpha: Tensor, found: Nuisances, views: Views) -> Tensor:
        """[n]: the penalty of each sample in its 'vjp' form; draws 0 takes the expectation over them in closed form."""
        keys, count = self._keys(views, "invariance"), self.settings.penalty_draws
        signs = 1 - 2 * (uniform(keys, features.shape[1]) < 0.5).to(features)
        gradient = invariance_gradient(features, alpha, signs=signs)
        if count == 0:
            return expected_changes(gradient, alpha, low=found.low, high=found.high)
        draws = uniform(fold(keys, 1), count * alpha.shape[1]).unflatten(1, (count, -1))
        return squared_changes(gradient, alpha, (found.low + (found.high - found.low) * draws).transpose(0, 1))

    def _noted(self, values: Tensor) -> Tensor:
        """The penalty of per-sample values [n]; notes its raw mean, and which share was clipped or moved at all."""
        limit, clip = self.settings.penalty_limit, self.settings.penalty_clip
        clip = "none" if self.settings.penalty_form == "pair" else clip
        over = {"none": torch.zeros_like(values), "batch": values.mean() > limit, "sample": values > limit}[clip]
        shares = [values.mean(), over.to(values.dtype).mean(), (values > 0).to(values.dtype).mean()]
        self._readings.append(torch.stack(shares).detach())
        return clipped_mean(values, limit=limit, clip=clip)

    def readings(self) -> dict[str, float]:
        if not self._readings:
            return super().readings()
        means = torch.stack(self._readings).mean(0).tolist()
        self._readings.clear()
        return super().readings() | dict(zip(_READINGS, means, strict=True))


_READINGS = ("penalty", "penalty_clipped_share", "penalty_active_share")
PENALTIES = {"invariance": InvariancePenalty}
"""What `penalty` may name, before the colon; the number after it is the penalty's weight."""
