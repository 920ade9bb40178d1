"""InvCLR: a penalty on how far features move with the colours of a view, on any method (arXiv:2010.09515)."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from holdfast.config import RunConfig
from holdfast.data.views import Nuisances, nuisances
from holdfast.distributed import gather
from holdfast.methods.base import Batch, Method, Views, untracked
from holdfast.methods.first_view import first_features, tied
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
class PenaltySettings:
    """How the penalty is computed; the command line's penalty_ fields, resolved."""

    weight: float
    """λ, constant over training; 0 is the plain method, bit for bit."""
    form: Literal["pair", "vjp"] = "pair"
    limit: float = 1.0
    clip: Clip = "batch"
    draws: int = 100
    seed: int = 0

    @classmethod
    def of(cls, config: RunConfig, weight: float) -> "PenaltySettings":
        """The settings of a configuration."""
        names = ("form", "limit", "clip", "draws")
        return cls(weight=weight, seed=config.seed, **{name: getattr(config, f"penalty_{name}") for name in names})


class InvariancePenalty(Method):
    """Adds λ times how far the encoder's features of view 1 move when the view's nuisances are drawn anew.

    'vjp' (the authors): the derivative of a random projection of the features by the nuisances, times fresh draws of
    them, squared, at most `limit`; a second backward. 'pair': the squared distance to a second encoding of the same
    view with other nuisances, which is what 'vjp' estimates to first order, in its scale. Features are of the encoder,
    unit length. The second encoding of 'pair' leaves running statistics alone, and an adversary's perturbation out.
    """

    def __init__(self, inner: Method, settings: PenaltySettings, find: Callable[[Views], Nuisances]):
        self.wrap(inner)
        self.settings, self.find = settings, find
        self._readings: list[Tensor] = []

    @property
    def passes_per_image(self) -> int:
        """One pass of view 1 more for 'pair'; about two for the second backward of 'vjp'."""
        more = {"pair": 1, "vjp": 2}[self.settings.form] if self.settings.weight else 0
        return self.inner.passes_per_image + more * self.steps_per_batch

    def views(self, batch: Batch) -> Views:
        return self.inner.views(batch)

    def loss(self, views: Views) -> Tensor:
        if self.settings.weight == 0:
            return self.inner.loss(views)
        found = self.find(views)
        loss, values = (self._vjp if self.settings.form == "vjp" else self._pair)(views, found)
        return loss + self.settings.weight * self._noted(gather(values))

    def _vjp(self, views: Views, found: Nuisances) -> tuple[Tensor, Tensor]:
        """The inner loss and the penalty of each sample [n] by a second backward."""
        alpha = found.values.detach().requires_grad_()
        moving = tied(views, found.render(alpha))
        if not torch.is_autocast_enabled(alpha.device.type):
            with first_features(self.network) as seen:
                loss = self.inner.loss(moving)
            return loss, self._changes(_unit(seen[0][: len(alpha)]), alpha, found, views)
        # Derivatives in bfloat16 moved the value by 6 to 8 % (ResNet-18, 64 images): a float32 encoding of its own.
        loss = self.inner.loss(views)
        with torch.autocast(alpha.device.type, enabled=False), untracked(self.encoder):
            return loss, self._changes(_unit(self.encoder(moving.images[0])), alpha, found, views)

    def _pair(self, views: Views, found: Nuisances) -> tuple[Tensor, Tensor]:
        """The inner loss and the penalty of each sample [n] by a second encoding."""
        with first_features(self.network) as seen:
            loss = self.inner.loss(views)
        draws = uniform(self._keys(views, "invariance pair"), found.values.shape[1])
        other = found.render(found.low + (found.high - found.low) * draws)
        with untracked(self.encoder):
            return loss, pair_distances(_unit(seen[0][: len(other)]), _unit(self.encoder(other)))

    def _keys(self, views: Views, purpose: str) -> Tensor:
        """int64 [n]: keyed by epoch and id, as the views are."""
        batch = views.batch
        return sample_keys(self.settings.seed, purpose, epoch=batch.epoch, ids=batch.ids, views=1)[0]

    def _changes(self, features: Tensor, alpha: Tensor, found: Nuisances, views: Views) -> Tensor:
        """[n]: the penalty of each sample in its 'vjp' form; draws 0 takes the expectation over them in closed form."""
        keys = self._keys(views, "invariance")
        signs = 1 - 2 * (uniform(keys, features.shape[1]) < 0.5).to(features.dtype)
        gradient = invariance_gradient(features, alpha, signs=signs)
        if self.settings.draws == 0:
            return expected_changes(gradient, alpha, low=found.low, high=found.high)
        draws = uniform(fold(keys, 1), self.settings.draws * alpha.shape[1]).unflatten(1, (self.settings.draws, -1))
        return squared_changes(gradient, alpha, (found.low + (found.high - found.low) * draws).transpose(0, 1))

    def _noted(self, values: Tensor) -> Tensor:
        """The penalty of per-sample values [n]; notes its raw mean, and which share was clipped or moved at all."""
        clip, limit = "none" if self.settings.form == "pair" else self.settings.clip, self.settings.limit
        over = {"none": torch.zeros_like(values), "batch": values.mean() > limit, "sample": values > limit}[clip]
        shares = [values.mean(), over.to(values.dtype).mean(), (values > 0).to(values.dtype).mean()]
        self._readings.append(torch.stack(shares).detach())
        return clipped_mean(values, limit=limit, clip=clip)

    def readings(self) -> dict[str, float]:
        if not self._readings:
            return super().readings()
        names = ("penalty", "penalty_clipped_share", "penalty_active_share")
        means = torch.stack(self._readings).mean(0).tolist()
        self._readings.clear()
        return super().readings() | dict(zip(names, means, strict=True))


def penalised(inner: Method, config: RunConfig, weight: float) -> Method:
    """A method with the penalty that a configuration asks for."""
    return InvariancePenalty(inner, PenaltySettings.of(config, weight), partial(nuisances, settings=config.views))


def _unit(features: Tensor) -> Tensor:
    return F.normalize(features.float() if features.dtype in (torch.bfloat16, torch.float16) else features, dim=1)
