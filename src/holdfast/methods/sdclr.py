"""SDCLR: contrast a network with its own pruned self (arXiv:2106.02990)."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor, nn

from holdfast.config import MethodConfig, require
from holdfast.distributed import gather
from holdfast.methods.base import Method, Views
from holdfast.models import PrunedBranch
from holdfast.objectives import nt_xent
from holdfast.randomness import generator


@dataclass(frozen=True, kw_only=True)
class SDCLRConfig(MethodConfig):
    """SDCLR's own settings."""

    temperature: float = 0.2
    """Divides cosine similarities; the paper uses 0.2 on CIFAR and 0.3 on ImageNet-100."""
    prune_ratio: float = 0.9
    """Share of convolution weights hidden from the pruned branch, ranked again every epoch."""
    prune_random: float = 0.0
    """Part of prune_ratio that is hidden at random instead of by magnitude."""
    mask_seed: int = 0
    """Seed of the random part: the same on every rank."""

    def __post_init__(self) -> None:
        super().__post_init__()
        shares = (self.prune_random, self.prune_ratio)
        require(self.temperature > 0, "temperature > 0", self.temperature, "the paper uses 0.2 or 0.3")
        require(0 <= shares[0] <= shares[1] <= 1, "0 <= prune_random <= prune_ratio <= 1", shares, "the paper uses 0.9")

    @property
    def whole_weights(self) -> str:
        return "ranks all weights and hides some"


class SDCLR(Method):
    """NT-Xent between view 1 through the dense network and view 2 through the pruned one; gradients reach both."""

    Config = SDCLRConfig
    purpose = "tail"

    def __init__(self, config: SDCLRConfig, *, network: nn.Sequential, make_views: Callable[..., Views]):
        super().__init__(config, network=network, make_views=make_views)
        # One joint pass where the authors run the branch twice: its running statistics move once a step at momentum
        # 0.1, theirs twice (VITA-Group/SDCLR@f1490fc, prune/prune_simCLR.py). Those statistics are never evaluated.
        self.pruned = PrunedBranch(network, ratio=config.prune_ratio, random_ratio=config.prune_random)

    def loss(self, views: Views) -> Tensor:
        z1 = self.network(views.images[0])
        z2 = self.pruned(self.network, views.images[1])
        return nt_xent(gather(z1), gather(z2), temperature=self.temperature)

    def start_epoch(self, epoch: int) -> None:
        self.pruned.rerank(self.network, generator=generator(self.config.mask_seed, "random mask", epoch))
