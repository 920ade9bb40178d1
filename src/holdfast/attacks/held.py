"""Attacks change nothing of a network: one whose batch norms would move with every query is refused."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.module import register_module_forward_pre_hook


@contextmanager
def batch_norms_held() -> Iterator[None]:
    """Inside, a pass through a batch norm in training mode that keeps running statistics raises ValueError.

    It watches every module, since an attack sees a function of images and not what is behind it.
    """
    hook = register_module_forward_pre_hook(_refuse)
    try:
        yield
    finally:
        hook.remove()


def _refuse(module: nn.Module, inputs: Any) -> None:
    if isinstance(module, _BatchNorm) and module.training and module.running_mean is not None:
        raise ValueError(
            "expected a network in evaluation mode, got a batch norm in training mode, whose running statistics every "
            "query of the attack would move; call network.eval() first"
        )
