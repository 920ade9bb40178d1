"""SimCLR: two views of an image attract, all other images repel (arXiv:2002.05709)."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from holdfast.config import MethodConfig, require
from holdfast.distributed import gather
from holdfast.methods.base import Method, Views, joint_embeddings
from holdfast.objectives import multi_view_nt_xent


@dataclass(frozen=True, kw_only=True)
class SimCLRConfig(MethodConfig):
    """SimCLR's own settings."""

    temperature: float = 0.2
    """Divides cosine similarities; the SDCLR paper's baseline uses 0.2."""
    view_count: int = 2
    """Views of an image; the loss is the mean over their pairs."""
    per_view_norm: bool = False
    """Encode each view by itself, so that batch norm sees one view at a time as in SDCLR; off: all views together."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.temperature > 0, "temperature > 0", self.temperature, "the papers use 0.2 to 0.5")
        require(self.view_count >= 2, "view_count >= 2", self.view_count, "a view must have another to agree with")


class SimCLR(Method):
    """NT-Xent between two views, or between each pair of more, through one network."""

    Config = SimCLRConfig
    purpose = "start"

    def __init__(self, config: SimCLRConfig, *, network: nn.Sequential, make_views: Callable[..., Views]):
        super().__init__(config, network=network, make_views=make_views)
        self.views_per_image = config.view_count

    def loss(self, views: Views) -> Tensor:
        if self.config.per_view_norm:
            z = torch.stack([gather(self.network(images)) for images in views.images])
        else:
            z = joint_embeddings(self.network, views.images)
        return multi_view_nt_xent(z, temperature=self.temperature)
