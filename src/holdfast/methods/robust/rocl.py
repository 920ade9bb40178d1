"""RoCL: an image's adversary is one more of its views (arXiv:2006.07589)."""

from dataclasses import dataclass

from torch import Tensor

from holdfast.config import MethodConfig, require
from holdfast.data.views import picked
from holdfast.methods.base import Batch, Method, Views, answering, joint_embeddings
from holdfast.objectives import joint_nt_xent, nt_xent


@dataclass(frozen=True, kw_only=True)
class RoCLConfig(MethodConfig):
    """RoCL's own settings."""

    temperature: float = 0.5
    """Divides cosine similarities; the authors use 0.5."""
    adversary_weight: float = 1 / 256
    """Weight of the contrast between the adversary and the other view alone."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.temperature > 0, "temperature > 0", self.temperature, "the authors use 0.5")
        require(self.adversary_weight >= 0, "adversary_weight >= 0", self.adversary_weight, "the authors use 1/256")


class RoCL(Method):
    """Two views and a copy of the first, which an adversary moves: all three are positives of each other."""

    Config = RoCLConfig
    purpose = "attacks"
    views_per_image = 3
    moved_views = slice(2, None)

    @property
    def passes_per_harm(self) -> int:
        return 2

    def views(self, batch: Batch) -> Views:
        return picked(self.make_views(batch, views=2), (0, 1, 0))

    def loss(self, views: Views) -> Tensor:
        z = joint_embeddings(self.network, views.images)
        alone = nt_xent(z[2], z[1], temperature=self.temperature)
        return joint_nt_xent(z, temperature=self.temperature) + self.config.adversary_weight * alone

    def harm(self, views: Views) -> Tensor:
        with answering(self.network):
            other, adversary = joint_embeddings(self.network, views.images[1:])
        return nt_xent(adversary, other, temperature=self.temperature)
