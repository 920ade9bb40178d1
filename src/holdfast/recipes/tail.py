"""TS (arXiv:2303.13664), GH (2310.17622), BCL-I and BCL-D (2205.12693), rwSAM (2110.05025) on long tails of CIFAR.

Expected on CIFAR-100-LT, ResNet-18, Adam on cached features: SimCLR 50.7, with GH 54.0; BCL 56.5, its BCL-I 55.7 and
BCL-D 58.7 by its own linear probe (recalled tables; probes differ). TS by nearest neighbours among its training images,
split 1: 61.2 on CIFAR-10-LT, 29.1 on CIFAR-100-LT. Of rwSAM no table is held. Hardware and time are not named. The
settings of each part are the authors'; views, network, optimiser and probe are those of SDCLR's protocol here, so that
the parts compare. We have not run these recipes in full.
"""

from dataclasses import replace

from holdfast.config import RunConfig
from holdfast.methods import PRESETS
from holdfast.recipes import sdclr, simclr


def _on(base: RunConfig, name: str) -> RunConfig:
    preset = PRESETS[name]()
    return replace(base, parts=preset.parts, epochs=preset.epochs)


def ts_cifar10_lt() -> RunConfig:
    """CIFAR-10-LT with SimCLR and TS: five swings between 1.0 and 0.1 in 2,000 epochs, SGD at 0.5."""
    return _on(simclr.cifar10_lt(), "ts")


def ts_cifar100_lt() -> RunConfig:
    """CIFAR-100-LT with SimCLR and TS; else as CIFAR-10-LT."""
    return _on(simclr.cifar100_lt(), "ts")


def gh_cifar100_lt() -> RunConfig:
    """CIFAR-100-LT with SimCLR and GH: 100 surrogate classes, the second half of 1,000 epochs."""
    return _on(simclr.cifar100_lt(), "gh")


def bcl_i_cifar100_lt() -> RunConfig:
    """CIFAR-100-LT with BCL-I on SimCLR: one operation more, decay 5e-4, 2,000 epochs."""
    return replace(_on(simclr.cifar100_lt(), "bcl-i"), weight_decay=5e-4)


def bcl_d_cifar100_lt() -> RunConfig:
    """CIFAR-100-LT with BCL-D on SDCLR: up to two operations more, decay 1e-4, 2,000 epochs."""
    return replace(_on(sdclr.cifar100_lt(), "bcl-d"), weight_decay=1e-4)


def rwsam_cifar10_lt() -> RunConfig:
    """CIFAR-10-LT with rwSAM on SimCLR, a step of 0.05, 1,600 epochs as the authors' SimSiam."""
    return replace(_on(simclr.cifar10_lt(), "rwsam"), epochs=1600)
