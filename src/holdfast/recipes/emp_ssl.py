"""EMP-SSL (arXiv:2304.03977), settings as in tsb0601/EMP-SSL at 8fc3758 and specified in docs/methods/emp_ssl.md.

Expected (its README, accuracy % of a linear head on the mean pre-feature of many views): CIFAR-10 with 20 patches
80.6, 90.7 and 93.1 after 1, 10 and 30 epochs, with 200 patches 82.6, 91.5 and 93.4; CIFAR-100 with 20 patches 55.1,
67.8, 72.4, with 200 57.7, 70.1, 73.3. Measure it with --layer prefeature and --aggregate. The paper names no hardware
and no time for these; we have not run these recipes in full. A step is 2,000 forward+backward passes with 20 views,
20,000 with 200: --pass-views bounds memory.
"""

from dataclasses import replace

from holdfast.config import VIEWS, RunConfig
from holdfast.methods import PRESETS, EMPSSLConfig


def cifar10() -> RunConfig:
    """CIFAR-10: 20 patches of 16×16 pixels, 30 epochs."""
    return replace(
        PRESETS["emp-ssl"](),
        method=EMPSSLConfig(view_count=20),
        data="cifar10/train.parquet",
        image_size=32,
        views=VIEWS["patch"],
        encoder="timm/resnet18",
        stem="small",
    )


def cifar10_one_epoch() -> RunConfig:
    """CIFAR-10 in a single pass over the images, the title's claim: 80.6 with 20 patches."""
    return replace(cifar10(), epochs=1)


def cifar10_200_patches() -> RunConfig:
    """CIFAR-10: 200 patches, 20 of them in a pass of the network."""
    return replace(cifar10(), method=EMPSSLConfig(view_count=200, pass_views=20))


def cifar100() -> RunConfig:
    """CIFAR-100: else as CIFAR-10."""
    return replace(cifar10(), data="cifar100/train.parquet")
