"""Transformation Coding: angles between images stay when all are transformed alike (arXiv:2202.10930; 2306.13924)."""

from dataclasses import dataclass

import torch
from torch import Tensor

from holdfast.config import Kinds, PartConfig, RunConfig, require
from holdfast.distributed import gather, join_rows
from holdfast.methods.base import Method, Views, untracked
from holdfast.methods.first_view import first_features, unit
from holdfast.objectives import transformation_coding
from holdfast.randomness import sample_keys, uniform

KINDS = 7
"""Quarter turns and mirror images, but for the image as it is: each moves pixels and changes none."""


@dataclass(frozen=True, kw_only=True)
class CodingConfig(PartConfig):
    """Transformation coding."""

    word = "equivariance"
    example = "care:0.03"
    purpose = "equivariance"
    equivariance: str | None = None
    """'care:0.03' adds 0.03 times how far angles between images change when both are turned or mirrored alike; None:
    no."""

    def check(self, config: RunConfig) -> None:
        on = self.equivariance is not None
        require(not (on and config.chunk), "--equivariance without --chunk", config.chunk, "leave one of them out")

    @staticmethod
    def kinds() -> Kinds:
        return CODINGS, "W", 0

    def wrap(self, method: Method, config: RunConfig) -> Method:
        coding, weight = self.pick()
        return coding(method, weight=weight, seed=config.seed)


def turned(images: Tensor, kinds: Tensor) -> Tensor:
    """Square images [n, 3, s, s], each by its kind [n] in 0..6: turned by 1 to 3 quarters, or mirrored and turned by 0
    to 3."""
    ways = [images.rot90(k, (-2, -1)) for k in (1, 2, 3)] + [images.flip(-1).rot90(k, (-2, -1)) for k in range(4)]
    return torch.stack(ways)[kinds, torch.arange(len(images), device=images.device)]


class TransformationCoding(Method):
    """Adds weight times the mean squared change of the cosine of two images when both are moved by the same kind.

    Features are of the encoder, unit length. The second encoding leaves running statistics alone. It is lowest where
    features are moved by rotations of their space, and also where they are not moved at all: readings say how far.
    """

    def __init__(self, inner: Method, *, weight: float, seed: int):
        self.wrap(inner)
        self.weight, self.seed = weight, seed
        self._readings: list[Tensor] = []

    @property
    def passes_per_image(self) -> int:
        return self.inner.passes_per_image + self.steps_per_batch

    def loss(self, views: Views) -> Tensor:
        with first_features(self.network) as seen:
            loss = self.inner.loss(views)
        kinds = self._kinds(views)
        with untracked(self.network):
            other = unit(self.inner.first_features(turned(views.images[0], kinds)))
        own, moved, alike = gather(unit(seen[0][: len(kinds)])), gather(other), join_rows(kinds)[0]
        coding = transformation_coding(own, moved, alike)
        spread = 1 - own.detach().mean(0).square().sum()
        far = (own - moved).detach().square().sum(1).mean() / (2 * spread.clamp(min=1e-12))
        self._readings.append(torch.stack([coding.detach(), far]))
        return loss + self.weight * coding

    def harm(self, views: Views) -> Tensor:
        return self.inner.harm(views)

    def _kinds(self, views: Views) -> Tensor:
        """int64 [n]: keyed by epoch and id, as the views are."""
        batch = views.batch
        keys = sample_keys(self.seed, "transformation coding", epoch=batch.epoch, ids=batch.ids, views=1)[0]
        return (uniform(keys, 1)[:, 0] * KINDS).long().to(views.images.device)

    def readings(self) -> dict[str, float]:
        """coding: the term; moved: the mean squared move over twice the variance, 0 for features that are invariant."""
        if not self._readings:
            return super().readings()
        coding, moved = torch.stack(self._readings).mean(0).tolist()
        self._readings.clear()
        return super().readings() | {"coding": coding, "moved": moved}


CODINGS = {"care": TransformationCoding}
"""What `equivariance` may name, before the colon; the number after it is the term's weight."""
