"""InvCLR (arXiv:2010.09515), settings as in ae-foster/invclr at 6da77d0: SimCLR with a penalty on moved features.

Expected (authors' raw numbers, mean of 3 runs, linear head on clean images / on features averaged over 100 or, for
Spirograph, 30 random transformations): CIFAR-10 93.38 / 94.83 % (plain SimCLR 93.04 / 94.60), CIFAR-100 72.21 / 74.94
% (plain 71.29 / 74.10), Spirograph MSE .00195 / .000957 (plain .00293 / .00223). Their hardware: 8 GPUs with batch
norm of each device's own, float32; time not published. We have not run these recipes in full: 98,000 steps of 512
images for CIFAR, 9,800 for Spirograph, each two to three times as long as a plain step (docs/methods/invclr.md;
--penalty-form pair costs half as much more). Where we differ: ImageNet's normalisation, biases and norms without LARS
scaling and decay, a bias and an affine norm in the head.
"""

from dataclasses import replace

from holdfast.config import RunConfig
from holdfast.methods import PRESETS, PenaltyConfig


def cifar10() -> RunConfig:
    """CIFAR-10: all 50,000 training images, penalty 0.1 with limit 1, ResNet-50."""
    return replace(PRESETS["invclr"](), data="cifar10/train.parquet", holdout=0, image_size=32)


def cifar100() -> RunConfig:
    """CIFAR-100: as CIFAR-10."""
    return replace(cifar10(), data="cifar100/train.parquet")


def spirograph() -> RunConfig:
    """Spirograph: 100,000 pictures in the authors' normalisation, penalty 0.01 with limit 1000, ResNet-18, 50
    epochs."""
    return replace(
        PRESETS["invclr"](),
        data="spirograph:100000:row",
        holdout=0,
        image_size=32,
        encoder="timm/resnet18",
        epochs=50,
        parts=(PenaltyConfig(penalty="invariance:0.01", penalty_form="vjp", penalty_limit=1000.0),),
    )
