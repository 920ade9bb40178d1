"""The contract of a method: it turns a batch into losses and never calls `backward` or `step`."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

from torch import Tensor, nn

from holdfast.config import MethodConfig
from holdfast.data.batches import Batch
from holdfast.data.views import Views

__all__ = ["Batch", "Method", "Views"]


class Method(nn.Module, ABC):
    """A self-supervised objective over a batch of images, with the networks it trains.

    network: nn.Sequential(encoder, head), pixels [n, 3, h, w] in [0, 1] -> embeddings [n, d].
    make_views: (batch, views=v) -> Views; the method says how many views it wants.
    """

    Config: ClassVar[type[MethodConfig]]
    """The class of the method's settings."""
    views_per_image: int = 2
    """How many views of an image the networks see for one loss."""
    steps_per_batch: int = 1
    """How many losses `losses` yields for a batch; the engine steps the optimiser after each."""

    def __init__(self, config: Any, *, network: nn.Sequential, make_views: Callable[..., Views]):
        super().__init__()
        self.config, self.network, self.make_views = config, network, make_views

    @property
    def encoder(self) -> nn.Module:
        """What audits will see: pixels [n, 3, h, w] in [0, 1] -> features [n, dim]."""
        return self.network[0]

    @abstractmethod
    def views(self, batch: Batch) -> Views:
        """The views of a batch, drawn by its ids and epoch."""

    @abstractmethod
    def loss(self, views: Views) -> Tensor:
        """A scalar: the mean over the images of all ranks, float32 also under bf16."""

    def losses(self, batch: Batch) -> Iterator[Tensor]:
        """Yields `steps_per_batch` losses; the engine runs backward and steps the optimiser between them."""
        yield self.loss(self.views(batch))

    def start_epoch(self, epoch: int) -> None:
        """Called before an epoch's first batch; not called again when a run resumes in mid-epoch."""
