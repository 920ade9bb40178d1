"""MoCo v3: tell from all others what a slowly following teacher sees in the other view (arXiv:2104.02057)."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor, nn

from holdfast.config import require
from holdfast.methods.base import Method, Views
from holdfast.methods.predicting import Predicting, PredictingConfig
from holdfast.objectives import moco


@dataclass(frozen=True, kw_only=True)
class MoCoV3Config(PredictingConfig):
    """MoCo v3's own settings."""

    temperature: float = 0.2
    """Divides cosine similarities; the paper uses 0.2 for ViTs and 1.0 for ResNets."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.temperature > 0, "temperature > 0", self.temperature, "the paper uses 0.2 and 1.0")


class MoCoV3(Method):
    """Each view through network and predictor, against the teacher's embeddings of the other view of all images."""

    Config = MoCoV3Config
    purpose = "contrast"
    moved_views = slice(None)

    def __init__(self, config: MoCoV3Config, *, network: nn.Sequential, make_views: Callable[..., Views]):
        super().__init__(config, network=network, make_views=make_views)
        self.predicting = Predicting(network, config)

    def loss(self, views: Views) -> Tensor:
        predicted, target = self.predicting(self.network, views.images)
        t = self.temperature
        return moco(predicted[0], target[1], temperature=t) + moco(predicted[1], target[0], temperature=t)

    def after_step(self, progress: float) -> None:
        self.predicting.follow(self.network, progress)
