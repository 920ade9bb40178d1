"""LORE: a downloaded encoder withstands attacks and stays near itself on clean images (arXiv:2505.18884).

Without the constraint it is FARE (2402.12336).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from holdfast.config import MethodConfig, require
from holdfast.data.views import picked
from holdfast.distributed import gather
from holdfast.methods.base import Batch, Method, Views
from holdfast.methods.clean_teacher import DOWNLOADED, clean_teacher
from holdfast.methods.first_view import whole
from holdfast.objectives import lore, squared_shift

HIDDEN = 512
"""Hidden units of the network that says how much the constraint weighs."""


@dataclass(frozen=True, kw_only=True)
class LOREConfig(MethodConfig):
    """LORE's own settings."""

    teacher: str | None = None
    """The encoder to make robust: timm/NAME:pretrained, a run folder or any encoder that load_encoder takes. There is
    none without it."""
    start: Literal["teacher", "own"] = "teacher"
    """Whether the student starts as the teacher, or from --init and the seed as others do."""
    slack: float | None = 0.1
    """How far clean features may move, as a share of their squared length; None: no constraint, which is FARE."""
    updates: int = 5
    """Steps on each attacked batch; the authors take 5, FARE 1."""
    dual_rate: float = 50.0
    """How many times as fast as the encoder the constraint's weight learns; the authors' rates are 5e-4 and 1e-5."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.slack is None or self.slack > 0, "slack > 0", self.slack, "the authors use 0.01 to 0.2")
        require(self.updates >= 1, "updates >= 1", self.updates, "the authors use 5")
        require(self.dual_rate > 0, "dual_rate > 0", self.dual_rate, "the authors use 50")

    @property
    def encodes_pairs(self) -> bool:
        return self.slack is not None  # FARE never asks for the clean view

    @property
    def starts_as_teacher(self) -> bool:
        return self.start == "teacher"


FEW = -4.0
"""Logit of the constraint's weight below which it is not lowered further: softplus of it is 0.018."""


class Dual(nn.Module):
    """Weights [n], above 0, of the constraint for images by the direction of their teacher's features [n, dim].

    Features' length is left out: encoders differ in it a hundredfold, and AdamW's steps move the logit in proportion.
    The logit is moved as far as the constraint says whatever the softplus's slope, and no lower than `FEW`: a student
    begins within the slack, and a weight that fell far below 0 in logits would not come back. Parameters are kept a
    `rate`-th as large as they act, so that AdamW's steps move what they do `rate` times as far.
    """

    def __init__(self, width: int, *, rate: float):
        super().__init__()
        self.rate = rate
        self.layers = nn.ModuleList([nn.Linear(width, HIDDEN), nn.Linear(HIDDEN, 1)])
        with torch.no_grad():
            for parameter in self.parameters():
                parameter.div_(rate)

    def forward(self, features: Tensor) -> Tensor:
        first, last = self.layers
        directions = F.normalize(features, dim=1)
        hidden = F.relu(F.linear(directions, self.rate * first.weight, self.rate * first.bias))  # type: ignore[operator]
        logits = F.linear(hidden, self.rate * last.weight, self.rate * last.bias)[:, 0]  # type: ignore[operator]
        low = logits.detach() < FEW
        if logits.requires_grad:
            logits.register_hook(lambda slope: torch.where(low & (slope > 0), 0, slope))
        return F.softplus(logits.detach().clamp_min(FEW)) + (logits - logits.detach())


class LORE(Method):
    """An attacked image's features are its teacher's; clean ones may move by so much, which a learnt weight enforces.

    Norms and dropout answer as when features are taken: statistics stay the teacher's.
    """

    Config = LOREConfig
    purpose = "attacks"
    taught_by = DOWNLOADED

    def __init__(self, config: LOREConfig, *, network: nn.Sequential, make_views: Callable[..., Views]):
        super().__init__(config, network=network, make_views=make_views)
        encoder, start = network[0], config.start == "teacher"
        self.teacher = clean_teacher(config.teacher, encoder, "lore", start=start, trained_by=DOWNLOADED)
        self.steps_per_batch = config.updates
        self.dual = None if config.slack is None else Dual(encoder.dim, rate=config.dual_rate)  # type: ignore[arg-type]
        self._readings: list[Tensor] = []
        self.clean, self.attacked = (0, 1) if self.dual else (1, 0)  # first one that the student encodes, for parts
        self.moved_views = slice(self.attacked, self.attacked + 1)

    @classmethod
    def head(cls, config: Any, width: int) -> nn.Module:
        return nn.Identity()

    @property
    def passes_per_image(self) -> int:
        return self.steps_per_batch * (2 if self.config.encodes_pairs else 1)

    @property
    def passes_per_harm(self) -> int:
        return 1

    def views(self, batch: Batch) -> Views:
        return picked(self.make_views(batch, views=1), (0, 0))

    def _features(self, images: Tensor) -> Tensor:
        self.network.eval()
        return whole(self.network(images))

    def loss(self, views: Views) -> Tensor:
        if self.dual is None:
            return self.harm(views)
        teacher = gather(whole(self.teacher(views.images[self.clean])))
        clean, attacked = (gather(part) for part in self._features(views.images.flatten(0, 1)).chunk(2))
        weight = self.dual(teacher)
        moved = squared_shift(clean, teacher).detach() > self.config.slack * teacher.square().sum(1)
        self._readings.append(torch.stack([weight.detach().mean(), moved.to(weight.dtype).mean()]))
        return lore(attacked, clean, teacher, weight=weight, slack=self.config.slack)

    def harm(self, views: Views) -> Tensor:
        teacher = whole(self.teacher(views.images[self.clean]))
        attacked = self._features(views.images[self.attacked])
        return squared_shift(gather(attacked), gather(teacher)).mean()

    def readings(self) -> dict[str, float]:
        """dual: the constraint's mean weight; moved_too_far: percent of images whose clean features break it."""
        if not self._readings:
            return super().readings()
        weight, share = torch.stack(self._readings).mean(0).tolist()
        self._readings.clear()
        return super().readings() | {"dual": weight, "moved_too_far": 100 * share}
