"""rwSAM: flat minima where images are rare, on any method (arXiv:2110.05025)."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F

from holdfast.config import Kinds, PartConfig, RunConfig, require
from holdfast.distributed import join_rows, total, world_size
from holdfast.methods.base import Method, Views, untracked

BANDWIDTH, CLIP = 0.1, 10.0
"""Width of the kernel, in cosines; the largest weight over the mean, and its inverse the smallest."""


@dataclass(frozen=True, kw_only=True)
class SharpnessConfig(PartConfig):
    """Sharpness-aware training, weighted by rarity."""

    word = "sharpness"
    example = "rwsam:0.05"
    purpose = "tail"
    sharpness: str | None = None
    """'rwsam:0.05' steps 0.05 up the loss, rare images first, and takes the gradient there; None: no."""
    sharpness_power: float = 0.5
    """Weights are densities to the minus this; 0 is plain SAM."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.sharpness_power >= 0, "sharpness_power >= 0", self.sharpness_power, "0 weighs all alike")

    def check(self, config: RunConfig) -> None:
        on = self.sharpness is not None
        require(not (on and config.chunk), "--sharpness without --chunk", config.chunk, "leave one of them out")
        shares = config.shard_weights
        require(
            not (on and shares), "--sharpness without --shard-weights", "both, and it moves weights", "leave one out"
        )
        require(not (on and config.compile), "--sharpness without --compile", "--compile", "leave one of them out")

    @staticmethod
    def kinds() -> Kinds:
        return SHARPNESSES, "R", 0

    def wrap(self, method: Method, config: RunConfig) -> Method:
        sharpness, rho = self.pick()
        return sharpness(method, rho=rho, power=self.sharpness_power)


class _Loss(nn.Module):
    def __init__(self, method: Method):
        super().__init__()
        self.method = method

    def forward(self, views: Views) -> Tensor:
        return self.method.loss(views)


class ReweightedSAM(Method):
    """The loss at weights + rho g / |g|, g the gradient of the weighted loss; its own gradient is not weighted.

    The weights themselves never move, so nothing has to be restored. An image's weight multiplies the gradient that
    reaches its embeddings.
    """

    def __init__(self, inner: Method, *, rho: float, power: float):
        self.wrap(inner)
        self.rho, self.power = rho, power

    @property
    def passes_per_image(self) -> int:
        return 2 * self.inner.passes_per_image

    def harm(self, views: Views) -> Tensor:
        return self.inner.harm(views)

    def loss(self, views: Views) -> Tensor:
        trained = {name: p for name, p in self.inner.named_parameters() if p.requires_grad}
        moved = {f"method.{name}": trained[name] + step for name, step in self.ascent(views, trained).items()}
        return functional_call(_Loss(self.inner), moved, (views,))

    def ascent(self, views: Views, trained: dict[str, nn.Parameter]) -> dict[str, Tensor]:
        """rho g / |g| by name, the same on every rank; g: of the loss whose images are weighted by rarity."""
        with torch.enable_grad(), untracked(self.inner), self._weighted(len(views.batch.ids)):
            loss = self.inner.loss(views)
            found = torch.autograd.grad(loss, list(trained.values()), allow_unused=True)
        with torch.no_grad():
            known = {name: g for name, g in zip(trained, found, strict=True) if g is not None}
            known = {name: total(g) / world_size() for name, g in known.items()}
            length = torch.stack([g.float().norm() for g in known.values()]).norm().clamp(min=1e-12)
            return {name: (self.rho / length).to(g) * g for name, g in known.items()}

    @contextmanager
    def _weighted(self, images: int) -> Iterator[None]:
        """Inside the block the head's outputs pass each image's gradient on times its weight."""
        held: list[Tensor] = []

        def weigh(head: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
            if not held:
                held.append(rarity(inputs[0][:images].detach(), power=self.power))
            factor = held[0].to(output).repeat(len(output) // images)[:, None]
            return factor * output + (1 - factor) * output.detach()

        handle = self.network.get_submodule("1").register_forward_hook(weigh)
        try:
            yield
        finally:
            handle.remove()


def rarity(features: Tensor, *, power: float) -> Tensor:
    """Weights [n] with mean about 1: densities of features [n, dim] among those of all ranks to the minus power.

    A kernel density of unit features in the batch, in logarithms, each image without itself; clipped to 1/10 to 10.
    """
    own = F.normalize(features.float(), dim=1)
    all_rows, counts = join_rows(own)
    density = _log_density(all_rows)
    weights = torch.exp(-power * (density - density.mean())).clamp(1 / CLIP, CLIP)
    start = int(counts[: torch.distributed.get_rank()].sum()) if world_size() > 1 else 0
    return (weights / weights.mean())[start : start + len(features)]


def _log_density(rows: Tensor) -> Tensor:
    similarity = rows @ rows.T / BANDWIDTH
    return similarity.fill_diagonal_(-torch.inf).logsumexp(1)


SHARPNESSES = {"rwsam": ReweightedSAM}
"""What `sharpness` may name, before the colon; the number after it is the length of the step up."""
