"""How long an audit will take: seconds of a pass, measured on this machine, times the passes of each axis."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor, nn

from holdfast.audits.subject import Audit, Options, Speed, Subject
from holdfast.budgets import BUDGETS, budgeted
from holdfast.evaluation.feature_table import FeatureTable
from holdfast.evaluation.features import encode, measuring
from holdfast.evaluation.probes import CROSS_VALIDATE_BELOW, FOLDS, REGULARISATION
from holdfast.system import Pace, Spent, pace, timed

_TIMED_SECONDS, _PASSES, _PATIENCE = 0.25, (3, 5), 1.5
"""About so long a pass that is timed takes, of how many the median is taken at least and at most, and the seconds after
which the fewest will do."""
_LARGEST = {"cpu": 32, "cuda": 256}
"""Images in a timed pass, at most."""
_PROBE_SECONDS = 3e-8
"""An L-BFGS probe for each image, dimension and class: 6 s for 45,000 images of 512 and 10 classes on 2 cores."""
_CALL_SECONDS, _CALLS = 6e-4, 40
"""A call of such a probe's loss with its gradient, however few the images, and how often a fit asks for it."""
_MANY = 10**9
"""Test images where their number is not known: as many as the options would take."""


@dataclass(frozen=True)
class Choice:
    """What robustness and invariance may spend, and which of them even the smallest budget is too long for."""

    budget: str
    left_out: Mapping[str, float] = field(default_factory=dict)
    """By axis, the seconds that it takes at most with that budget."""


def measure_speed(encoder: nn.Module, size: int, options: Options) -> Speed:
    """Times short passes of a few grey images [n, 3, size, size] on the options' device; about three seconds. Features
    that were computed elsewhere take no time."""
    if isinstance(encoder, FeatureTable):
        return Speed(0.0, 0.0)
    with measuring(encoder, options.device) as home:
        passes = (lambda images: _forward(encoder, images, options), lambda images: _both(encoder, images, options))
        forward, both = (_pace(run, size, home) for run in passes)
    return Speed(forward.seconds, max(both.seconds, forward.seconds), max(1.0, (forward.busy + both.busy) / 2))


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


def _pace(run: Callable[[Tensor], None], size: int, home: torch.device) -> Pace:
    """Per image: of three to five passes of as many images as take about a quarter of a second."""
    few, largest = 2, _LARGEST.get(home.type, 32)
    # The first pass of a network is slower than all others, and other work may hold up any one of them.
    once = min(_timed(run, few, size, home).clock for _ in range(3)) / few
    count = max(1, min(largest, int(_TIMED_SECONDS / max(once, 1e-6))))
    passes: list[Spent] = []
    while len(passes) < _PASSES[0] or (len(passes) < _PASSES[1] and sum(one.clock for one in passes) < _PATIENCE):
        passes.append(_timed(run, count, size, home))
    found = pace(passes)
    return Pace(found.seconds / count, found.busy)


def _timed(run: Callable[[Tensor], None], count: int, size: int, home: torch.device) -> Spent:
    images = torch.full((count, 3, size, size), 0.5, device=home)
    _wait(home)

    def work() -> None:
        run(images)
        _wait(home)

    return timed(work, threads=torch.get_num_threads() if home.type == "cpu" else 0)


def _wait(home: torch.device) -> None:
    if home.type == "cuda":
        torch.cuda.synchronize(home)


def planned(subject: Subject, axes: Mapping[str, Audit], speed: Speed) -> dict[str, float]:
    """Seconds by axis, at most, on the machine as it is now; 'features' first: those of all images, that are not kept
    from an audit before."""
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
    return fit * speed.busy + speed.forward * passes


def largest_budget(
    audits: Mapping[str, Audit], speeds: Sequence[Speed], options: Options, given: dict[str, object], seconds: float
) -> Choice:
    """The largest of BUDGETS that the slowest encoder gets through in so many seconds, else the smallest, without the
    axes that do not fit in even then."""
    slowest = Speed(max(speed.forward for speed in speeds), max(speed.both for speed in speeds))
    costs: dict[str, float] = {}
    for budget in reversed(BUDGETS):
        spent = replace(options, **budgeted(budget, given))
        costs = {name: axis.spends(spent, _MANY, slowest) for name, axis in audits.items()}
        if sum(costs.values()) <= seconds:
            return Choice(budget)
    return Choice(BUDGETS[0], _too_long(costs, seconds))


def _too_long(costs: Mapping[str, float], seconds: float) -> dict[str, float]:
    """Those that do not fit into the seconds any more, the first being the first to be measured."""
    left, too_long = seconds, {}
    for name, cost in costs.items():
        if cost > left:
            too_long[name] = cost
        else:
            left -= cost
    return too_long
