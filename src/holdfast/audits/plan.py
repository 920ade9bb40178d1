"""How long an audit will take: seconds of a pass, measured on this machine, times the passes of each axis."""

import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from holdfast.audits.invariance import GRADED
from holdfast.audits.robustness import robustness_passes
from holdfast.audits.subject import VIEWED_IMAGES, Options, Subject
from holdfast.budgets import BUDGETS, budgeted
from holdfast.data import Images
from holdfast.evaluation.features import encode, measuring

_TIMED_SECONDS = 0.5
"""About so long a pass that is timed takes: long enough to be steady, short enough to be no part of the audit."""
_LARGEST = {"cpu": 32, "cuda": 256}
"""Images in a timed pass, at most."""
_DERIVATIVE = 3.0
"""Forward passes that a directional derivative takes: dual numbers through every layer, and the features themselves."""
_PROBE_SECONDS = 3e-8
"""An L-BFGS probe for each image, dimension and class: 6 s for 45,000 images of 512 and 10 classes on 2 cores."""


@dataclass(frozen=True)
class Speed:
    """Seconds for an image."""

    forward: float
    both: float
    """Forward and backward, to the pixels and through all weights' layers."""


def measure_speed(encoder: nn.Module, size: int, options: Options) -> Speed:
    """Times passes of a few grey images [n, 3, size, size] on the options' device; about two seconds."""
    with measuring(encoder, options.device) as home:
        passes = (lambda images: _forward(encoder, images, options), lambda images: _both(encoder, images, options))
        forward, both = (_seconds(run, size, home) for run in passes)
    return Speed(forward, max(both, forward))


def _forward(encoder: nn.Module, images: Tensor, options: Options) -> None:
    with torch.no_grad(), _autocast(images, options):
        encode(encoder, images)


def _both(encoder: nn.Module, images: Tensor, options: Options) -> None:
    images = images.requires_grad_()
    with torch.enable_grad(), _autocast(images, options):
        features = encode(encoder, images)
    if features.requires_grad:
        torch.autograd.grad(features.float().sum(), images, allow_unused=True)


def _autocast(images: Tensor, options: Options):  # noqa: ANN202  # torch and contextlib share no type for it
    return torch.autocast(images.device.type, torch.bfloat16) if options.precision == "bf16" else nullcontext()


def _seconds(run: Callable[[Tensor], None], size: int, home: torch.device) -> float:
    """Per image, of the fastest of three passes of as many images as take about half a second."""
    few, largest = 2, _LARGEST.get(home.type, 32)
    # The first pass of a network is slower than all others, and other work may hold up any one of them.
    once = min(_timed(run, few, size, home) for _ in range(3))
    count = max(1, min(largest, int(_TIMED_SECONDS / max(once, 1e-6))))
    return min(once, *(_timed(run, count, size, home) for _ in range(3)))


def _timed(run: Callable[[Tensor], None], count: int, size: int, home: torch.device) -> float:
    images = torch.full((count, 3, size, size), 0.5, device=home)
    _wait(home)
    start = time.perf_counter()
    run(images)
    _wait(home)
    return (time.perf_counter() - start) / count


def _wait(home: torch.device) -> None:
    if home.type == "cuda":
        torch.cuda.synchronize(home)


def planned(subject: Subject, axes: Sequence[str], speed: Speed) -> dict[str, float]:
    """Seconds by axis, at most; 'features' first: those of all images, that are not kept from an audit before."""
    fresh = [images for images in (subject.pool, subject.test) if not subject.has_kept(images)]
    seconds = {"features": speed.forward * sum(map(len, fresh)) + _probes(subject, speed)}
    for axis in axes:
        seconds[axis] = speed.forward * _forwards(axis, subject) + _heavier(axis, subject.options, subject.test, speed)
    return seconds


def _probes(subject: Subject, speed: Speed) -> float:
    """Seconds of the linear probes, which axes share."""
    if subject.pool.labels is None:
        return 0.0
    dim = getattr(subject.encoder, "dim", 512)
    fit = _PROBE_SECONDS * len(subject.probe_ids) * dim * subject.classes
    passes = {"sdclr": 31 * len(subject.probe_ids), "lbfgs": 0}.get(subject.options.protocol, 0)
    return fit + speed.forward * passes


def _forwards(axis: str, subject: Subject) -> int:
    """Plain passes of an image that only this axis makes."""
    if axis == "quality":
        return 2 * min(VIEWED_IMAGES, len(subject.test))
    if axis == "memorization" and subject.pairs is not None:  # privacy reads the same scores
        scored = sum(map(len, subject.pairs.parts.values()))
        return scored * (2 * len(subject.pairs.encoders) * subject.options.views + 1)
    average = subject.options.average if axis == "invariance" else 0
    return 2 * average * (len(subject.pool) + len(subject.test))


def _heavier(axis: str, options: Options, test: "Images | None", speed: Speed) -> float:
    """Seconds of the axes that have budgets; test None: of as many test images as the options would take."""
    known = 10**9 if test is None else len(test)
    if axis == "robustness":
        both, single = robustness_passes(options, known)
        return both * speed.both + single * speed.forward
    if axis == "invariance":
        strengths = sum(len(graded.strengths) for graded in GRADED)
        return min(known, options.shift_images) * speed.forward * (1 + strengths + _DERIVATIVE * len(GRADED))
    return 0.0


def largest_budget(speeds: Sequence[Speed], options: Options, given: dict[str, object], seconds: float) -> str:
    """The largest of BUDGETS that the slowest encoder gets through in so many seconds, else the smallest."""
    slowest = Speed(max(speed.forward for speed in speeds), max(speed.both for speed in speeds))
    for budget in reversed(BUDGETS):
        spent = replace(options, **budgeted(budget, given))
        if sum(_heavier(axis, spent, None, slowest) for axis in ("robustness", "invariance")) <= seconds:
            return budget
    return BUDGETS[0]
