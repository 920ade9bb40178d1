"""RoCL (arXiv:2006.07589), ACL (2010.13337), DynACL (2303.01289), DeACL (2207.10899), ProFeAT (2406.05796) on CIFAR-10;
LORE (2505.18884) and FARE (2402.12336) on a downloaded encoder.

Expected, ResNet-18, linear probe, clean / AutoAttack at 8/255: RoCL 83.7 / 23 to 26, ACL 78.2 / 39.2, DynACL 75.4 /
45.1, DynACL++ 79.8 / 46.5, DeACL 80.8 / 46.1 (its 2024 rewrite), ProFeAT 81.7 / 49.6 (recalled, not checked). Hardware
and time: DynACL about a day on an RTX 3090; of the others none is named. Attack, temperature, epochs and batch are the
authors'; heads, augmentation and normalisation are those of every method here. DynACL++, DeACL and ProFeAT need
--teacher RUN, LORE and FARE any encoder: on ImageNet, DINOv2 ViT-B/14, clean / AutoAttack's APGD at 4/255: FARE 78.3 /
44.0, LORE 80.2 / 49.6 (the authors', eight H100). We have not run these recipes in full.
"""

from dataclasses import replace

from holdfast.config import RunConfig
from holdfast.methods import PRESETS


def _on_cifar10(name: str) -> RunConfig:
    return replace(PRESETS[name](), data="torchvision/CIFAR10", encoder="timm/resnet18", seed=0)


def rocl_cifar10() -> RunConfig:
    """CIFAR-10 with RoCL: PGD-7, LARS at 0.1 warmed up to 15 times that, two GPUs of 256 images, 1,000 epochs."""
    return replace(_on_cifar10("rocl"), optimizer="lars", lr=1.5, weight_decay=1e-6)


def acl_cifar10() -> RunConfig:
    """CIFAR-10 with ACL(DS): PGD-5, LARS at 5.0, batch 512, 1,000 epochs."""
    return replace(_on_cifar10("acl"), optimizer="lars", lr=5.0, weight_decay=1e-6)


def dynacl_cifar10() -> RunConfig:
    """CIFAR-10 with DynACL: ACL with a schedule of 20 steps of strength."""
    return replace(_on_cifar10("dynacl"), optimizer="lars", lr=5.0, weight_decay=1e-6)


def dynacl_tuned_cifar10() -> RunConfig:
    """CIFAR-10 with DynACL++: 25 epochs of TRADES on 10 clusters, after the run that --teacher names."""
    return _on_cifar10("dynacl++")


def deacl_cifar10() -> RunConfig:
    """CIFAR-10 with DeACL: 100 epochs, SGD at 0.5, batch 256, weak views."""
    return replace(_on_cifar10("deacl"), weight_decay=5e-4)


def profeat_cifar10() -> RunConfig:
    """CIFAR-10 with ProFeAT: 100 epochs from the teacher's weights, batch 256; decay as for its WRN-34-10."""
    return replace(_on_cifar10("profeat"), weight_decay=3e-4)


def lore_dinov2() -> RunConfig:
    """DINOv2 ViT-B/14 made robust on your images: --teacher timm/vit_base_patch14_dinov2.lvd142m:pretrained."""
    return _on_dinov2("lore")


def fare_dinov2() -> RunConfig:
    """DINOv2 ViT-B/14 by FARE: LORE without its constraint."""
    return _on_dinov2("fare")


def _on_dinov2(name: str) -> RunConfig:
    name_of_network = "timm/vit_base_patch14_dinov2.lvd142m"
    return replace(PRESETS[name](), encoder=name_of_network, stem="standard", image_size=224)
