"""DynACL's schedule: views that are drawn weaker as training goes on, for any method (arXiv:2303.01289)."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor

from holdfast.config import Kinds, PartConfig, RunConfig, ViewSettings
from holdfast.data.views import Nuisances, nuisances
from holdfast.methods.base import Batch, Method, Views

_SCALED = ("jitter", "brightness", "contrast", "saturation", "hue", "grey", "blur", "solarize")
"""Chances and reaches of a view that are multiplied by the strength."""


@dataclass(frozen=True, kw_only=True)
class StrengthConfig(PartConfig):
    """The strength schedule."""

    word = "strength_schedule"
    example = "steps:50"
    strength_schedule: str | None = None
    """'steps:50' weakens the views every 50 epochs, from full strength to none at the end of the run; None: no."""

    @property
    def every(self) -> int:
        """How many epochs a step lasts."""
        return int(self.pick()[1])

    def caution(self, config: RunConfig) -> str | None:
        every = self.every
        if every < config.epochs:
            return None
        fits = f"steps:{max(1, config.epochs // 20)}, or " if config.epochs > 1 else ""
        return (
            f"--strength-schedule {self.chosen} with --epochs {config.epochs}: the first step lasts the whole run, so "
            f"no view is weakened; use {fits}more epochs"
        )

    @staticmethod
    def kinds() -> Kinds:
        return STRENGTHS, "N", 1

    def wrap(self, method: Method, config: RunConfig) -> Method:
        schedule = self.pick()[0]
        return schedule(method, config.views, every=self.every, epochs=config.epochs)


def strength(epoch: int, *, every: int, epochs: int) -> float:
    """Strength in an epoch, counted from 0: 1, and less by every / epochs after each `every` epochs; at least 0."""
    return max(0.0, 1 - epoch // every * every / epochs)


def weaker(settings: ViewSettings, strength: float) -> dict[str, float]:
    """Settings of views at a strength in [0, 1]: at 0 the whole image in its own colours, flips as they were."""
    colours = {name: strength * getattr(settings, name) for name in _SCALED}
    return {"crop_min": settings.crop_max - (settings.crop_max - settings.crop_min) * strength, **colours}


def found_nuisances(config: RunConfig) -> Callable[[Views], Nuisances]:
    """What finds the nuisances of view 1 of a run's views, between the ends that their epoch's are drawn from."""
    parts = [part for part in config.parts if isinstance(part, StrengthConfig) and part.chosen is not None]

    def find(views: Views) -> Nuisances:
        settings, epoch = config.views, views.batch.epoch
        for part in parts:
            now = strength(epoch, every=part.every, epochs=config.epochs)
            settings = replace(settings, **weaker(settings, now))
        return nuisances(views, settings)

    return find


class StrengthSchedule(Method):
    """A method whose views weaken; their strength follows from the batch's epoch, so a resumed run has the same."""

    def __init__(self, inner: Method, settings: ViewSettings, *, every: int, epochs: int):
        self.wrap(inner)
        self.every, self.epochs, self.settings = every, epochs, settings
        base = inner.innermost()
        vars(base)["make_views"] = self._drawing(base.make_views)

    def _drawing(self, plain: Callable[..., Views]) -> Callable[..., Views]:
        def draw(batch: Batch, **asked: Any) -> Views:
            return plain(batch, **{**weaker(self.settings, self._at(batch.epoch)), **asked})

        return draw

    def _at(self, epoch: int) -> float:
        return strength(epoch, every=self.every, epochs=self.epochs)

    def loss(self, views: Views) -> Tensor:
        self.innermost().strength = self._at(views.batch.epoch)
        return self.inner.loss(views)

    def harm(self, views: Views) -> Tensor:
        self.innermost().strength = self._at(views.batch.epoch)
        return self.inner.harm(views)


STRENGTHS = {"steps": StrengthSchedule}
"""What `strength_schedule` may name, before the colon; the number after it is how many epochs a step lasts."""
