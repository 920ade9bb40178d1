"""Encoders under attack: the model that attacks see, and heads trained on attacked features (arXiv:2501.03507)."""

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from holdfast.attacks import AttackCheckpoint, Goal, Pgd, cross_entropy, log_odds, run
from holdfast.attacks.harms import Model
from holdfast.data import Images
from holdfast.evaluation.features import pooled
from holdfast.evaluation.probes.lbfgs import LinearProbe
from holdfast.models import Encoder
from holdfast.progress import OnProgress
from holdfast.randomness import generator, key, permutation

Phase = tuple[Literal["clean", "attacked"], int]
"""What a head sees, and for how many steps of Adam."""
SAVED_EVERY = 50
"""Steps after which what was trained is saved."""


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
    """Adam's learning rate."""
    fresh: bool = True
    """Whether it begins with fresh weights on raw features, or with the head fitted on clean features."""
    batch_size: int = 256
    """Images per step; the last, smaller batch of a pass over the images is kept."""
    eps: float = 8 / 255
    """Budget in pixels."""
    step: float = 0.01
    """Length of a step in pixels."""
    steps: int = 5
    """Forward and backward passes of each attack."""

    @property
    def length(self) -> int:
        """Steps of Adam."""
        return sum(count for _, count in self.phases)

    def of_length(self, length: int) -> "HeadSchedule":
        """These phases, shortened or stretched to so many steps of Adam together."""
        ends, whole = [0], self.length
        for _, count in self.phases:
            ends.append(ends[-1] + count)
        marks = [round(end * length / whole) for end in ends]
        kinds = [kind for kind, _ in self.phases]
        return replace(self, phases=tuple(zip(kinds, (b - a for a, b in pairwise(marks)), strict=True)))

    @property
    def attacked_images(self) -> int:
        """How often an image is attacked in all, at most."""
        return self.batch_size * sum(count for kind, count in self.phases if kind == "attacked")


_EPOCH = 195
"""Steps of an epoch in the scripts: 50,000 images in whole batches of 256."""
HEAD_SCHEDULES: dict[str, HeadSchedule] = {
    "alf": HeadSchedule(phases=(("attacked", 200),), lr=1e-3, fresh=False, batch_size=64),
    "aff": HeadSchedule(phases=(("attacked", 200),), lr=1e-3, fresh=False, batch_size=64),
    "emp-ssl": HeadSchedule(phases=(("clean", 2 * _EPOCH), ("attacked", 2 * _EPOCH), ("clean", 2 * _EPOCH)), lr=3e-4),
    "simclr-clean": HeadSchedule(phases=(("clean", 20 * _EPOCH),), lr=3e-4),
    "simclr-attacked": HeadSchedule(phases=(("attacked", 20 * _EPOCH),), lr=3e-4),
}
"""By protocol. alf and aff: rates and lengths are ours, as papers do not agree on them; aff trains the encoder too (see
`fine_tuned`). The others are the two scripts of
softsys4ai/CF-AMC-SSL@ff36114: evaluate_empssl.py, whose head is partly adversarial, and evaluate_simclr.py, which has
a clean head and a separate attacked one."""


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
    checkpoint: AttackCheckpoint | None = None,
) -> LinearProbe:
    """A linear head on features, trained as the schedule says on labelled images [n] with clean features [n, dim].

    start: the head to begin with, whose standardisation is kept; None: fresh weights on raw features, drawn by the
    seed as torch's Linear draws them. The encoder is not touched. on_progress is told (done, all) steps. An attacked
    step costs schedule.steps forward and backward passes and two forward passes of each image of its batch. With a
    checkpoint training goes on where it was saved last, every SAVED_EVERY steps. Raises ValueError without labels.
    """
    if images.labels is None:
        raise ValueError(
            f"expected labelled images to train a head on, got none in {images.source}; add a label column"
        )
    head = _fresh(clean, classes, seed) if start is None else start
    weight, bias = (tensor.detach().clone().requires_grad_() for tensor in (head.weight, head.bias))
    optimiser = torch.optim.Adam([weight, bias], lr=schedule.lr)
    labels = images.labels.to(clean.device)
    kinds = [kind for kind, count in schedule.phases for _ in range(count)]
    for step in range(restored_steps(checkpoint, optimiser, [weight, bias]), len(kinds)):
        rows = batch_rows(step, len(images), schedule.batch_size, seed)
        current = LinearProbe(weight.detach(), bias.detach(), head.shift, head.scale, 0.0, None)
        seen = clean[rows.to(clean.device)]
        if kinds[step] == "attacked":
            seen = _attacked_features(features, current, images, rows, labels, schedule).to(clean.device)
        _step(optimiser, F.linear((seen - head.shift) / head.scale, weight, bias), labels[rows.to(labels.device)])
        if checkpoint is not None and ((step + 1) % SAVED_EVERY == 0 or step + 1 == len(kinds)):
            checkpoint.save(optimiser_state(optimiser, [weight, bias], step + 1))
        if on_progress is not None:
            on_progress(step + 1, len(kinds))
    return LinearProbe(weight.detach(), bias.detach(), head.shift, head.scale, 0.0, None)


def batch_rows(step: int, count: int, size: int, seed: int) -> Tensor:
    """Positions of the images of a step: each pass over all of them in an order of its own."""
    size = min(size, count)
    epoch, place = divmod(step, -(-count // size))
    return permutation(key(seed, "head order", epoch), count)[place * size : (place + 1) * size]


def optimiser_state(optimiser: torch.optim.Adam, weights: list[Tensor], done: int) -> dict[str, Tensor]:
    """Weights, what Adam remembers of them, and how many steps are done, as columns of an AttackCheckpoint."""
    state = {f"weight {i}": weight.detach() for i, weight in enumerate(weights)}
    for i, weight in enumerate(weights):
        state |= {f"{name} {i}": value for name, value in optimiser.state[weight].items()}
    return state | {"done": torch.tensor(done)}


@torch.no_grad()
def restored_steps(checkpoint: AttackCheckpoint | None, optimiser: torch.optim.Adam, weights: list[Tensor]) -> int:
    """Puts a saved state back and returns how many steps it has; 0 without one."""
    saved = checkpoint.load() if checkpoint is not None else {}
    if not saved:
        return 0
    for i, weight in enumerate(weights):
        weight.copy_(saved[f"weight {i}"])
        kept = {name: saved[f"{name} {i}"] for name in ("step", "exp_avg", "exp_avg_sq")}
        optimiser.state[weight] = {n: v if n == "step" else v.to(weight.device) for n, v in kept.items()}
    return int(saved["done"])


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
    goal = Goal(model=classifier(features, head), references=references, harm=log_odds, margin=cross_entropy)
    attack = Pgd(step_length=schedule.step, steps=schedule.steps)
    found = run(attack, goal, pixels, eps=schedule.eps, batch_size=len(rows), keep_images=True).images
    with torch.no_grad():
        return features(pixels if found is None else found.to(pixels.device))


@torch.enable_grad()
def _step(optimiser: torch.optim.Adam, logits: Tensor, labels: Tensor) -> None:
    optimiser.zero_grad()
    F.cross_entropy(logits, labels).backward()
    optimiser.step()
