"""Speed runs on CIFAR-10: as good as can be after a minute on one GPU, and a first look at your own images anywhere.

Expected: a linear probe on frozen features of the one untouched image at 85 % or above; hardware: one H100; time: 60
seconds of training, at first 180. Not measured yet: docs/performance.md has what was. docs/methods/simclr.md has each
trick, and what a hundredth of the data shows of them. Small views are native patches (EMP-SSL, arXiv:2304.03977), the
last epochs see the full size (progressive resolution, arXiv:2212.05611).
"""

from dataclasses import replace

from holdfast.config import RunConfig, ViewSettings
from holdfast.methods import EMPSSLConfig, SimCLRConfig

VIEWS = ViewSettings(crop_min=0.15, crop_max=0.6, interpolation="bilinear", view_size=16, view_grow=0.1)
"""Crops of a sixth to three fifths of the area, kept at 16 pixels: a quarter of the work of 32."""


def simclr_cifar10() -> RunConfig:
    """SimCLR on all pairs of four small views, Muon, a whitened first convolution: 30 epochs, 120 views an image."""
    return RunConfig(
        method=SimCLRConfig(view_count=4),
        data="cifar10/train.parquet",
        holdout=0,
        image_size=32,
        views=VIEWS,
        encoder="timm/resnet18",
        stem="small",
        whiten=True,
        epochs=30,
        batch_size=512,
        optimizer="muon",
        lr=0.05,
        lr_end=0.0,
        warmup_epochs=0.5,
        weight_decay=1e-3,
        decay="weights",
    )


def emp_ssl_cifar10() -> RunConfig:
    """EMP-SSL with the same views, optimiser and passes: 8 crops, 15 epochs."""
    method = EMPSSLConfig(view_count=8, head="shared", head_dim=256)
    return replace(simclr_cifar10(), method=method, epochs=15, batch_size=256)
