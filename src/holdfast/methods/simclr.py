"""SimCLR: two views of an image attract, all other images repel (arXiv:2002.05709)."""

from dataclasses import dataclass

from torch import Tensor

from holdfast.config import MethodConfig, require
from holdfast.distributed import gather
from holdfast.methods.base import Batch, Method, Views
from holdfast.objectives import nt_xent


@dataclass(frozen=True, kw_only=True)
class SimCLRConfig(MethodConfig):
    """SimCLR's own settings."""

    temperature: float = 0.2
    """Divides cosine similarities; the SDCLR paper's baseline uses 0.2."""
    per_view_norm: bool = False
    """Encode each view by itself, so that batch norm sees one view at a time as in SDCLR; off: both views together."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.temperature > 0, "temperature > 0", self.temperature, "the papers use 0.2 to 0.5")


class SimCLR(Method):
    """NT-Xent between two views through one network."""

    Config = SimCLRConfig

    def views(self, batch: Batch) -> Views:
        return self.make_views(batch, views=2)

    def loss(self, views: Views) -> Tensor:
        if self.config.per_view_norm:
            z1, z2 = (self.network(images) for images in views.images)
        else:
            z1, z2 = self.network(views.images.flatten(0, 1)).chunk(2)
        return nt_xent(gather(z1), gather(z2), temperature=self.config.temperature)
