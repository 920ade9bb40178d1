"""What makes an attacked accuracy mean nothing, found before the attack: AutoAttack's flags, as errors."""

import torch
from torch import Tensor, nn

from holdfast.attacks.harms import Model

ASKED = 3
"""Times that a batch is asked about, to see whether the answers are the same."""
APART = 1e-4
"""Distance of two answers, as logits of unit length, beyond which the model draws at random: the reference's."""


def check_precision(model: nn.Module | Model, images: Tensor) -> None:
    """Raises ValueError for images in half precision, and for a model whose weights have another type than they."""
    if images.dtype not in (torch.float32, torch.float64):
        raise ValueError(
            f"expected images in float32, got {images.dtype}; give images.float(), and for a model in half precision "
            "lambda images: model(images.half()).float()"
        )
    weights = model.parameters() if isinstance(model, nn.Module) else ()
    other = next((w.dtype for w in weights if w.is_floating_point() and w.dtype != images.dtype), None)
    if other is not None:
        name = str(other).removeprefix("torch.")
        raise ValueError(
            f"expected a model in {images.dtype} as the images, got weights in {other}; call model.float(), or give "
            f"lambda images: model(images.to(torch.{name})).float(), with judge= the model in float32"
        )


@torch.no_grad()
def logits_in_batches(model: nn.Module | Model, images: Tensor, batch_size: int) -> Tensor:
    """[n, classes] of images [n, ...]. Raises ValueError for an output that is no row per image."""
    parts = [model(batch) for batch in images.split(batch_size)] if len(images) else [images.new_zeros(0, 2)]
    shapes = {tuple(part.shape[1:]) for part in parts}
    if any(part.ndim != 2 for part in parts) or len(shapes) != 1 or sum(map(len, parts)) != len(images):
        got, first = list(parts[0].shape), min(batch_size, len(images))
        raise ValueError(f"expected logits [{first}, classes], got {got}; give a classifier with a row for each image")
    return torch.cat(parts)


def check_classifier(
    model: nn.Module | Model, images: Tensor, labels: Tensor, logits: Tensor, *, random: bool, batch_size: int
) -> None:
    """Raises ValueError (expected, got, remedy) for what would make the verdicts mean nothing.

    images [n, ...], labels [n] and the clean logits [n, classes]; random: whether the model may draw at random.
    """
    _check_mode(model, random=random)
    _check_labels(images, labels, logits)
    _check_probabilities(logits)
    if not random:
        _check_repeatable(model, images[:batch_size], logits[:batch_size])


def _check_mode(model: nn.Module | Model, *, random: bool) -> None:
    if not isinstance(model, nn.Module):
        return
    norms = [name for name, part in model.named_modules() if part.training and isinstance(part, _NORMS)]
    if norms or (not random and model.training):
        where = f"{norms[0] or 'itself'} in training mode" if norms else "training mode"
        raise ValueError(f"expected a model in evaluation mode, got {where}; call model.eval() first")


_NORMS = (nn.modules.batchnorm._BatchNorm,)


def _check_labels(images: Tensor, labels: Tensor, logits: Tensor) -> None:
    if labels.shape != images.shape[:1] or labels.is_floating_point():
        raise ValueError(
            f"expected integer labels [{len(images)}], got {labels.dtype} {list(labels.shape)}; give a class per image"
        )
    if logits.shape[1] < 2:
        raise ValueError(
            f"expected logits of at least 2 classes, got {logits.shape[1]}; give one logit per class, also for two"
        )
    if len(labels) and not (int(labels.min()) >= 0 and int(labels.max()) < logits.shape[1]):
        raise ValueError(
            f"expected labels from 0 to {logits.shape[1] - 1}, got {int(labels.min())} to {int(labels.max())}; "
            "number the classes as the logits do"
        )


def _check_probabilities(logits: Tensor) -> None:
    if not len(logits):
        return
    if not torch.isfinite(logits).all():
        raise ValueError("expected finite logits, got infinite ones or NaN; look for what divides by zero")
    sums = logits.double().sum(1)
    if float(logits.min()) > -1e-5 and float(logits.max()) < 1 + 1e-5 and bool(((sums - 1).abs() < 1e-5).all()):
        raise ValueError("expected logits, got probabilities that sum to 1; leave the last softmax out")


@torch.no_grad()
def _check_repeatable(model: nn.Module | Model, images: Tensor, logits: Tensor) -> None:
    if not len(images):
        return
    unit = nn.functional.normalize(logits.double(), dim=1)
    for _ in range(ASKED - 1):
        again = nn.functional.normalize(model(images).double(), dim=1)
        apart = float((again - unit).norm(dim=1).max())
        if apart > APART:
            raise ValueError(
                f"expected the same logits for the same images, got answers {apart:.2g} apart; "
                "use version='rand' for a model that draws at random, else find what does"
            )
