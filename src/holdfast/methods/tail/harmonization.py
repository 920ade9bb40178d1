"""GH: rare groups of images get as much of the sphere as frequent ones, on any method (arXiv:2310.17622)."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from holdfast.config import Kinds, PartConfig, RunConfig, require
from holdfast.methods.base import Method, Views, of_all_ranks
from holdfast.methods.first_view import by_view, head_outputs
from holdfast.models import Encoder
from holdfast.objectives import harmonization, simplex_frame
from holdfast.objectives.harmonization import surrogate_logits


@dataclass(frozen=True, kw_only=True)
class HarmonyConfig(PartConfig):
    """Geometric harmonization."""

    word = "harmonize"
    example = "gh:1"
    purpose = "tail"
    harmonize: str | None = None
    """'gh:1' adds once how far views disagree on their surrogate class, classes on even regions; None: no."""
    harmonize_classes: int = 100
    """Surrogate classes, at most one more than the embeddings have dimensions; the authors use 100."""
    harmonize_start: float = 0.5
    """Share of the run that goes by without; the weight then rises over a hundredth of it. The authors use 0.5."""
    harmonize_refresh: int = 20
    """Epochs after which the classes' sizes are taken anew; the authors use 20."""
    harmonize_iterations: int = 300
    """Iterations of Sinkhorn; the authors use 300."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require(0 <= self.harmonize_start < 1, "harmonize_start in [0, 1)", self.harmonize_start, "it is a share")
        for name, least in (("harmonize_classes", 2), ("harmonize_refresh", 1), ("harmonize_iterations", 1)):
            require(getattr(self, name) >= least, f"{name} >= {least}", getattr(self, name), "see --help")

    def check(self, config: RunConfig) -> None:
        self.require_pairs(config)
        on = self.harmonize is not None
        require(not (on and config.chunk), "--harmonize without --chunk", config.chunk, "leave one of them out")

    def caution(self, config: RunConfig) -> str | None:
        epochs, refresh = config.epochs, self.harmonize_refresh
        if first_epoch(self.harmonize_start, epochs) >= epochs:
            return (
                f"--harmonize-start {self.harmonize_start:g} with --epochs {epochs}: no epoch is left for the term; "
                "use --harmonize-start 0.5, or more epochs"
            )
        if refresh < epochs:
            return None
        fits = f"--harmonize-refresh {max(1, epochs // 4)}, or " if epochs > 1 else ""
        return (
            f"--harmonize-refresh {refresh} with --epochs {epochs}: sizes of the surrogate classes are never taken "
            f"anew and stay even, so frequent groups get no more room than rare ones; use {fits}more epochs"
        )

    @staticmethod
    def kinds() -> Kinds:
        return HARMONIES, "W", 0

    def wrap(self, method: Method, config: RunConfig) -> Method:
        harmony, weight = self.pick()
        encoder, head = method.network
        dim = config.method.head_dim
        if isinstance(head, nn.Identity) and isinstance(encoder, Encoder):
            dim = encoder.dim
        elif isinstance(head, nn.Linear):
            dim = head.out_features
        classes, most = self.harmonize_classes, f"--harmonize-classes of at most {dim + 1}"
        require(classes <= dim + 1, most, classes, f"embeddings of {dim} dimensions hold no more; lower it")
        return harmony(method, self, weight=weight, dim=dim, epochs=config.epochs, seed=config.seed)


def first_epoch(start: float, epochs: int) -> int:
    """The first epoch with the term, counted from 0, where a share of the run goes by without."""
    return round(start * epochs)


class Harmonization(Method):
    """Adds the harmonization of the first two views' embeddings; class sizes follow from what the network says."""

    frame: Tensor
    marginal: Tensor
    running: Tensor

    def __init__(self, inner: Method, settings: HarmonyConfig, *, weight: float, dim: int, epochs: int, seed: int):
        self.wrap(inner)
        self.settings, self.weight, self.epochs = settings, weight, epochs
        count = settings.harmonize_classes
        self.register_buffer("frame", simplex_frame(count, dim, seed=seed).float())
        self.register_buffer("marginal", torch.full((count,), 1 / count))
        self.register_buffer("running", torch.full((count,), 1 / count))
        self._seen: Tensor | None = None

    def weight_at(self, epoch: int) -> float:
        """0 for the first share of the run, then rising to the weight over a hundredth of it."""
        begin, ramp = first_epoch(self.settings.harmonize_start, self.epochs), max(1, self.epochs // 100)
        return self.weight * min(1.0, max(0.0, (epoch - begin + 1) / ramp))

    def loss(self, views: Views) -> Tensor:
        with head_outputs(self.network) as seen:
            loss = self.inner.loss(views)
        z1, z2 = of_all_ranks(by_view(seen, len(views.batch.ids))[:2].flatten(0, 1))
        chosen = surrogate_logits(z1.detach(), self.frame).argmax(1)
        self._seen = F.one_hot(chosen, len(self.marginal)).to(self.running).mean(0)
        weight = self.weight_at(views.batch.epoch)
        if weight == 0:
            return loss
        floor = (self.marginal + 0.1 / len(self.marginal)) / 1.1  # a class that is empty now may fill again
        rounds = self.settings.harmonize_iterations
        return loss + weight * harmonization(z1, z2, frame=self.frame, marginal=floor, iterations=rounds)

    def harm(self, views: Views) -> Tensor:
        return self.inner.harm(views)

    def start_epoch(self, epoch: int) -> None:
        super().start_epoch(epoch)
        if epoch % self.settings.harmonize_refresh == 0:
            self.marginal.copy_(self.running)

    def after_step(self, progress: float) -> None:
        super().after_step(progress)
        if self._seen is not None:
            self.running.lerp_(self._seen.to(self.running), 0.001)


HARMONIES = {"gh": Harmonization}
"""What `harmonize` may name, before the colon; the number after it is the term's weight."""
