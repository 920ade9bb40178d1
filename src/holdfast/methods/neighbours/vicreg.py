"""VICReg: views agree, each dimension varies, no two dimensions say the same (arXiv:2105.04906)."""

from dataclasses import dataclass

from torch import Tensor

from holdfast.config import MethodConfig, require
from holdfast.methods.base import Method, Views, joint_embeddings
from holdfast.objectives import vicreg


@dataclass(frozen=True, kw_only=True)
class VICRegConfig(MethodConfig):
    """VICReg's own settings."""

    head_layers: int = 3
    """Linear layers in the projection head: 2 or 3."""
    head_dim: int = 2048
    """Width of the embeddings; the paper uses 8192."""
    similarity_weight: float = 25.0
    """Weight of the agreement between views."""
    variance_weight: float = 25.0
    """Weight of the spread of each dimension."""
    covariance_weight: float = 1.0
    """Weight of the covariances between dimensions."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("similarity_weight", "variance_weight", "covariance_weight"):
            require(getattr(self, name) >= 0, f"{name} >= 0", getattr(self, name), "the paper uses 25, 25 and 1")


class VICReg(Method):
    """Two views through one network, without negatives."""

    Config = VICRegConfig
    purpose = "positives"

    def loss(self, views: Views) -> Tensor:
        config = self.config
        z1, z2 = joint_embeddings(self.network, views.images)
        weights = {"similarity": config.similarity_weight, "variance": config.variance_weight}
        return vicreg(z1, z2, **weights, covariance=config.covariance_weight)
