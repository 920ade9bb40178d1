"""ProFeAT: DeACL through the teacher's projector too, from the teacher's weights (arXiv:2406.05796)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from holdfast.config import MethodConfig, require
from holdfast.data.views import joined, picked
from holdfast.distributed import gather
from holdfast.methods.base import Batch, Method, Views, answering
from holdfast.methods.clean_teacher import CLEAN, clean_teacher, teachers_head
from holdfast.models import Encoder
from holdfast.objectives import cosine

WEAK: dict[str, Any] = dict.fromkeys(("jitter", "grey", "blur", "solarize"), 0.0) | {"crop_min": 0.6}
"""How the teacher's view is drawn, where it differs from the run's."""


@dataclass(frozen=True, kw_only=True)
class ProFeATConfig(MethodConfig):
    """ProFeAT's own settings."""

    teacher: str | None = None
    """The clean teacher: a run folder whose checkpoint holds its projector. There is none without it."""
    steadiness: float = 8.0
    """Weight of the agreement between an attacked view and its clean self; the authors use 8."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.steadiness >= 0, "steadiness >= 0", self.steadiness, "the authors use 8")

    @property
    def starts_as_teacher(self) -> bool:
        return True


class ProFeAT(Method):
    """The teacher sees a weak view, the student a strong one and its attacked copy; features and projections agree."""

    Config = ProFeATConfig
    purpose = "attacks"
    taught_by = CLEAN
    views_per_image = 3
    moved_views = slice(1, 2)

    def __init__(self, config: ProFeATConfig, *, network: nn.Sequential, make_views: Callable[..., Views]):
        super().__init__(config, network=network, make_views=make_views)
        self.teacher = clean_teacher(config.teacher, network[0], "profeat", start=True)
        student = network[0]
        assert isinstance(student, Encoder)
        self.projector = teachers_head(config.teacher, student.dim)

    @classmethod
    def head(cls, config: Any, width: int) -> nn.Module:
        return nn.Identity()

    @property
    def passes_per_image(self) -> int:
        return 2  # the teacher's view has no backward

    @property
    def passes_per_harm(self) -> int:
        return 1

    def views(self, batch: Batch) -> Views:
        strong = picked(self.make_views(batch, views=1), (0, 0))
        return joined(strong, self.make_views(batch, views=1, purpose="views/weak", **WEAK))

    def loss(self, views: Views) -> Tensor:
        student, attacked = (self.network(images) for images in views.images[:2])
        seen = student, attacked, self.teacher(views.images[2])
        spaces = seen, tuple(self._projected(features) for features in seen)
        return torch.stack([self._apart(*(gather(part) for part in space)) for space in spaces]).mean()

    def harm(self, views: Views) -> Tensor:
        """From the student's own clean features, and in the projector's space from the teacher's."""
        with answering(self.network):
            with torch.no_grad():
                student = self.network(views.images[0])
            attacked = self.network(views.images[1])
        projected = self._projected(attacked), self._projected(self.teacher(views.images[2]))
        return -cosine(gather(attacked), gather(student)) - cosine(*(gather(part) for part in projected))

    def _projected(self, features: Tensor) -> Tensor:
        self.projector.eval()  # its norms stay the teacher's; gradients pass through to the student
        return self.projector(features)

    def _apart(self, student: Tensor, attacked: Tensor, teacher: Tensor) -> Tensor:
        return -cosine(student, teacher) - self.config.steadiness * cosine(attacked, student)
