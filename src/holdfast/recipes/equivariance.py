"""SER (arXiv:2603.06693) on MoCo v3: ImageNet with the settings of its repository, and CIFAR-10 with those of ours.

Expected (paper): with ViT-S/16, 100 epochs of ImageNet, 0.84 points above MoCo v3 by a linear probe, 1.11 above on
ImageNet-C; of CIFAR-10 no number is known to us. Hardware: 8 GPUs. Time not published: 62,500 steps of 2,048 images.
Read from aitrics-chris/SER@dbe5e93. We have not run these recipes in full.
"""

from dataclasses import replace

from holdfast.config import RunConfig, ViewSettings
from holdfast.methods import PRESETS, MoCoV3Config
from holdfast.recipes import families


def ser_imagenet() -> RunConfig:
    """ImageNet with ViT-S/16: AdamW, 100 epochs, batch 2,048; both views blur and solarise as often as theirs in the
    mean."""
    views = ViewSettings(crop_min=0.08, interpolation="bilinear", saturation=0.2, blur=0.55, solarize=0.1)
    return replace(
        PRESETS["ser"](),
        method=MoCoV3Config(temperature=0.2, teacher_momentum=0.99, predictor_dim=4096, head_layers=3),
        data="imagenet/train.parquet",
        image_size=224,
        views=views,
        encoder="timm/vit_small_patch16_224",
        stem="standard",
        epochs=100,
        batch_size=2048,
        optimizer="adamw",
        lr=2.4e-3,
        warmup_epochs=10,
        weight_decay=0.1,
    )


def ser_cifar10() -> RunConfig:
    """CIFAR-10 with our MoCo v3 and ResNet-18: stage 2, maps of 16 by 16 places."""
    return replace(families.moco_v3_cifar10(), parts=PRESETS["ser"]().parts)
