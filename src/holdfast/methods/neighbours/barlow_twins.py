"""Barlow Twins: the correlation of two views' dimensions is the identity (arXiv:2103.03230)."""

from dataclasses import dataclass

from torch import Tensor

from holdfast.config import MethodConfig, require
from holdfast.methods.base import Method, Views, joint_embeddings
from holdfast.objectives import barlow_twins


@dataclass(frozen=True, kw_only=True)
class BarlowTwinsConfig(MethodConfig):
    """Barlow Twins' own settings."""

    head_layers: int = 3
    """Linear layers in the projection head: 2 or 3."""
    head_dim: int = 2048
    """Width of the embeddings; the paper uses 8192."""
    redundancy_weight: float = 0.0051
    """Weight of the correlations between different dimensions."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.redundancy_weight >= 0, "redundancy_weight >= 0", self.redundancy_weight, "the paper uses 0.0051")


class BarlowTwins(Method):
    """Two views through one network, without negatives."""

    Config = BarlowTwinsConfig
    purpose = "positives"

    def loss(self, views: Views) -> Tensor:
        z1, z2 = joint_embeddings(self.network, views.images)
        return barlow_twins(z1, z2, weight=self.config.redundancy_weight)
