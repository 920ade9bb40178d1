"""BCL: images that stay hard get harder views, as a memory of their losses says, on any method (arXiv:2205.12693)."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from holdfast.config import Kinds, PartConfig, RunConfig, require
from holdfast.data.views import extra_operations
from holdfast.distributed import join_rows
from holdfast.methods.base import Batch, Method, Views, of_all_ranks
from holdfast.methods.first_view import by_view, head_outputs
from holdfast.objectives import nt_xent_by_image
from holdfast.randomness import sample_keys, uniform


@dataclass(frozen=True, kw_only=True)
class MemoryConfig(PartConfig):
    """Augmentation by memory."""

    word = "memory_augment"
    example = "bcl-i:1"
    purpose = "tail"
    memory_augment: str | None = None
    """'bcl-i:1' gives views up to 1 operation more the harder their image was so far, 'bcl-d:2' up to 2 of random
    strength (the authors' for simclr and sdclr); None: no."""
    memory_momentum: float = 0.97
    """Momentum of an image's remembered loss, in [0, 1]; the authors use 0.97."""
    memory_temperature: float = 0.2
    """Temperature of the loss that is remembered: NT-Xent of each image, whatever the method."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require(0 <= self.memory_momentum <= 1, "memory_momentum in [0, 1]", self.memory_momentum, "it is a share")
        require(self.memory_temperature > 0, "memory_temperature > 0", self.memory_temperature, "the authors use 0.2")

    def check(self, config: RunConfig) -> None:
        self.require_pairs(config)
        on = self.memory_augment is not None
        require(not (on and config.chunk), "--memory-augment without --chunk", config.chunk, "leave one of them out")

    def caution(self, config: RunConfig) -> str | None:
        if config.epochs > 1:
            return None
        return (
            f"--memory-augment {self.chosen} with --epochs 1: no image has a loss to be remembered by before it comes "
            "again, so none gets an operation more; use more epochs"
        )

    @staticmethod
    def kinds() -> Kinds:
        return MEMORIES, "N", 1

    def wrap(self, method: Method, config: RunConfig) -> Method:
        memory, count = self.pick()
        return memory(method, self, count=int(count), seed=config.seed)


class Memory(nn.Module):
    """Remembered losses by image id; as large as the largest id seen, the same on every rank, kept in checkpoints."""

    def __init__(self, momentum: float):
        super().__init__()
        self.momentum = momentum
        self.values = torch.zeros(0, dtype=torch.float64)
        """-1: never seen."""

    def update(self, ids: Tensor, losses: Tensor) -> None:
        """The losses [n] of the images ids [n]: the first is taken as it is, later ones by the momentum."""
        ids, losses = ids.cpu(), losses.detach().double().cpu()
        missing = int(ids.max()) + 1 - len(self.values)
        if missing > 0:
            self.values = torch.cat([self.values, self.values.new_full((missing,), -1.0)])
        before = self.values[ids]
        mixed = self.momentum * before + (1 - self.momentum) * losses
        self.values[ids] = torch.where(before < 0, losses, mixed).clamp(min=0)

    def weights(self, ids: Tensor) -> Tensor:
        """[n] in [0, 1], float32: (1 + (l - mean) / max |l - mean|) / 2 over all remembered; 0 for images not seen."""
        known = self.values[self.values >= 0]
        held = torch.cat([self.values, self.values.new_full((max(0, int(ids.max()) + 1 - len(self.values)),), -1.0)])
        own = held[ids.cpu()]
        if not len(known):
            return torch.zeros(len(ids), device=ids.device)
        away = (known - known.mean()).abs().max().clamp(min=1e-12)
        found = (1 + (own - known.mean()) / away) / 2
        return torch.where(own < 0, 0.0, found).clamp(0, 1).float().to(ids.device)

    def get_extra_state(self) -> Tensor:
        """The values: a tensor whose length is not known beforehand, so no buffer."""
        return self.values.clone()

    def set_extra_state(self, state: Tensor) -> None:
        """Takes back what get_extra_state gave."""
        self.values = state.double().cpu().clone()


class MemoryAugmentation(Method):
    """Operations on top of a view, each with the image's weight as its chance; strength grows with the weight."""

    def __init__(
        self, inner: Method, settings: MemoryConfig, *, count: int, reach: tuple[float, float], drawn: bool, seed: int
    ):
        self.wrap(inner)
        self.settings, self.count, self.reach, self.drawn, self.seed = settings, count, reach, drawn, seed
        self.memory = Memory(settings.memory_momentum)
        self._seen: tuple[Tensor, Tensor] | None = None

    def views(self, batch: Batch) -> Views:
        views = self.inner.views(batch)
        weights = self.memory.weights(batch.ids)
        count = len(views.images)
        keys = sample_keys(self.seed, "memory", epoch=batch.epoch, ids=batch.ids, views=count)
        strength = weights.expand(count, -1)
        strength = strength * uniform(keys, 1)[..., 0] if self.drawn else strength
        reach = self.reach[0] + self.reach[1] * strength
        moved = extra_operations(views.images, chance=weights, strength=reach / 30, keys=keys, count=self.count)
        return replace(views, images=moved)

    def loss(self, views: Views) -> Tensor:
        with head_outputs(self.network) as seen:
            loss = self.inner.loss(views)
        z1, z2 = of_all_ranks(by_view(seen, len(views.batch.ids)).detach()[:2].flatten(0, 1))
        losses = nt_xent_by_image(z1, z2, temperature=self.settings.memory_temperature)
        self._seen = (join_rows(views.batch.ids)[0], losses)
        return loss

    def harm(self, views: Views) -> Tensor:
        return self.inner.harm(views)

    def after_step(self, progress: float) -> None:
        super().after_step(progress)
        if self._seen is not None:
            self.memory.update(*self._seen)


def bcl_i(inner: Method, settings: MemoryConfig, *, count: int, seed: int) -> Method:
    """Strength 10 of 30, and up to 20 more by the image's weight."""
    return MemoryAugmentation(inner, settings, count=count, reach=(10, 20), drawn=False, seed=seed)


def bcl_d(inner: Method, settings: MemoryConfig, *, count: int, seed: int) -> Method:
    """Strength 5 of 30, and up to 25 more by the image's weight times a draw."""
    return MemoryAugmentation(inner, settings, count=count, reach=(5, 25), drawn=True, seed=seed)


MEMORIES = {"bcl-i": bcl_i, "bcl-d": bcl_d}
"""What `memory_augment` may name, before the colon; the number after it is how many operations a view may get."""
