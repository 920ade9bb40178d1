"""DINO: small crops agree with what a slowly following teacher sees in large ones (arXiv:2104.14294)."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from holdfast.config import MethodConfig, RunConfig, require
from holdfast.data.views import joined
from holdfast.methods.base import Batch, Method, Views, of_all_ranks
from holdfast.models import Encoder, Prototypes, Teacher, require_size, rising
from holdfast.objectives import dino


@dataclass(frozen=True, kw_only=True)
class DINOConfig(MethodConfig):
    """DINO's own settings."""

    head_layers: int = 3
    """Linear layers in the projection head: 2 or 3."""
    head_dim: int = 256
    """Width of the embeddings, which are compared with prototypes."""
    prototypes: int = 1024
    """Outputs that student and teacher agree on; the paper uses 65536."""
    temperature: float = 0.1
    """Divides the student's outputs; the paper uses 0.1."""
    teacher_temperature: float = 0.04
    """Divides the teacher's outputs in the end; the paper uses 0.04 to 0.07."""
    teacher_momentum: float = 0.996
    """The teacher's momentum at the start, in [0, 1]; it rises to 1."""
    centre_momentum: float = 0.9
    """Momentum of the teacher's mean output, which is taken off, in [0, 1]."""
    local_count: int = 6
    """Small crops of an image beside the two large ones; the paper uses 6 to 10, 0 leaves them out."""
    local_scale: float = 0.5
    """Side of a small view over that of a large one; the paper has 96 / 224. A ViT of one size needs 1."""
    crop_split: float = 0.4
    """Share of the area below which small crops are drawn and above which large ones are; the paper uses 0.4."""
    frozen_epochs: int = 1
    """Epochs at the start in which the prototypes stay."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("temperature", "teacher_temperature"):
            require(getattr(self, name) > 0, f"{name} > 0", getattr(self, name), "the paper uses 0.1 and 0.04")
        for name in ("teacher_momentum", "centre_momentum"):
            require(0 <= getattr(self, name) <= 1, f"{name} in [0, 1]", getattr(self, name), "it is a share")
        for name in ("local_scale", "crop_split"):
            require(0 < getattr(self, name) <= 1, f"{name} in (0, 1]", getattr(self, name), "it is a share")
        require(self.prototypes >= 2, "prototypes >= 2", self.prototypes, "the paper uses 65536")
        for name in ("local_count", "frozen_epochs"):
            require(getattr(self, name) >= 0, f"{name} >= 0", getattr(self, name), "0 switches it off")

    def caution(self, run: RunConfig) -> str | None:
        if run.epochs > self.frozen_epochs:
            return None
        return (
            f"--frozen-epochs {self.frozen_epochs} with --epochs {run.epochs}: the prototypes stay as they were drawn "
            "to the end; use --frozen-epochs 0, or more epochs"
        )


class DINO(Method):
    """The student's outputs of every view against the teacher's, centred and sharpened, of each other large one."""

    Config = DINOConfig
    purpose = "positives"
    moved_views = slice(None)
    centre: Tensor

    def __init__(self, config: DINOConfig, *, network: nn.Sequential, make_views: Callable[..., Views]):
        super().__init__(config, network=network, make_views=make_views)
        self.temperature = None  # no schedule of it: the teacher's own stays, and nothing is repelled
        self.views_per_image = 2 + config.local_count
        self.prototypes = Prototypes(config.head_dim, config.prototypes)
        self.teacher, self.teacher_prototypes = Teacher(network), Teacher(self.prototypes)
        self.register_buffer("centre", torch.zeros(config.prototypes))
        self._seen: Tensor | None = None
        encoder = network[0]
        if isinstance(encoder, Encoder) and config.local_count and config.local_scale < 1:
            side = self._small_side(encoder.spec.image_size)
            require_size(encoder, side, remedy="set --local-scale 1, or take a ResNet")

    def views(self, batch: Batch) -> Views:
        split = self.config.crop_split
        large = self.make_views(batch, views=2, crop_min=split, crop_max=1.0)
        if not self.config.local_count:
            return large
        least = min(0.05, split)
        small = {"purpose": "views/local", "crop_min": least, "crop_max": split}
        return joined(large, self.make_views(batch, views=self.config.local_count, **small))

    def loss(self, views: Views) -> Tensor:
        large = views.images[:2].flatten(0, 1)
        student = of_all_ranks(self._student(views.images, views.batch.epoch), views=len(views.images))
        teacher = of_all_ranks(self.teacher_prototypes(self.teacher(large)))
        self._seen = teacher.mean((0, 1))
        temperatures = {"temperature": self.config.temperature, "teacher_temperature": self.config.teacher_temperature}
        return dino(student, teacher, centre=self.centre, **temperatures)

    def _student(self, images: Tensor, epoch: int) -> Tensor:
        """Outputs [v · n, k]: large views in one pass and small ones in another, each of its own size."""
        side = self._small_side(images.shape[-1])
        groups = [images] if side == images.shape[-1] else [images[:2], self._shrunk(images[2:], side)]
        z = torch.cat([self.network(group.flatten(0, 1)) for group in groups if len(group)])
        return self.prototypes(z, frozen=epoch < self.config.frozen_epochs)

    def _small_side(self, side: int) -> int:
        return max(1, round(self.config.local_scale * side))

    def _shrunk(self, images: Tensor, side: int) -> Tensor:
        if not len(images):
            return images
        small = F.interpolate(images.flatten(0, 1), size=(side, side), mode="bilinear", antialias=True)
        return small.unflatten(0, images.shape[:2])

    def after_step(self, progress: float) -> None:
        momentum = rising(self.config.teacher_momentum, progress)
        self.teacher.follow(self.network, momentum=momentum)
        self.teacher_prototypes.follow(self.prototypes, momentum=momentum)
        if self._seen is not None:  # not while the loss is computed: an attack computes it several times
            self.centre.lerp_(self._seen.to(self.centre.dtype), 1 - self.config.centre_momentum)
