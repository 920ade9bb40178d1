"""DCL and DCLW: SimCLR whose denominator leaves the positive out, so that small batches learn (arXiv:2110.06848)."""

from dataclasses import dataclass

from torch import Tensor

from holdfast.config import MethodConfig, require
from holdfast.methods.base import Method, Views, joint_embeddings
from holdfast.objectives import dcl, dclw


@dataclass(frozen=True, kw_only=True)
class DCLConfig(MethodConfig):
    """DCL's own settings."""

    temperature: float = 0.1
    """Divides cosine similarities; the paper uses 0.1."""
    weighted: bool = False
    """DCLW: images whose views are far apart count more."""
    sigma: float = 0.5
    """DCLW: width of that weight, in cosines; the paper uses 0.5."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.temperature > 0, "temperature > 0", self.temperature, "the paper uses 0.1")
        require(self.sigma > 0, "sigma > 0", self.sigma, "the paper uses 0.5")


class DCL(Method):
    """Two views attract, all other images repel, and the two forces are no longer coupled by one denominator."""

    Config = DCLConfig
    purpose = "contrast"

    def loss(self, views: Views) -> Tensor:
        z1, z2 = joint_embeddings(self.network, views.images)
        if self.config.weighted:
            return dclw(z1, z2, temperature=self.temperature, sigma=self.config.sigma)
        return dcl(z1, z2, temperature=self.temperature)
