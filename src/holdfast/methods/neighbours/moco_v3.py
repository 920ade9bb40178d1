"""MoCo v3: tell from all others what a slowly following teacher sees in the other view (arXiv:2104.02057)."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor, nn

from holdfast.config import MethodConfig, require
from holdfast.methods.base import Method, Views, of_all_ranks
from holdfast.models import Teacher, predictor, rising
from holdfast.objectives import moco


@dataclass(frozen=True, kw_only=True)
class MoCoV3Config(MethodConfig):
    """MoCo v3's own settings."""

    temperature: float = 0.2
    """Divides cosine similarities; the paper uses 0.2 for ViTs and 1.0 for ResNets."""

    head_dim: int = 256
    """Width of the embeddings."""
    predictor_dim: int = 1024
    """Hidden width of the predictor; the paper uses 4096."""
    teacher_momentum: float = 0.99
    """The teacher's momentum at the start, in [0, 1]; it rises to 1. The paper starts at 0.99."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.temperature > 0, "temperature > 0", self.temperature, "the paper uses 0.2 and 1.0")
        require(0 <= self.teacher_momentum <= 1, "teacher_momentum in [0, 1]", self.teacher_momentum, "it is a share")
        require(self.predictor_dim >= 1, "predictor_dim >= 1", self.predictor_dim, "the paper uses 4096")


class MoCoV3(Method):
    """Each view through network and predictor, against the teacher's embeddings of the other view of all images."""

    Config = MoCoV3Config
    purpose = "contrast"
    moved_views = slice(None)

    def __init__(self, config: MoCoV3Config, *, network: nn.Sequential, make_views: Callable[..., Views]):
        super().__init__(config, network=network, make_views=make_views)
        self.teacher = Teacher(network)
        self.predictor = predictor(config.head_dim, hidden=config.predictor_dim)

    def loss(self, views: Views) -> Tensor:
        images = views.images.flatten(0, 1)
        predicted, target = self.predictor(self.network(images)), self.teacher(images)
        one, other = of_all_ranks(predicted), of_all_ranks(target)
        t = self.temperature
        return moco(one[0], other[1], temperature=t) + moco(one[1], other[0], temperature=t)

    def after_step(self, progress: float) -> None:
        self.teacher.follow(self.network, momentum=rising(self.config.teacher_momentum, progress))
