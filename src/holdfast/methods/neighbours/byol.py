"""BYOL: predict what a slowly following teacher sees in the other view (arXiv:2006.07733)."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor, nn

from holdfast.methods.base import Method, Views
from holdfast.methods.predicting import Predicting, PredictingConfig
from holdfast.objectives import byol


@dataclass(frozen=True, kw_only=True)
class BYOLConfig(PredictingConfig):
    """BYOL's own settings."""


class BYOL(Method):
    """Each view through network and predictor, against the teacher's embedding of the other."""

    Config = BYOLConfig
    purpose = "positives"
    moved_views = slice(None)

    def __init__(self, config: BYOLConfig, *, network: nn.Sequential, make_views: Callable[..., Views]):
        super().__init__(config, network=network, make_views=make_views)
        self.predicting = Predicting(network, config)

    def loss(self, views: Views) -> Tensor:
        predicted, target = self.predicting(self.network, views.images)
        return byol(predicted, target.flip(0))

    def after_step(self, progress: float) -> None:
        self.predicting.follow(self.network, progress)
