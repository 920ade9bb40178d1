"""DynACL++: a robust encoder's own clusters as labels, and adversarial fine-tuning on them (arXiv:2303.01289)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from holdfast.config import MethodConfig, require
from holdfast.data.views import picked
from holdfast.distributed import gather, join_rows
from holdfast.methods.base import Batch, Method, Views, answering
from holdfast.methods.clean_teacher import clean_teacher
from holdfast.objectives import divergence, trades


@dataclass(frozen=True, kw_only=True)
class DynACLTuningConfig(MethodConfig):
    """DynACL++'s own settings."""

    teacher: str | None = None
    """The encoder to tune: the run folder of dynacl or of any other method. There is none without it."""
    clusters: int = 10
    """Pseudo-labels: clusters of the encoder's features of the training images, by k-means; the authors take 10."""
    steadiness: float = 6.0
    """Weight of the divergence between answers to clean and attacked images; the authors use 6."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.clusters >= 2, "clusters >= 2", self.clusters, "the authors take 10")
        require(self.steadiness >= 0, "steadiness >= 0", self.steadiness, "the authors use 6")

    @property
    def starts_as_teacher(self) -> bool:
        return True


class DynACLTuning(Method):
    """TRADES on pseudo-labels, from the encoder as it came and a linear head that already tells them apart.

    An image's label is the nearest centre to its features by the encoder as it came, of the image as it is.
    """

    Config = DynACLTuningConfig
    purpose = "attacks"
    taught_by = "dynacl"
    centres: Tensor

    def __init__(self, config: DynACLTuningConfig, *, network: nn.Sequential, make_views: Callable[..., Views]):
        super().__init__(config, network=network, make_views=make_views)
        self.teacher = clean_teacher(config.teacher, network[0], "dynacl++", start=True, trained_by=self.taught_by)
        self.clusters = config.clusters
        self.register_buffer("centres", torch.zeros(config.clusters, int(network[0].dim)))  # type: ignore[arg-type]
        self._readings: list[Tensor] = []

    @classmethod
    def head(cls, config: Any, width: int) -> nn.Module:
        return nn.Linear(width, config.clusters)

    @property
    def passes_per_harm(self) -> int:
        return 1

    @torch.no_grad()
    def take_clusters(self, centres: Tensor, weight: Tensor, bias: Tensor) -> None:
        head = self.network[1]
        for own, found in ((self.centres, centres), (head.weight, weight), (head.bias, bias)):
            own.copy_(found)  # type: ignore[operator,union-attr]

    def views(self, batch: Batch) -> Views:
        return picked(self.make_views(batch, views=1), (0, 0))

    def labels(self, images: Tensor) -> Tensor:
        """Pseudo-labels int64 [n] of images [n, 3, h, w] in [0, 1]."""
        return torch.cdist(self.teacher(images).to(self.centres.dtype), self.centres).argmin(1)

    def loss(self, views: Views) -> Tensor:
        clean, attacked = (gather(self.network(images)) for images in views.images)
        labels = join_rows(self.labels(views.batch.images))[0]
        self._readings.append((clean.argmax(1) == labels).float().mean().detach())
        return trades(clean, attacked, labels, steadiness=self.config.steadiness)

    def harm(self, views: Views) -> Tensor:
        with answering(self.network):
            with torch.no_grad():
                clean = self.network(views.images[0])
            return divergence(gather(clean), gather(self.network(views.images[1])))

    def readings(self) -> dict[str, float]:
        """pseudo_label_accuracy: percent of clean views whose pseudo-label the head tells."""
        if not self._readings:
            return super().readings()
        share = float(torch.stack(self._readings).mean())
        self._readings.clear()
        return super().readings() | {"pseudo_label_accuracy": 100 * share}
