"""A moving average of the weights, which audits see in place of the last ones, on any method (arXiv:1703.01780)."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from holdfast.config import Kinds, PartConfig, RunConfig, require
from holdfast.methods.base import Method, Views
from holdfast.models import Teacher


@dataclass(frozen=True, kw_only=True)
class AverageConfig(PartConfig):
    """The average of the weights."""

    word = "weight_average"
    example = "ema:0.999"
    weight_average: str | None = None
    """'ema:0.999' keeps a moving average of the weights with this momentum as the trained encoder; None: the last."""

    def __post_init__(self) -> None:
        super().__post_init__()
        below = self.chosen is None or self.pick()[1] < 1
        require(below, "--weight-average ema:M with M < 1", self.weight_average, "try ema:0.999")

    @staticmethod
    def kinds() -> Kinds:
        return AVERAGES, "M", 0

    def wrap(self, method: Method, config: RunConfig) -> Method:
        average, momentum = self.pick()
        return average(method, momentum=momentum)


class WeightAverage(Method):
    """A method whose encoder is the average: a plain mean of the first 1/(1 - momentum) steps, then a moving one."""

    steps: Tensor

    def __init__(self, inner: Method, *, momentum: float):
        self.wrap(inner)
        self.momentum = momentum
        self.average = Teacher(inner.network)
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64))

    @property
    def encoder(self) -> nn.Module:
        return self.average.network[0]  # type: ignore[index]

    @property
    def prefeature(self) -> nn.Module | None:
        return getattr(self.average.network[1], "prefeature", None)  # type: ignore[index]

    def loss(self, views: Views) -> Tensor:
        return self.inner.loss(views)

    def harm(self, views: Views) -> Tensor:
        return self.inner.harm(views)

    @torch.no_grad()
    def after_step(self, progress: float) -> None:
        super().after_step(progress)
        momentum = min(self.momentum, int(self.steps) / (int(self.steps) + 1))
        self.steps += 1
        self.average.follow(self.network, momentum=momentum)
        for own, new in zip(self.average.buffers(), self.network.buffers(), strict=True):
            own.copy_(new)  # statistics of norms


AVERAGES = {"ema": WeightAverage}
"""What `weight_average` may name, before the colon; the number after it is the momentum."""
