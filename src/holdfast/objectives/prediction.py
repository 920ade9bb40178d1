"""Objectives between a prediction and a teacher's embedding: BYOL (arXiv:2006.07733), MoCo v3 (2104.02057), DINO
(2104.14294)."""

import torch
from torch import Tensor
from torch.nn import functional as F


def byol(predicted: Tensor, target: Tensor) -> Tensor:
    """Mean squared distance of unit rows, 2 - 2 cos, of predictions and targets [..., d]; targets carry no gradient.

    A scalar in [0, 4], lower is better; float32 for half precision. It does not tell collapse from agreement.
    """
    predicted, target = _unit(predicted), _unit(target.detach())
    return 2 - 2 * (predicted * target).sum(-1).mean()


def moco(predicted: Tensor, target: Tensor, *, temperature: float) -> Tensor:
    """2t times the mean cross-entropy of each prediction's own target among all targets of the batch, both [n, d].

    Logits are cosine similarities over the temperature t; targets carry no gradient. A scalar of at least 0, lower is
    better; float32 for half precision. Raises ValueError for shapes that differ or a temperature that is not above 0.
    """
    if predicted.shape != target.shape or predicted.ndim != 2:
        raise ValueError(
            f"expected predictions and targets [n, d], got {list(predicted.shape)} and {list(target.shape)}; pair them"
        )
    if not temperature > 0:
        raise ValueError(f"expected a temperature above 0, got {temperature}; MoCo v3 uses 0.2 and 1.0")
    predicted, target = _unit(predicted), _unit(target.detach())
    with torch.autocast(predicted.device.type, enabled=False):
        logits = predicted @ target.T / temperature
    labels = torch.arange(len(logits), device=logits.device)
    return 2 * temperature * F.cross_entropy(logits, labels)


def dino(student: Tensor, teacher: Tensor, *, centre: Tensor, temperature: float, teacher_temperature: float) -> Tensor:
    """Cross-entropy of softmax(student / t) under softmax((teacher - centre) / t'), mean over pairs of other views.

    student: [v, n, k] outputs of all views; teacher: [u, n, k] of the first u of them, without gradient; centre: [k].
    A scalar in nats, at least 0, lower is better; float32 for half precision. Raises ValueError for shapes that do not
    fit, fewer than two views, or a temperature that is not above 0.
    """
    if student.shape[1:] != teacher.shape[1:] or student.ndim != 3 or not 1 <= len(teacher) <= len(student) >= 2:
        raise ValueError(
            f"expected outputs [views, n, k] of at least 2 views and a teacher's of the first of them, got "
            f"{list(student.shape)} and {list(teacher.shape)}; stack the views"
        )
    if not (temperature > 0 and teacher_temperature > 0):
        raise ValueError(
            f"expected temperatures above 0, got {temperature} and {teacher_temperature}; DINO uses 0.1 and 0.04"
        )
    student, teacher = _full(student), _full(teacher.detach())
    with torch.autocast(student.device.type, enabled=False):
        targets = ((teacher - centre.to(teacher)) / teacher_temperature).softmax(-1)
        entropies = -torch.einsum("unk,vnk->uv", targets, (student / temperature).log_softmax(-1)) / student.shape[1]
    other = ~torch.eye(len(teacher), len(student), dtype=torch.bool, device=student.device)
    return entropies[other].mean()


def cosine(one: Tensor, other: Tensor) -> Tensor:
    """Mean cosine of rows [n, d] of two tensors, in [-1, 1]; float32 for half precision. Raises ValueError for shapes
    that differ."""
    if one.shape != other.shape:
        raise ValueError(f"expected encodings of one shape, got {list(one.shape)} and {list(other.shape)}; pair them")
    return (_unit(one) * _unit(other)).sum(-1).mean()


def _full(z: Tensor) -> Tensor:
    return z.float() if z.dtype in (torch.bfloat16, torch.float16) else z


def _unit(z: Tensor) -> Tensor:
    return F.normalize(_full(z), dim=-1)
