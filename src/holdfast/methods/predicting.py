"""What BYOL and MoCo v3 share: a slow teacher, and a predictor that says what the teacher sees in the other view."""

from dataclasses import dataclass

from torch import Tensor, nn

from holdfast.config import MethodConfig, require
from holdfast.methods.base import of_all_ranks
from holdfast.models import Teacher, predictor, rising


@dataclass(frozen=True, kw_only=True)
class PredictingConfig(MethodConfig):
    """Settings of a method with a teacher and a predictor."""

    head_dim: int = 256
    """Width of the embeddings."""
    predictor_dim: int = 1024
    """Hidden width of the predictor; the papers use 4096."""
    teacher_momentum: float = 0.99
    """The teacher's momentum at the start, in [0, 1]; it rises to 1. BYOL's long runs start at 0.996."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require(0 <= self.teacher_momentum <= 1, "teacher_momentum in [0, 1]", self.teacher_momentum, "it is a share")
        require(self.predictor_dim >= 1, "predictor_dim >= 1", self.predictor_dim, "the papers use 4096")


class Predicting(nn.Module):
    """A network's teacher and the predictor that faces it; the network stays outside."""

    def __init__(self, network: nn.Sequential, config: PredictingConfig):
        super().__init__()
        self.momentum = config.teacher_momentum
        self.teacher = Teacher(network)
        self.predictor = predictor(config.head_dim, hidden=config.predictor_dim)

    def forward(self, network: nn.Module, images: Tensor) -> tuple[Tensor, Tensor]:
        """Predictions and the teacher's embeddings of views [v, n, 3, h, w], each [v, n of all ranks, d]."""
        flat, views = images.flatten(0, 1), len(images)
        predicted, target = self.predictor(network(flat)), self.teacher(flat)
        return of_all_ranks(predicted, views=views), of_all_ranks(target, views=views)

    def follow(self, network: nn.Module, progress: float) -> None:
        """The teacher takes a step towards the network, shorter as the run nears its end."""
        self.teacher.follow(network, momentum=rising(self.momentum, progress))
