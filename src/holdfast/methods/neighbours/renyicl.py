"""RényiCL: contrast by a skew Rényi divergence, which bears hard augmentation (arXiv:2208.06270)."""

from dataclasses import dataclass

from torch import Tensor

from holdfast.config import MethodConfig, require
from holdfast.methods.base import Method, Views, joint_embeddings
from holdfast.objectives import renyi


@dataclass(frozen=True, kw_only=True)
class RenyiCLConfig(MethodConfig):
    """RényiCL's own settings."""

    temperature: float = 0.5
    """Divides cosine similarities; the authors use 0.5."""
    order: float = 2.0
    """Order of the divergence, at least 1; the authors use 2."""
    skew: float = 1 / 65536
    """Share of positives mixed into the negatives, in (0, 1); its logarithm bounds the divergence."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.temperature > 0, "temperature > 0", self.temperature, "the authors use 0.5")
        require(self.order >= 1, "order >= 1", self.order, "the authors use 2")
        require(0 < self.skew < 1, "skew in (0, 1)", self.skew, "the authors use 1/65536")


class RenyiCL(Method):
    """Two views; pairs of one image against pairs of any two, over the whole batch instead of row by row."""

    Config = RenyiCLConfig
    purpose = "contrast"

    def loss(self, views: Views) -> Tensor:
        config = self.config
        z1, z2 = joint_embeddings(self.network, views.images)
        return renyi(z1, z2, temperature=self.temperature, order=config.order, skew=config.skew)
