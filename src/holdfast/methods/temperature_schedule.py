"""TS: a temperature that swings over the epochs, on any contrastive method (arXiv:2303.13664).

A high temperature parts groups of images, a low one single images; the swing serves frequent and rare classes in turn.
"""

import math
from dataclasses import dataclass

from torch import Tensor

from holdfast.config import Kinds, PartConfig, RunConfig, require
from holdfast.methods.base import Method, Views

_NEAR = 0.1
"""Share of the swing that the lowest temperature of a run may lie above the schedule's without a word."""


@dataclass(frozen=True, kw_only=True)
class TemperatureConfig(PartConfig):
    """The temperature schedule."""

    word = "temperature_schedule"
    example = "cosine:400"
    purpose = "tail"
    temperature_schedule: str | None = None
    """'cosine:400' swings the temperature with a period of 400 epochs, from the highest; None: it stays the method's
    own."""
    temperature_low: float = 0.1
    """The schedule's lowest temperature."""
    temperature_high: float = 1.0
    """The schedule's highest temperature, at its start."""

    def __post_init__(self) -> None:
        super().__post_init__()
        ends = (self.temperature_low, self.temperature_high)
        wanted = "temperature_low above 0 and at most temperature_high"
        require(0 < ends[0] <= ends[1], wanted, ends, "the paper uses 0.1 and 1.0")

    def caution(self, config: RunConfig) -> str | None:
        period = self.pick()[1]
        low, high, last = self.temperature_low, self.temperature_high, config.epochs - 1
        lowest = min(swinging(epoch, low=low, high=high, period=period) for epoch in range(config.epochs))
        if lowest - low <= _NEAR * (high - low):
            return None
        held = f"a period that the run holds, as in cosine:{max(2, 2 * (last // 2))}, or " if last else ""
        return (
            f"--temperature-schedule {self.chosen} with --epochs {config.epochs}: the temperature comes down to "
            f"{lowest:.2f} and not to {low:g}; use {held}more epochs"
        )

    @staticmethod
    def kinds() -> Kinds:
        return TEMPERATURES, "E", 1

    def wrap(self, method: Method, config: RunConfig) -> Method:
        schedule, period = self.pick()
        return schedule(method, low=self.temperature_low, high=self.temperature_high, period=period)


def swinging(epoch: int, *, low: float, high: float, period: float) -> float:
    """The temperature in an epoch, counted from 0: a cosine of a period of epochs between high, where it starts, and
    low."""
    return low + (high - low) * (1 + math.cos(2 * math.pi * epoch / period)) / 2


class TemperatureSchedule(Method):
    """A method whose temperature follows from the epoch of the batch alone, so that a resumed run has the same."""

    def __init__(self, inner: Method, *, low: float, high: float, period: float):
        base = inner.innermost()
        if base.temperature is None:
            raise ValueError(
                "expected a method with a contrast's temperature under --temperature-schedule, got "
                f"{type(base).__name__}; leave it out, or train simclr or another contrastive method"
            )
        self.wrap(inner)
        self.low, self.high, self.period = low, high, period

    def loss(self, views: Views) -> Tensor:
        self._set(views.batch.epoch)
        return self.inner.loss(views)

    def harm(self, views: Views) -> Tensor:
        self._set(views.batch.epoch)
        return self.inner.harm(views)

    def _set(self, epoch: int) -> None:
        self.innermost().temperature = swinging(epoch, low=self.low, high=self.high, period=self.period)


TEMPERATURES = {"cosine": TemperatureSchedule}
"""What `temperature_schedule` may name, before the colon; the number after it is the period in epochs."""
