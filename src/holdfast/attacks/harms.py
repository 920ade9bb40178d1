"""Harms: what an attack raises, one number per image, of a model's outputs and what they are held against.

Each is a function (outputs [n, k], references [n, ...]) -> [n], row by row, larger where more harm is done.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

Model = Callable[[Tensor], Tensor]
"""Images [n, ...] in [0, 1] -> outputs [n, k], each row of its own image alone."""
Measure = Callable[[Tensor, Tensor], Tensor]
"""(outputs [n, k], references [n, ...]) -> [n]."""
_TINY = 1e-12


def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Minus the log-probability of the right class: at least 0, in nats."""
    return F.cross_entropy(logits, labels, reduction="none")


def margin(logits: Tensor, labels: Tensor) -> Tensor:
    """The largest wrong logit less the right one: above 0 exactly where the answer is wrong."""
    right, others = _apart(logits, labels)
    return others.amax(1) - right


def _apart(logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """(the right logits [n], all logits [n, classes] with -inf in their place)."""
    place = labels[:, None]
    return logits.gather(1, place)[:, 0], logits.scatter(1, place, -torch.inf)


def log_odds(logits: Tensor, labels: Tensor) -> Tensor:
    """Log of the wrong classes' probability over the right one's: a steepest step up cross-entropy is one up this.

    The gradient of cross-entropy is this one's, times the wrong probability, which is zero in float32 where the right
    logit leads by 17 and more; this one's never vanishes.
    """
    right, others = _apart(logits, labels)
    return others.logsumexp(1) - right


def scaled_log_odds(logits: Tensor, labels: Tensor) -> Tensor:
    """log_odds of logits brought to a standard deviation of 2 over the classes of each image, a constant for gradients.

    Any multiple of the logits has the same value and steps, so a head's scale neither helps nor hinders an attack.
    """
    spread = logits.detach().std(1, correction=0, keepdim=True)
    return log_odds(2 * logits / torch.where(spread > 0, spread, 1.0), labels)


def dlr(logits: Tensor, labels: Tensor) -> Tensor:
    """Difference of logits ratio: the margin over the gap of the largest to the third largest logit (arXiv:2003.01690).

    Invariant to the logits' scale and offset. With two classes there is no third: the margin itself.
    """
    if logits.shape[1] < 3:
        return margin(logits, labels)
    first, _, third = logits.topk(3, dim=1).values.unbind(1)
    return margin(logits, labels) / (first - third).clamp(min=_TINY)


def targeted(logits: Tensor, targets: Tensor) -> Tensor:
    """The log-probability of the class that the attack aims at: at most 0, in nats."""
    return -cross_entropy(logits, targets)


def cosine_distance(features: Tensor, clean: Tensor) -> Tensor:
    """1 - cos between the features and those of the clean images, in [0, 2]. Needs no labels.

    At the clean images its gradient is zero: attacks on it have to start at random.
    """
    return 1 - F.cosine_similarity(features, clean, dim=1)


def l2_distance(features: Tensor, clean: Tensor) -> Tensor:
    """Euclidean distance between the features and those of the clean images, in their unit. Needs no labels."""
    return torch.linalg.vector_norm(features - clean, dim=1)


def wrong(logits: Tensor, labels: Tensor) -> Tensor:
    """Bool [n]: the largest logit (the first of equals) is not the label's."""
    return logits.argmax(1) != labels


def reached(logits: Tensor, targets: Tensor) -> Tensor:
    """Bool [n]: the largest logit is the target's."""
    return logits.argmax(1) == targets


HARMS: dict[str, Measure] = {
    "cross_entropy": cross_entropy,
    "log_odds": log_odds,
    "scaled_log_odds": scaled_log_odds,
    "dlr": dlr,
    "margin": margin,
    "targeted": targeted,
    "cosine": cosine_distance,
    "l2": l2_distance,
}
"""By name; the last two need no labels."""


@dataclass(frozen=True, kw_only=True)
class Goal:
    """What an attack on a model is after."""

    model: Model
    references: Tensor
    """[n, ...]: labels, classes to aim at, or clean features, one row per image."""
    harm: Measure
    """What the attack raises."""
    margin: Measure
    """What is recorded of an image, larger where more harm is done."""
    success: Measure | None = None
    """Bool [n]: where the attack has won; None: it never has, and only raises its harm."""
    judge: Model | None = None
    """What success is tested on again, such as the model in float32 where `model` is not; None: the model."""

    def asked_again(self, images: Tensor) -> Tensor:
        """Outputs that decide a success."""
        return (self.judge or self.model)(images)

    def rows(self, chosen: Tensor) -> "Goal":
        """This goal for chosen images: positions [m], or bool [n]."""
        return replace(self, references=self.references[chosen.to(self.references.device)])


def untargeted(model: Model, labels: Tensor, harm: Measure = cross_entropy) -> Goal:
    """Any wrong answer of a classifier, model: images -> logits [n, classes], for labels [n]; records the margin."""
    return Goal(model=model, references=labels, harm=harm, margin=margin, success=wrong)


def aimed(model: Model, targets: Tensor) -> Goal:
    """The answer targets [n] of a classifier, model: images -> logits [n, classes]; records its log-probability."""
    return Goal(model=model, references=targets, harm=targeted, margin=targeted, success=reached)


def feature_distance(model: Model, clean: Tensor, distance: Literal["cosine", "l2"] = "cosine") -> Goal:
    """Features as far as possible from clean ones [n, dim], model: images -> features; records the distance."""
    return Goal(model=model, references=clean, harm=HARMS[distance], margin=HARMS[distance])
