"""VICReg (arXiv:2105.04906), Barlow Twins (2103.03230), BYOL (2006.07733), MoCo v3 (2104.02057), DINO
(2104.14294) on CIFAR-10.

Expected: BYOL 86.5 % by nearest neighbours after 200 epochs of two views, batch 512, ResNet-18 (FroSSL's table); of the
others no number at this size is known to us. Hardware: an RTX 4090 there. Time: 62 minutes there; 200 epochs are 19,600
steps of 512. Weights and momenta are the papers', heads narrower; optimiser, schedule and views are those of our
SimCLR, so that families compare. We have not run these recipes in full.
"""

from dataclasses import replace

from holdfast.config import MethodConfig, RunConfig
from holdfast.methods import BarlowTwinsConfig, BYOLConfig, DINOConfig, MoCoV3Config, VICRegConfig
from holdfast.recipes import simclr


def _on_cifar10(method: MethodConfig) -> RunConfig:
    return replace(simclr.cifar10_lt(), method=method, long_tail=None, holdout=None, epochs=200, seed=0)


def vicreg_cifar10() -> RunConfig:
    """CIFAR-10 with VICReg: weights 25, 25 and 1."""
    return _on_cifar10(VICRegConfig())


def barlow_twins_cifar10() -> RunConfig:
    """CIFAR-10 with Barlow Twins: redundancy 0.0051."""
    return _on_cifar10(BarlowTwinsConfig())


def byol_cifar10() -> RunConfig:
    """CIFAR-10 with BYOL: the paper's long-run momentum, from 0.996 to 1."""
    return _on_cifar10(BYOLConfig(teacher_momentum=0.996))


def moco_v3_cifar10() -> RunConfig:
    """CIFAR-10 with MoCo v3: temperature 1.0 as the paper has for ResNets, momentum from 0.99 to 1."""
    return _on_cifar10(MoCoV3Config(temperature=1.0))


def dino_cifar10() -> RunConfig:
    """CIFAR-10 with DINO: two large crops and six small ones, momentum from 0.996 to 1."""
    return _on_cifar10(DINOConfig())
