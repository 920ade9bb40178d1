"""The default linear probe: logistic regression by full-batch L-BFGS, regularisation chosen on a validation part."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from holdfast.evaluation.probes.newton import Problem, covariance_of, minimise
from holdfast.randomness import fold, key

REGULARISATION = (1.0, 0.1, 0.01, 1e-3, 1e-4, 1e-5, 1e-6)
"""Weights of half the squared norm that are tried, strongest first: each fit starts from the one before it."""
WIDEST = (1e3, 1e-9)
"""Strongest and weakest regularisation that is ever tried: beyond an end that is best, the next power of ten is."""
FOLDS = 5
CROSS_VALIDATE_BELOW = 5000
"""Up to this many images every fold validates in turn; above, the first fold alone: a fifth of them."""

_Part = tuple[Tensor, Tensor]
_Fit = tuple[Tensor, Tensor, Tensor, Tensor]


@dataclass(frozen=True)
class LinearProbe:
    """A linear classifier on features [n, dim]."""

    weight: Tensor
    """[classes, dim], of standardised features."""
    bias: Tensor
    """[classes]."""
    shift: Tensor
    """[dim], subtracted from features before the weight."""
    scale: Tensor
    """[dim], divided by after the shift."""
    regularisation: float
    """Chosen weight of half the squared norm; 0 where there was none."""
    validation_accuracy: float | None
    """Percent on the validation part, of the regularisation (or epoch) chosen; None where nothing was chosen."""
    at_edge: bool = False
    """Whether the chosen regularisation is an end of what was tried, so that one beyond might have been better."""

    def logits(self, features: Tensor) -> Tensor:
        """[n, classes] of features [n, dim]."""
        return F.linear((features - self.shift) / self.scale, self.weight, self.bias)

    def predict(self, features: Tensor) -> Tensor:
        """The class [n] with the largest logit."""
        return self.logits(features).argmax(1)


def fit_probe(
    features: Tensor,
    labels: Tensor,
    *,
    classes: int,
    ids: Tensor | None = None,
    validation: tuple[Tensor, Tensor] | None = None,
    seed: int = 0,
    regularisation: Sequence[float] | None = None,
) -> LinearProbe:
    """A logistic regression on features [n, dim] and labels [n] in 0..classes-1, on the features' device.

    Features are standardised with the mean and population deviation of what is fitted on. The objective is the mean
    cross-entropy plus regularisation/2 |weight|^2, the bias free. The regularisation with the best mean per-class
    accuracy (the strongest of equals) is chosen on validation (features, labels) where given; otherwise on stratified
    fifths drawn by seed and ids [n] (by default the rows' places): all five in turn for up to 5,000 images, one above.
    regularisation: what is tried, strongest first; None: REGULARISATION, and beyond an end of it that is best further
    powers of ten. Then the probe is fitted on all n. Deterministic for a device and number of threads.
    """
    _check(features, labels, classes)
    labels = labels.to(features.device)
    trials = _trials(features, labels, ids, seed) if validation is None else [((features, labels), validation)]
    tried = list(REGULARISATION if regularisation is None else regularisation)
    accuracy = _validated(trials, classes, tried)
    while regularisation is None and trials and (beyond := next_beyond(tried, accuracy)):
        stronger, more = beyond > tried[0], _validated(trials, classes, [beyond])
        tried = [beyond, *tried] if stronger else [*tried, beyond]
        accuracy = torch.cat([more, accuracy] if stronger else [accuracy, more])
    best = int(accuracy.argmax())
    *_, probe = _path(features, labels, classes, tried[: best + 1])
    at_edge = bool(trials) and _best_end(accuracy) is not None
    return LinearProbe(*probe, tried[best], float(accuracy[best]) if trials else None, at_edge)


def _validated(trials: list[tuple[_Part, _Part]], classes: int, regularisation: Sequence[float]) -> Tensor:
    """Mean accuracy by class on the validation parts, by regularisation."""
    right = torch.zeros(len(regularisation), classes, dtype=torch.float64)
    for fitted, part in trials:
        right += torch.stack([_right_by_class(fit, part, classes) for fit in _path(*fitted, classes, regularisation)])
    return _mean_accuracy(right, [part for _, part in trials], classes)


def _best_end(accuracy: Tensor) -> int | None:
    """0 or -1 where that end of the grid is better than its neighbour and all others; None where neither is."""
    best = int(accuracy.argmax())
    if len(accuracy) > 1 and best == 0 and accuracy[0] > accuracy[1]:
        return 0
    return -1 if len(accuracy) > 1 and best == len(accuracy) - 1 else None


def next_beyond(tried: list[float], accuracy: Tensor) -> float | None:
    """The next power of ten beyond the end that is best; None where none is, or the widest is reached."""
    end = _best_end(accuracy)
    if end == 0 and tried[0] < WIDEST[0] / 1.5:
        return 10 * tried[0]
    return tried[-1] / 10 if end == -1 and tried[-1] > WIDEST[1] * 1.5 else None


def stratified_folds(labels: Tensor, ids: Tensor | None = None, *, seed: int, folds: int = FOLDS) -> Tensor:
    """A fold 0..folds-1 for each sample [n]: even within each class, drawn by seed and ids, not by the rows' order.

    A class's first image goes to fold 1, its last turn to fold 0: a class of fewer than `folds` images is never in
    fold 0.
    """
    ids = torch.arange(len(labels)) if ids is None else ids
    draws = fold(key(seed, "probe folds").to(labels.device), ids.to(labels.device))
    order = draws.argsort()
    order = order[labels[order].argsort(stable=True)]
    ranked = labels[order]
    starts = torch.searchsorted(ranked, ranked)
    result = torch.empty_like(order)
    result[order] = (torch.arange(len(order), device=order.device) - starts + 1) % folds
    return result


def _trials(features: Tensor, labels: Tensor, ids: Tensor | None, seed: int) -> list[tuple[_Part, _Part]]:
    """What is fitted and what validates it, (features, labels) each; none where every class has a single image."""
    folds = stratified_folds(labels, ids, seed=seed)
    held = [folds == number for number in range(FOLDS if len(labels) <= CROSS_VALIDATE_BELOW else 1)]
    return [
        ((features[~out], labels[~out]), (features[out], labels[out])) for out in held if out.any() and not out.all()
    ]


@torch.no_grad()
def _path(features: Tensor, labels: Tensor, classes: int, regularisation: Sequence[float]) -> list[_Fit]:
    """(weight, bias, shift, scale) for each regularisation, each fit warm-started from the one before."""
    deviation, shift = torch.std_mean(features, 0, correction=0)
    scale = torch.where(deviation > 1e-6 * deviation.max(), deviation, 1.0)  # a constant feature stays out
    standardised = (features - shift) / scale
    covariance, point = covariance_of(standardised), features.new_zeros(classes, features.shape[1] + 1)
    fits = []
    for strength in regularisation:
        point = minimise(Problem(standardised, labels, strength), point, covariance)
        fits.append((point[:, :-1].contiguous(), point[:, -1].contiguous(), shift, scale))
    return fits


def _right_by_class(probe: _Fit, part: _Part, classes: int) -> Tensor:
    features, labels = part
    predicted = LinearProbe(*probe, 0.0, None).predict(features)
    return torch.bincount(labels[predicted == labels].cpu(), minlength=classes).double()


def _mean_accuracy(right: Tensor, parts: list[_Part], classes: int) -> Tensor:
    """Percent, mean over the classes that have a validation image, by regularisation; zeros without parts."""
    if not parts:
        return right.new_zeros(len(right))
    counts = torch.bincount(torch.cat([labels for _, labels in parts]).cpu(), minlength=classes)
    return 100 * (right[:, counts > 0] / counts[counts > 0]).mean(1)


def _check(features: Tensor, labels: Tensor, classes: int) -> None:
    if features.ndim != 2 or labels.shape != features.shape[:1]:
        raise ValueError(
            f"expected features [n, dim] and labels [n], got {list(features.shape)} and {list(labels.shape)}; "
            "give one label per row"
        )
    if not len(labels) or int(labels.min()) < 0 or int(labels.max()) >= classes:
        raise ValueError(f"expected labels from 0 to {classes - 1} for at least one image, got others; check classes")
