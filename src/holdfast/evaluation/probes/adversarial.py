"""Encoders under attack: the model that attacks see, and heads trained on attacked features (arXiv:2501.03507)."""

from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from holdfast.attacks import Goal, Pgd, cross_entropy, run
from holdfast.attacks.harms import Model
from holdfast.data import Images
from holdfast.evaluation.features import pooled
from holdfast.evaluation.probes.lbfgs import LinearProbe
from holdfast.models import Encoder
from holdfast.progress import OnProgress
from holdfast.randomness import generator, key, permutation

Phase = tuple[Literal["clean", "attacked"], int]
"""What a head sees, and for how many epochs."""


def features_of(encoder: nn.Module, precision: Literal["32", "bf16"] = "32") -> Model:
    """images [n, 3, h, w] -> features [n, dim] float32 with gradients, the encoder as it stands (see `measuring`)."""

    def model(images: Tensor) -> Tensor:
        if isinstance(encoder, Encoder):
            images = images.contiguous(memory_format=torch.channels_last)
        with torch.autocast(images.device.type, torch.bfloat16, enabled=precision == "bf16"):
            return pooled(encoder(images))

    return model


def classifier(features: Model, probe: LinearProbe) -> Model:
    """images -> logits [n, classes] of the probe on the features."""
    return lambda images: probe.logits(features(images))


@dataclass(frozen=True, kw_only=True)
class HeadSchedule:
    """How a head is trained by Adam, and the PGD (linf, from the image itself) that attacks it meanwhile."""

    phases: tuple[Phase, ...]
    """In turn, with one optimiser throughout."""
    lr: float
    """Of Adam."""
    batch_size: int = 256
    """Images per step; the last, smaller batch is kept."""
    eps: float = 8 / 255
    """Budget in pixels."""
    step: float = 0.01
    """Length of a step in pixels."""
    steps: int = 5
    """Forward and backward passes of each attack."""


def alf_schedule(epochs: int) -> HeadSchedule:
    """Attacked epochs alone. Rate and length are ours: the papers that report ALF do not agree on them."""
    return HeadSchedule(phases=(("attacked", epochs),), lr=1e-3)


AUTHORS = HeadSchedule(phases=(("clean", 2), ("attacked", 2), ("clean", 2)), lr=3e-4)
"""CF-AMC-SSL's evaluation (softsys4ai/CF-AMC-SSL@ff36114): a head partly adversarial, so neither SLF nor ALF."""


def train_head(
    features: Model,
    images: Images,
    clean: Tensor,
    *,
    classes: int,
    schedule: HeadSchedule,
    start: LinearProbe | None = None,
    seed: int = 0,
    on_progress: OnProgress | None = None,
) -> LinearProbe:
    """A linear head on features, trained as the schedule says on labelled images [n] with clean features [n, dim].

    start: the head to begin with, whose standardisation is kept; None: fresh weights on raw features, drawn by the
    seed as torch's Linear draws them. The encoder is not touched. on_progress is told (done, all) epochs. An
    attacked epoch costs schedule.steps forward and backward passes and two forward passes per image. Raises ValueError
    without labels.
    """
    if images.labels is None:
        raise ValueError(
            f"expected labelled images to train a head on, got none in {images.source}; add a label column"
        )
    head = _fresh(clean, classes, seed) if start is None else start
    weight, bias = (tensor.detach().clone().requires_grad_() for tensor in (head.weight, head.bias))
    optimiser = torch.optim.Adam([weight, bias], lr=schedule.lr)
    labels = images.labels.to(clean.device)
    kinds = [kind for kind, epochs in schedule.phases for _ in range(epochs)]
    for epoch, kind in enumerate(kinds):
        order = permutation(key(seed, "head order", epoch), len(images))
        for rows in order.split(schedule.batch_size):
            current = LinearProbe(weight.detach(), bias.detach(), head.shift, head.scale, 0.0, None)
            seen = clean[rows.to(clean.device)]
            if kind == "attacked":
                seen = _attacked_features(features, current, images, rows, labels, schedule).to(clean.device)
            _step(optimiser, F.linear((seen - head.shift) / head.scale, weight, bias), labels[rows.to(labels.device)])
        if on_progress is not None:
            on_progress(epoch + 1, len(kinds))
    return LinearProbe(weight.detach(), bias.detach(), head.shift, head.scale, 0.0, None)


def _fresh(like: Tensor, classes: int, seed: int) -> LinearProbe:
    draws, bound = generator(seed, "head weights"), like.shape[1] ** -0.5
    weight = torch.empty(classes, like.shape[1]).uniform_(-bound, bound, generator=draws).to(like.device)
    bias = torch.empty(classes).uniform_(-bound, bound, generator=draws).to(like.device)
    return LinearProbe(weight, bias, torch.zeros_like(weight[0]), torch.ones_like(weight[0]), 0.0, None)


def _attacked_features(
    features: Model, head: LinearProbe, images: Images, rows: Tensor, labels: Tensor, schedule: HeadSchedule
) -> Tensor:
    pixels = images.floats(rows).to(labels.device)
    references = labels[rows.to(labels.device)]
    goal = Goal(model=classifier(features, head), references=references, harm=cross_entropy, margin=cross_entropy)
    attack = Pgd(step=schedule.step, steps=schedule.steps)
    found = run(attack, goal, pixels, eps=schedule.eps, batch_size=len(rows), keep_images=True).images
    with torch.no_grad():
        return features(pixels if found is None else found.to(pixels.device))


@torch.enable_grad()
def _step(optimiser: torch.optim.Adam, logits: Tensor, labels: Tensor) -> None:
    optimiser.zero_grad()
    F.cross_entropy(logits, labels).backward()
    optimiser.step()
