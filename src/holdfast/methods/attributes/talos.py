"""Talos: features that do not tell a sensitive attribute, on any method (arXiv:2102.04140)."""

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from holdfast.config import PartConfig, RunConfig, require
from holdfast.data.labels import NO_GROUP
from holdfast.distributed import gather, join_rows
from holdfast.methods.base import Method, Views
from holdfast.methods.first_view import first_features
from holdfast.models import Encoder
from holdfast.objectives import reversed_gradient
from holdfast.randomness import seeded_library

HIDDEN = 128
"""Hidden units of the adversary."""
SHOWN = 6
"""Groups that a run's first lines name, at most."""


@dataclass(frozen=True, kw_only=True)
class ForgetConfig(PartConfig):
    """Adversarial forgetting of an attribute."""

    word = "forget"
    numbered = False
    purpose = "attributes"
    forget: str | None = None
    """Column of --groups that features must not tell, as in 'site'; None: nothing is forgotten."""
    forget_weight: float = 10.0
    """By how much the adversary's gradient is reversed; the authors' code has 10, their text 1."""
    forget_groups: int | None = None
    """Groups of the column; None: as many as the images have."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.forget_weight >= 0, "forget_weight >= 0", self.forget_weight, "the authors use 10 or 1")
        count = self.forget_groups
        require(count is None or count >= 2, "forget_groups >= 2", count, "leave it out")

    def check(self, config: RunConfig) -> None:
        on = self.forget is not None
        require(not (on and config.chunk), "--forget without --chunk", config.chunk, "leave one of them out")

    def resolved(self, images: Any) -> "ForgetConfig":
        """With the groups that the images have. Raises ValueError where they have no such column, or one group."""
        if self.forget is None:
            return self
        known = images.subgroups
        other = f", or --forget {next(iter(known))}" if known else ""
        remedy = f"name the file and column of {self.forget!r} with --groups{other}"
        wanted = f"--groups FILE.csv:COLUMN with the attribute to forget, {self.forget}"
        require(self.forget in known, wanted, ", ".join(known) or "none", remedy)
        sizes, _ = self._sizes(images)
        present = sum(size > 0 for size in sizes.values())
        require(
            present > 1, f"two groups of {self.forget!r} to forget", present, "name another column, or leave it out"
        )
        few = 2 * len(sizes) <= sum(sizes.values())
        wanted = f"groups of {self.forget!r} to forget, of two images each or more"
        require(few, wanted, f"{len(sizes):,} of {sum(sizes.values()):,} images", "make ranges of the values")
        own = self.forget_groups in (None, len(sizes))
        require(own, f"forget_groups {len(sizes)}, as the images have", self.forget_groups, "leave it out")
        return replace(self, forget_groups=len(sizes))

    def notes(self, images: Any) -> list[str]:
        sizes, without = self._sizes(images)
        shown = [f"{name} {size:,}" for name, size in list(sizes.items())[:SHOWN]]
        more = f" and {len(sizes) - SHOWN:,} more" if len(sizes) > SHOWN else ""
        left = f"; {without:,} without a value take no part in it" if without else ""
        return [f"--forget {self.forget}: {len(sizes):,} groups, {', '.join(shown)}{more}{left}"]

    def _sizes(self, images: Any) -> tuple[dict[str, int], int]:
        """Images of each group, in the order of their numbers, and how many have no value."""
        groups = images.subgroups[str(self.forget)]
        sizes = torch.bincount(groups.numbers.cpu(), minlength=len(groups.names)).tolist()
        named = dict(zip(groups.names, sizes, strict=True))
        return {name: size for name, size in named.items() if name != NO_GROUP}, named.get(NO_GROUP, 0)

    def wrap(self, method: Method, config: RunConfig) -> Method:
        encoder = method.network[0]
        assert isinstance(encoder, Encoder)
        remedy = "train with `holdfast train`, which counts them, or give forget_groups"
        require(self.forget_groups is not None, f"the groups of {self.forget!r}", "none", remedy)
        with seeded_library(config.seed, "forgetting"):
            reader = nn.Sequential(
                nn.Linear(encoder.dim, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, int(self.forget_groups or 0))
            )
        return Forgetting(method, reader, column=str(self.forget), weight=self.forget_weight)


class Forgetting(Method):
    """Adds the cross-entropy of an adversary that reads the attribute from view 1's features; what reaches the encoder
    of it is reversed, so that the adversary learns to read and the encoder not to be read."""

    def __init__(self, inner: Method, reader: nn.Sequential, *, column: str, weight: float):
        self.wrap(inner)
        self.reader, self.column, self.weight = reader, column, weight
        self._readings: list[Tensor] = []

    def loss(self, views: Views) -> Tensor:
        with first_features(self.network) as seen:
            loss = self.inner.loss(views)
        groups = self._groups(views)
        features = seen[0][: len(groups)]
        logits = self.reader(reversed_gradient(features, weight=self.weight))
        all_logits, all_groups = gather(logits.to(loss.dtype)), join_rows(groups)[0]
        asked = all_groups < all_logits.shape[1]  # the number after the last of a column with gaps: no value
        count, targets = asked.sum(), torch.where(asked, all_groups, -100)  # what cross_entropy leaves out
        self._readings.append(torch.stack([((all_logits.argmax(1) == all_groups) & asked).sum(), count]))
        return loss + F.cross_entropy(all_logits, targets, reduction="sum") / count.clamp_min(1)

    def harm(self, views: Views) -> Tensor:
        return self.inner.harm(views)

    def _groups(self, views: Views) -> Tensor:
        known = views.batch.subgroups
        remedy = f"name it as in --groups FILE.csv:{self.column}"
        require(self.column in known, f"images with a group of {self.column!r}", ", ".join(known) or "none", remedy)
        return known[self.column].to(views.images.device)

    def readings(self) -> dict[str, float]:
        """forget_accuracy: percent that the training's own adversary still reads; how much a fresh one does is what the
        privacy audit measures."""
        right, asked = torch.stack(self._readings).sum(0).tolist() if self._readings else (0, 0)
        self._readings.clear()
        return super().readings() | ({"forget_accuracy": 100 * right / asked} if asked else {})
