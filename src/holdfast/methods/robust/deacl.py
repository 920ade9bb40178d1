"""DeACL: a student learns to hold from a clean teacher, in a tenth of the epochs (arXiv:2207.10899)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from holdfast.config import MethodConfig, require
from holdfast.data.views import picked
from holdfast.distributed import gather
from holdfast.methods.base import Batch, Method, Views, answering
from holdfast.methods.clean_teacher import CLEAN, clean_teacher
from holdfast.objectives import cosine


@dataclass(frozen=True, kw_only=True)
class DeACLConfig(MethodConfig):
    """DeACL's own settings."""

    teacher: str | None = None
    """The clean teacher: a run folder, or any encoder that load_encoder takes. There is none without it."""
    steadiness: float = 2.0
    """Weight of the agreement between an attacked view and its clean self; the authors use 2."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.steadiness >= 0, "steadiness >= 0", self.steadiness, "the authors use 2")


class DeACL(Method):
    """Features of a clean view are its teacher's, and an attacked view's are the clean one's; there is no head."""

    Config = DeACLConfig
    purpose = "attacks"
    taught_by = CLEAN

    def __init__(self, config: DeACLConfig, *, network: nn.Sequential, make_views: Callable[..., Views]):
        super().__init__(config, network=network, make_views=make_views)
        self.teacher = clean_teacher(config.teacher, network[0], "deacl")

    @classmethod
    def head(cls, config: Any, width: int) -> nn.Module:
        return nn.Identity()

    @property
    def passes_per_harm(self) -> int:
        return 1

    def views(self, batch: Batch) -> Views:
        return picked(self.make_views(batch, views=1), (0, 0))

    def loss(self, views: Views) -> Tensor:
        student, attacked = (gather(part) for part in self.network(views.images.flatten(0, 1)).chunk(2))
        teacher = gather(self.teacher(views.images[0]))
        return -cosine(student, teacher) - self.config.steadiness * cosine(attacked, student)

    def harm(self, views: Views) -> Tensor:
        with answering(self.network):
            attacked, teacher = self.network(views.images[1]), self.teacher(views.images[0])
        return -cosine(gather(attacked), gather(teacher))
