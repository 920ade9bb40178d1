"""The contract of a method: it turns a batch into losses and never calls `backward` or `step`."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from holdfast.config import MethodConfig
from holdfast.data.batches import Batch
from holdfast.data.views import Views
from holdfast.distributed import gather
from holdfast.models import projection_head
from holdfast.settings import Purpose

__all__ = ["Batch", "Method", "Views"]


class Method(nn.Module, ABC):
    """A self-supervised objective over a batch of images, with the networks it trains.

    network: nn.Sequential(encoder, head), pixels [n, 3, h, w] in [0, 1] -> embeddings [n, d].
    make_views: (batch, views=v) -> Views; the method says how many views it wants.
    """

    Config: ClassVar[type[MethodConfig]]
    """The class of the method's settings."""
    purpose: ClassVar[Purpose]
    """What it is for, as `holdfast methods` groups it."""
    taught_by: ClassVar[str] = ""
    """The method or preset whose run it takes as --teacher, 'download' for an encoder as it came; none where it needs
    no teacher."""
    views_per_image: int = 2
    """How many views of an image the networks see for one loss."""
    steps_per_batch: int = 1
    """How many losses `losses` yields for a batch; the engine steps the optimiser after each."""
    strength: float = 1.0
    """How strong this epoch's views are drawn, in [0, 1]: what a strength schedule sets."""
    clusters: int = 0
    """How many clusters of the training images it wants before a run begins; see `take_clusters`."""
    moved_views: slice = slice(1, None)
    """Which views an adversary may perturb; by default all but the first."""

    def __init__(self, config: Any, *, network: nn.Sequential, make_views: Callable[..., Views]):
        super().__init__()
        self.config, self.network, self.make_views = config, network, make_views
        self.temperature: Any = getattr(config, "temperature", None)

    def wrap(self, inner: "Method") -> None:
        """What the __init__ of a method that wraps another calls: shows the inner method's parts as its own."""
        nn.Module.__init__(self)
        self.inner = inner
        # Past nn.Module's bookkeeping: a network registered twice would be saved twice.
        vars(self).update(config=inner.config, network=inner.network, make_views=inner.make_views)
        self.views_per_image, self.steps_per_batch = inner.views_per_image, inner.steps_per_batch
        self.moved_views = inner.moved_views

    @classmethod
    def head(cls, config: Any, width: int) -> nn.Module:
        """A fresh head for a network of `width` features: features [n, width] -> embeddings [n, d]."""
        return projection_head(width, layers=config.head_layers, out=config.head_dim)

    @property
    def encoder(self) -> nn.Module:
        """What audits will see: pixels [n, 3, h, w] in [0, 1] -> features [n, dim]."""
        for inner in self.wrapped():
            return inner.encoder
        return self.network[0]

    @property
    def prefeature(self) -> nn.Module | None:
        """The part of the head that audits may keep, features [n, dim] -> [n, p]; None for most methods."""
        for inner in self.wrapped():
            return inner.prefeature
        return getattr(self.network[1], "prefeature", None)

    @property
    def passes_per_image(self) -> int:
        """Forward+backward passes that one visit to an image costs."""
        for inner in self.wrapped():
            return inner.passes_per_image * self.steps_per_batch // inner.steps_per_batch
        return self.steps_per_batch * self.views_per_image

    @property
    def passes_per_harm(self) -> int:
        """Forward+backward passes that one step of an attack costs for an image."""
        for inner in self.wrapped():
            return inner.passes_per_harm
        return self.passes_per_image // self.steps_per_batch

    def views(self, batch: Batch) -> Views:
        """The views of a batch, drawn by its ids and epoch; a wrapper's are its method's."""
        for inner in self.wrapped():
            return inner.views(batch)
        return self.make_views(batch, views=self.views_per_image)

    @abstractmethod
    def loss(self, views: Views) -> Tensor:
        """A scalar: the mean over the images of all ranks, float32 also under bf16."""

    def first_features(self, images: Tensor) -> Tensor:
        """Features [n, dim] of images as the loss encodes its first view."""
        for inner in self.wrapped():
            return inner.first_features(images)
        return self.network[0](images)

    @property
    def own_harm(self) -> bool:
        """Whether the method's paper has an adversary climb something else than the loss."""
        return type(self.innermost()).harm is not Method.harm

    def harm(self, views: Views) -> Tensor:
        """What an adversary that takes steps of its own climbs: the loss, or what the method's paper has and no more.
        A wrapper's: the loss with what it adds, or that of its method where it is no loss."""
        for inner in self.wrapped():
            if self.own_harm:
                return inner.harm(views)
        return self.loss(views)

    def losses(self, batch: Batch) -> Iterator[Tensor]:
        """Yields `steps_per_batch` losses; the engine runs backward and steps the optimiser between them."""
        views = self.views(batch)
        for _ in range(self.steps_per_batch):
            yield self.loss(views)

    def wrapped(self) -> list["Method"]:
        """The method inside a wrapper, which hears of all that follows unless the wrapper says otherwise; else none."""
        return [child for child in self.children() if isinstance(child, Method)]

    def innermost(self) -> "Method":
        """The method inside all wrappers, or the method itself."""
        for inner in self.wrapped():
            return inner.innermost()
        return self

    def take_clusters(self, centres: Tensor, weight: Tensor, bias: Tensor) -> None:
        """Centres [clusters, dim] of the features of all training images, and a linear head [clusters, dim], [clusters]
        that tells them: called before a run's first epoch where `clusters` is not 0."""

    def start_epoch(self, epoch: int) -> None:
        """Called before an epoch's first batch; not called again when a run resumes in mid-epoch."""
        for inner in self.wrapped():
            inner.start_epoch(epoch)

    def after_step(self, progress: float) -> None:
        """Called after each optimiser step, at a share of the run in (0, 1]: where a teacher follows."""
        for inner in self.wrapped():
            inner.after_step(progress)

    def readings(self) -> dict[str, float]:
        """What the method measured since the last call, by name: written into the epoch's row of metrics.jsonl."""
        return {name: value for inner in self.wrapped() for name, value in inner.readings().items()}

    def rank_state(self) -> dict[str, Tensor]:
        """Tensors [n, ...] of this rank's own that a checkpoint keeps per rank; load_rank_state takes them back."""
        return {name: rows for inner in self.wrapped() for name, rows in inner.rank_state().items()}

    def load_rank_state(self, state: dict[str, Tensor]) -> None:
        """Takes back what rank_state gave, on resume."""
        for inner in self.wrapped():
            inner.load_rank_state(state)


def joint_embeddings(network: nn.Module, images: Tensor) -> Tensor:
    """[v, n, d] of views [v, n, 3, h, w] in one pass, so that batch norms see all views together; of all ranks."""
    return of_all_ranks(network(images.flatten(0, 1)), views=len(images))


def of_all_ranks(z: Tensor, *, views: int = 2) -> Tensor:
    """[v, n of all ranks, d] of this rank's rows [v · n, d], view by view."""
    return torch.stack([gather(part) for part in z.chunk(views)])


@contextmanager
def untracked(network: nn.Module) -> Iterator[None]:
    """Inside the block batch norms normalise as in training, and their running statistics stay as they are."""
    norms = [module for module in network.modules() if getattr(module, "track_running_stats", False)]
    for norm in norms:
        norm.track_running_stats = False  # type: ignore[assignment]
    try:
        yield
    finally:
        for norm in norms:
            norm.track_running_stats = True  # type: ignore[assignment]


@contextmanager
def answering(network: nn.Module) -> Iterator[None]:
    """Inside the block the network answers as in evaluation."""
    modes = [(module, module.training) for module in network.modules()]
    network.eval()
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training
