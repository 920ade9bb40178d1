"""How long an audit will take: seconds of a pass, measured on this machine, times the passes of each axis."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace

import torch
from torch import Tensor, nn

from holdfast.audits.subject import Audit, Options, Speed, Subject
from holdfast.budgets import BUDGETS, budgeted
from holdfast.evaluation.features import encode, measuring
from holdfast.evaluation.probes import CROSS_VALIDATE_BELOW, FOLDS, REGULARISATION

_TIMED_SECONDS = 0.5
"""About so long a pass that is timed takes: long enough to be steady, short enough to be no part of the audit."""
_LARGEST = {"cpu": 32, "cuda": 256}
"""Images in a timed pass, at most."""
_PROBE_SECONDS = 3e-8
"""An L-BFGS probe for each image, dimension and class: 6 s for 45,000 images of 512 and 10 classes on 2 cores."""
_CALL_SECONDS, _CALLS = 6e-4, 40
"""A call of such a probe's loss with its gradient, however few the images, and how often a fit asks for it."""
_MANY = 10**9
"""Test images where their number is not known: as many as the options would take."""


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


def planned(subject: Subject, axes: Mapping[str, Audit], speed: Speed) -> dict[str, float]:
    """Seconds by axis, at most; 'features' first: those of all images, that are not kept from an audit before."""
    fresh = [images for images in (subject.pool, subject.test) if not subject.has_kept(images)]
    twice = subject.options.reference and bool({"balance", "tail"} & set(axes))
    fresh += [subject.pool, subject.test] if twice else []
    encoders = 2 if twice and "balance" in axes else 1
    seconds = {"features": speed.forward * sum(map(len, fresh)) + encoders * _probes(subject, speed)}
    for name, axis in axes.items():
        seconds[name] = axis.cost(subject, speed) + axis.spends(subject.options, len(subject.test), speed)
    return seconds


def _probes(subject: Subject, speed: Speed) -> float:
    """Seconds of the linear probes, which axes share."""
    if subject.pool.labels is None:
        return 0.0
    dim = getattr(subject.encoder, "dim", 512)
    fit = _PROBE_SECONDS * len(subject.probe_ids) * dim * subject.classes
    if subject.options.protocol == "lbfgs":
        few = subject.validation_ids is None and len(subject.probe_ids) <= CROSS_VALIDATE_BELOW
        fit += len(REGULARISATION) * (1 + (FOLDS if few else 1)) * _CALLS * _CALL_SECONDS
    passes = {"sdclr": 31 * len(subject.probe_ids), "lbfgs": 0}.get(subject.options.protocol, 0)
    return fit + speed.forward * passes


def largest_budget(
    audits: Iterable[Audit], speeds: Sequence[Speed], options: Options, given: dict[str, object], seconds: float
) -> str:
    """The largest of BUDGETS that the slowest encoder gets through in so many seconds, else the smallest."""
    slowest = Speed(max(speed.forward for speed in speeds), max(speed.both for speed in speeds))
    audits = list(audits)
    for budget in reversed(BUDGETS):
        spent = replace(options, **budgeted(budget, given))
        if sum(axis.spends(spent, _MANY, slowest) for axis in audits) <= seconds:
            return budget
    return BUDGETS[0]
