"""Optimisers, weight-decay groups, and a learning rate that is a pure function of the step."""

import math
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from holdfast.config import RunConfig
from holdfast.engine.muon import Muon


def learning_rate(step: int, *, total_steps: int, warmup_steps: int, peak: float, end: float) -> float:
    """Rate of update `step`, counted from 1: linear from 0 over warmup_steps, then half a cosine from peak to end."""
    if step < warmup_steps:
        return peak * step / warmup_steps
    share = (step - warmup_steps) / max(1, total_steps - warmup_steps)
    return end + (peak - end) * (1 + math.cos(math.pi * share)) / 2


def epoch_rate(epoch: int, *, epochs: int, peak: float, ramp: int) -> float:
    """Rate throughout an epoch, counted from 0: InvCLR's smaller of half a cosine and a ramp over the first epochs."""
    cosine = peak * (1 + math.cos(math.pi * epoch / epochs)) / 2
    return min(cosine, peak * (1 + epoch) / ramp) if ramp > 0 else cosine


def warmup_steps(config: RunConfig, steps_per_epoch: int) -> int:
    """Steps of warm-up: config.warmup_epochs, or a tenth of the run where that is shorter."""
    return round(min(config.warmup_epochs, config.epochs / 10) * steps_per_epoch)


class LARS(Optimizer):
    """SGD with momentum whose step is scaled per weight by trust · |w| / (|g| + decay · |w|) (arXiv:1708.03888, eq. 6).

    clip: the scaled learning rate is lr at most. Tensors of fewer than two dimensions (biases, norms) take plain SGD
    steps without weight decay, as is usual.
    """

    def __init__(
        self,
        params: Iterable[Any],
        *,
        lr: float,
        momentum: float = 0.9,
        weight_decay: float = 0.0,
        trust: float = 1e-3,
        clip: bool = False,
        nesterov: bool = False,
    ):
        settings = {"lr": lr, "momentum": momentum, "weight_decay": weight_decay}
        super().__init__(params, settings | {"trust": trust, "clip": clip, "nesterov": nesterov})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """One update of every parameter that has a gradient."""
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self._update(parameter, group)

    def _update(self, parameter: Tensor, group: dict[str, Any]) -> None:
        """In place in the gradient too, which nobody needs any more: fresh memory costs more than the arithmetic."""
        gradient: Tensor = parameter.grad  # type: ignore[assignment]
        if parameter.ndim > 1:
            scale = _scale(parameter, gradient, group)
            gradient.add_(parameter, alpha=group["weight_decay"]).mul_(scale)
        state = self.state[parameter]
        if "momentum_buffer" not in state:
            state["momentum_buffer"] = torch.zeros_like(parameter)
        buffer = state["momentum_buffer"].mul_(group["momentum"]).add_(gradient)
        step = gradient.add_(buffer, alpha=group["momentum"]) if group["nesterov"] else buffer
        parameter.add_(step, alpha=-group["lr"])


def _scale(weight: Tensor, gradient: Tensor, group: dict[str, Any]) -> Tensor:
    """LARS's factor of the learning rate for one weight; 1 where weight or gradient is zero."""
    weight_norm, gradient_norm = weight.norm(), gradient.norm()
    length = gradient_norm + group["weight_decay"] * weight_norm
    ratio = group["trust"] * weight_norm / length.clamp_min(1e-30)
    if group["clip"]:
        ratio = (ratio / max(group["lr"], 1e-30)).clamp_max(1.0)
    return torch.where((weight_norm > 0) & (gradient_norm > 0), ratio, 1.0)


def parameter_groups(module: nn.Module, *, weight_decay: float, decay: str) -> list[dict[str, Any]]:
    """Groups for an optimiser: 'all' decays everything; 'weights' only tensors of two or more dimensions."""
    parameters = [p for p in module.parameters() if p.requires_grad]
    if decay == "all":
        return [{"params": parameters, "weight_decay": weight_decay}]
    weights = [p for p in parameters if p.ndim > 1]
    others = [p for p in parameters if p.ndim <= 1]
    return [{"params": weights, "weight_decay": weight_decay}, {"params": others, "weight_decay": 0.0}]


def make_optimizer(config: RunConfig, module: nn.Module) -> Optimizer:
    """The optimiser that a configuration names, over all of module's parameters."""
    groups = parameter_groups(module, weight_decay=config.weight_decay, decay=config.decay)
    if config.optimizer == "adamw":
        return torch.optim.AdamW(groups, lr=config.lr)
    if config.optimizer == "muon":
        return Muon(groups, lr=config.lr, momentum=config.momentum, rest=config.muon_rest)
    if config.optimizer == "lars":
        scaling = {"trust": config.lars_trust, "clip": config.lars_clip}
        return LARS(groups, lr=config.lr, momentum=config.momentum, nesterov=config.nesterov, **scaling)
    return torch.optim.SGD(groups, lr=config.lr, momentum=config.momentum, nesterov=config.nesterov)
