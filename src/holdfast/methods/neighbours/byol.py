"""BYOL: predict what a slowly following teacher sees in the other view (arXiv:2006.07733)."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor, nn

from holdfast.config import MethodConfig, require
from holdfast.methods.base import Method, Views, of_all_ranks
from holdfast.models import Teacher, predictor, rising
from holdfast.objectives import byol


@dataclass(frozen=True, kw_only=True)
class BYOLConfig(MethodConfig):
    """BYOL's own settings."""

    head_dim: int = 256
    """Width of the embeddings."""
    predictor_dim: int = 1024
    """Hidden width of the predictor; the paper uses 4096."""
    teacher_momentum: float = 0.99
    """The teacher's momentum at the start, in [0, 1]; it rises to 1. The paper's long runs start at 0.996."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require(0 <= self.teacher_momentum <= 1, "teacher_momentum in [0, 1]", self.teacher_momentum, "it is a share")
        require(self.predictor_dim >= 1, "predictor_dim >= 1", self.predictor_dim, "the paper uses 4096")


class BYOL(Method):
    """Each view through network and predictor, against the teacher's embedding of the other."""

    Config = BYOLConfig
    purpose = "positives"
    moved_views = slice(None)

    def __init__(self, config: BYOLConfig, *, network: nn.Sequential, make_views: Callable[..., Views]):
        super().__init__(config, network=network, make_views=make_views)
        self.teacher = Teacher(network)
        self.predictor = predictor(config.head_dim, hidden=config.predictor_dim)

    def loss(self, views: Views) -> Tensor:
        images = views.images.flatten(0, 1)
        predicted, target = self.predictor(self.network(images)), self.teacher(images)
        one, other = of_all_ranks(predicted), of_all_ranks(target)
        return byol(one, other.flip(0))

    def after_step(self, progress: float) -> None:
        self.teacher.follow(self.network, momentum=rising(self.config.teacher_momentum, progress))
