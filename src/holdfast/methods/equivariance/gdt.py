"""GDT: be invariant to some transformations and tell others apart (arXiv:2003.04298)."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor, nn

from holdfast.config import MethodConfig, RunConfig, require
from holdfast.data.views import picked
from holdfast.methods.base import Batch, Method, Views, joint_embeddings
from holdfast.objectives import grouped_nt_xent

Turns = Callable[[Tensor], Tensor]
DISTINCT: dict[str, tuple[Turns, ...]] = {
    "none": (lambda images: images,),
    "turn": tuple(lambda images, quarters=quarters: images.rot90(quarters, (-2, -1)) for quarters in range(4)),
    "half-turn": (lambda images: images, lambda images: images.rot90(2, (-2, -1))),
    "mirror": (lambda images: images, lambda images: images.flip(-1)),
    "negative": (lambda images: images, lambda images: 1 - images),
}
"""By name: what is done to views [n, 3, h, w] in [0, 1]; views that it was done to differently are no positives."""


@dataclass(frozen=True, kw_only=True)
class GDTConfig(MethodConfig):
    """GDT's own settings."""

    temperature: float = 0.07
    """Divides cosine similarities; the authors use 0.07."""
    distinct: Literal["none", "turn", "half-turn", "mirror", "negative"] = "turn"
    """The transformation that features must tell: quarter turns, upside down, mirror image or colours inverted. All
    that views are drawn by is what they must not tell."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.temperature > 0, "temperature > 0", self.temperature, "the authors use 0.07")

    def check(self, run: RunConfig) -> None:
        super().check(run)
        drawn = self.distinct == "mirror" and run.views.flip > 0
        require(not drawn, "--flip 0 with --distinct mirror", run.views.flip, "what is drawn at random cannot be told")


class GDT(Method):
    """Two views of an image for each way of the distinct transformation: two that were transformed alike are positives,
    all others negatives, those of the same image too."""

    Config = GDTConfig
    purpose = "equivariance"

    def __init__(self, config: GDTConfig, *, network: nn.Sequential, make_views: Callable[..., Views]):
        super().__init__(config, network=network, make_views=make_views)
        self.ways = DISTINCT[config.distinct]
        self.views_per_image = 2 * len(self.ways)

    def views(self, batch: Batch) -> Views:
        """View by view: both of the first way, then both of the second."""
        drawn = self.make_views(batch, views=2)
        repeated = picked(drawn, tuple(place % 2 for place in range(self.views_per_image)))
        images = torch.cat([way(drawn.images) for way in self.ways])
        return replace(repeated, images=images)

    def loss(self, views: Views) -> Tensor:
        z = joint_embeddings(self.network, views.images)
        ways = torch.arange(len(self.ways), device=z.device).repeat_interleave(2)
        return grouped_nt_xent(z, ways, temperature=self.temperature)
