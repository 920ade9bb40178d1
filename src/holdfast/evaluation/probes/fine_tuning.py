"""AFF: encoder and head trained together on attacked images, adversarial full fine-tuning (arXiv:2111.01124)."""

import copy

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from holdfast.attacks import AttackCheckpoint, Pgd, log_odds, run, untargeted
from holdfast.data import Images
from holdfast.evaluation.features import measuring
from holdfast.evaluation.probes.adversarial import (
    SAVED_EVERY,
    HeadSchedule,
    batch_rows,
    classifier,
    features_of,
    optimiser_state,
    restored_steps,
)
from holdfast.evaluation.probes.lbfgs import LinearProbe
from holdfast.progress import OnProgress

ENCODER_RATE = 0.1
"""The encoder's learning rate over the head's, which is the schedule's."""


def fine_tuned(
    encoder: nn.Module,
    images: Images,
    *,
    start: LinearProbe,
    schedule: HeadSchedule,
    device: torch.device | str | None = None,
    seed: int = 0,
    on_progress: OnProgress | None = None,
    checkpoint: AttackCheckpoint | None = None,
) -> tuple[nn.Module, LinearProbe]:
    """A copy of an encoder and its head, trained by Adam on cross-entropy of attacked labelled images [n].

    start: the head to begin with, whose standardisation is kept. The encoder itself is not touched; in the copy every
    weight is trained, and batch norms keep their running statistics. A step costs schedule.steps + 1 forward and
    backward passes and one forward pass of each image of its batch. With a checkpoint training goes on where it was
    saved last. Raises ValueError without labels, and for an encoder that has no weights or whose weights no gradient
    reaches.
    """
    labels = images.known_labels()
    encoder = copy.deepcopy(encoder)
    weight, bias = (tensor.detach().clone().requires_grad_() for tensor in (start.weight, start.bias))
    trained = [weight, bias, *_trainable(encoder)]
    optimiser = torch.optim.Adam(
        [{"params": trained[:2]}, {"params": trained[2:], "lr": ENCODER_RATE * schedule.lr}], lr=schedule.lr
    )
    head = LinearProbe(weight, bias, start.shift, start.scale, 0.0, None)
    with measuring(encoder, device) as home:
        for step in range(restored_steps(checkpoint, optimiser, trained), schedule.length):
            rows = batch_rows(step, len(images), schedule.batch_size, seed)
            _step(optimiser, encoder, head, images.floats(rows).to(home), labels[rows].to(home), schedule)
            if checkpoint is not None and ((step + 1) % SAVED_EVERY == 0 or step + 1 == schedule.length):
                checkpoint.save(optimiser_state(optimiser, trained, step + 1))
            if on_progress is not None:
                on_progress(step + 1, schedule.length)
    fixed = LinearProbe(weight.detach(), bias.detach(), start.shift, start.scale, 0.0, None)
    return encoder.requires_grad_(False), fixed


def _trainable(encoder: nn.Module) -> list[Tensor]:
    """The encoder's weights, all of them ready to be trained."""
    weights: list[Tensor] = list(encoder.requires_grad_(True).parameters())
    if not weights:
        raise ValueError(
            f"expected an encoder with weights to fine-tune, got {type(encoder).__name__} without; "
            "take --attack-head slf or alf, which train the head alone"
        )
    return weights


@torch.enable_grad()
def _step(
    optimiser: torch.optim.Adam, encoder: nn.Module, head: LinearProbe, pixels: Tensor, labels: Tensor,
    schedule: HeadSchedule,
) -> None:  # fmt: skip
    """One step of Adam on images that were attacked as the network stands."""
    model = classifier(features_of(encoder), head)
    attack = Pgd(step_length=schedule.step, steps=schedule.steps)
    goal = untargeted(model, labels, log_odds)
    found = run(attack, goal, pixels, eps=schedule.eps, batch_size=len(pixels), keep_images=True).images
    assert found is not None
    features = features_of(encoder)(found.to(pixels.device))
    if not features.requires_grad:
        raise ValueError(
            f"expected an encoder that can be fine-tuned, got {type(encoder).__name__}, whose weights no gradient "
            "reaches; take --attack-head slf or alf, which train the head alone"
        )
    optimiser.zero_grad()
    F.cross_entropy(head.logits(features), labels).backward()
    optimiser.step()
