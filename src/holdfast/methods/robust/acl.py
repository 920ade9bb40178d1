"""ACL: contrast clean and attacked views, each by norms of its own (arXiv:2010.13337); DynACL too (2303.01289)."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor, nn

from holdfast.config import MethodConfig, require
from holdfast.data.views import picked
from holdfast.methods.base import Batch, Method, Views, answering, joint_embeddings, of_all_ranks
from holdfast.methods.first_view import first_features
from holdfast.models import OwnNorms
from holdfast.objectives import nt_xent


@dataclass(frozen=True, kw_only=True)
class ACLConfig(MethodConfig):
    """ACL's own settings."""

    temperature: float = 0.5
    """Divides cosine similarities; the authors use 0.5."""
    attacked_ramp: float = 0.0
    """How far the attacked views' weight rises above 1, and the clean views' falls, as a strength schedule weakens the
    views; DynACL uses 2/3."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.temperature > 0, "temperature > 0", self.temperature, "the authors use 0.5")
        require(0 <= self.attacked_ramp <= 1, "attacked_ramp in [0, 1]", self.attacked_ramp, "DynACL uses 2/3")

    @property
    def whole_weights(self) -> str:
        return "lends its network norms of its own"


class ACL(Method):
    """Half NT-Xent of two clean views by one set of norms, half of their adversaries by the set that audits see."""

    Config = ACLConfig
    purpose = "attacks"
    views_per_image = 4
    moved_views = slice(2, None)

    def __init__(self, config: ACLConfig, *, network: nn.Sequential, make_views: Callable[..., Views]):
        super().__init__(config, network=network, make_views=make_views)
        self.clean = OwnNorms(network)

    @property
    def passes_per_harm(self) -> int:
        return 2

    def views(self, batch: Batch) -> Views:
        return picked(self.make_views(batch, views=2), (0, 1, 0, 1))

    def loss(self, views: Views) -> Tensor:
        clean = of_all_ranks(self.clean(self.network, views.images[:2].flatten(0, 1)))
        weight = 1 + self.config.attacked_ramp * (1 - self.strength)
        calm = nt_xent(clean[0], clean[1], temperature=self.temperature)
        return ((2 - weight) * calm + weight * self._attacked(views)) / 2

    def harm(self, views: Views) -> Tensor:
        with answering(self.network):
            return self._attacked(views)

    def _attacked(self, views: Views) -> Tensor:
        z1, z2 = joint_embeddings(self.network, views.images[2:])
        return nt_xent(z1, z2, temperature=self.temperature)

    def first_features(self, images: Tensor) -> Tensor:
        with first_features(self.network) as seen:
            self.clean(self.network, images)
        return seen[0]
