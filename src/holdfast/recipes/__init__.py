"""Recipes by name: functions that return a complete RunConfig; start from one with `holdfast train METHOD --recipe NAME`."""

from collections.abc import Callable

from holdfast.config import RunConfig
from holdfast.recipes import sdclr, simclr

RECIPES: dict[str, Callable[[], RunConfig]] = {
    "simclr/cifar10_lt": simclr.cifar10_lt,
    "simclr/cifar100_lt": simclr.cifar100_lt,
    "simclr/imagenet100_lt": simclr.imagenet100_lt,
    "sdclr/cifar10_lt": sdclr.cifar10_lt,
    "sdclr/cifar100_lt": sdclr.cifar100_lt,
    "sdclr/imagenet100_lt": sdclr.imagenet100_lt,
    "sdclr/cifar10_lt_authors_head": sdclr.cifar10_lt_authors_head,
}

__all__ = ["RECIPES"]
