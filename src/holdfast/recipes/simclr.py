"""The SimCLR baselines of the SDCLR paper (arXiv:2106.02990), settings as in its repository at f1490fc.

Expected (paper, top-1 % of a linear probe on all labels, mean of 5 splits; 1 run on ImageNet-100-LT): CIFAR-10-LT
75.55 ± 0.66 (many 78.18, medium 76.23, few 71.37, Std 5.13); CIFAR-100-LT 47.11 ± 0.34; ImageNet-100-LT 65.46. Their
hardware: 1 GPU for CIFAR, 2 for ImageNet-100; time not published. We have not run these recipes in full. Size on any
hardware: 44,000 steps of 512 images (CIFAR-10-LT), 40,000 of 512 (CIFAR-100-LT), 24,000 of 256 (ImageNet-100-LT);
docs/methods/simclr.md turns that into hours per machine.
"""

from dataclasses import replace

from holdfast.config import VIEWS, RunConfig
from holdfast.methods import SimCLRConfig


def cifar10_lt() -> RunConfig:
    """CIFAR-10-LT: 11,165 images after holding out 5,000 of the training set for validation."""
    return RunConfig(
        method=SimCLRConfig(temperature=0.2, head_layers=2),
        data="cifar10/train.parquet",
        long_tail="exp:100",
        holdout=5000,
        image_size=32,
        views=VIEWS["cifar"],
        encoder="timm/resnet18",
        stem="small",
        epochs=2000,
        batch_size=512,
        optimizer="sgd",
        lr=0.5,
        lr_end=1e-6,
        warmup_epochs=10,
        weight_decay=1e-4,
        decay="all",
        seed=10,
    )


def cifar100_lt() -> RunConfig:
    """CIFAR-100-LT: 9,754 images after holding out 5,000 of the training set for validation; else as CIFAR-10-LT."""
    return replace(cifar10_lt(), data="cifar100/train.parquet")


def imagenet100_lt() -> RunConfig:
    """ImageNet-100-LT: 12,205 images, 1,280 to 6 a class, from an index file (the paper's list, turned into ids)."""
    return RunConfig(
        method=SimCLRConfig(temperature=0.2, head_layers=2),
        data="imagenet100/train.parquet",
        long_tail="imagenet100_lt.txt",
        holdout=2000,
        image_size=224,
        views=VIEWS["imagenet"],
        encoder="timm/resnet50",
        stem="standard",
        epochs=500,
        batch_size=256,
        optimizer="sgd",
        lr=0.5,
        lr_end=1e-6,
        warmup_epochs=10,
        weight_decay=1e-4,
        decay="all",
        seed=1,
    )
