"""RoCL (arXiv:2006.07589), ACL (2010.13337), DynACL (2303.01289), DeACL (2207.10899), ProFeAT (2406.05796) on CIFAR-10.

Expected, ResNet-18, linear probe, clean / AutoAttack at 8/255: RoCL 83.7 / 23 to 26, ACL 78.2 / 39.2, DynACL 75.4 /
45.1, DeACL 80.8 / 46.1 (its 2024 rewrite), ProFeAT 81.7 / 49.6 (recalled, not checked). Hardware and time: DynACL about
a day on an RTX 3090; of the others none is named. Attack, temperature, epochs and batch are the authors'; heads,
augmentation and normalisation are those of every method here. DeACL and ProFeAT need --teacher RUN. We have not run
these recipes in full.
"""

from dataclasses import replace

from holdfast.config import RunConfig
from holdfast.methods import PRESETS


def _on_cifar10(name: str) -> RunConfig:
    return replace(PRESETS[name](), data="torchvision/CIFAR10", encoder="timm/resnet18", seed=0)


def rocl_cifar10() -> RunConfig:
    """CIFAR-10 with RoCL: PGD-7, LARS, 1,000 epochs."""
    return replace(_on_cifar10("rocl"), optimizer="lars", batch_size=256, lr=0.1, weight_decay=1e-6)


def acl_cifar10() -> RunConfig:
    """CIFAR-10 with ACL(DS): PGD-5, LARS at 5.0, batch 512, 1,000 epochs."""
    return replace(_on_cifar10("acl"), optimizer="lars", lr=5.0, weight_decay=1e-6)


def dynacl_cifar10() -> RunConfig:
    """CIFAR-10 with DynACL: ACL with a schedule of 20 steps of strength."""
    return replace(_on_cifar10("dynacl"), optimizer="lars", lr=5.0, weight_decay=1e-6)


def deacl_cifar10() -> RunConfig:
    """CIFAR-10 with DeACL: 100 epochs, SGD at 0.5, batch 256, weak views."""
    return replace(_on_cifar10("deacl"), weight_decay=5e-4)


def profeat_cifar10() -> RunConfig:
    """CIFAR-10 with ProFeAT: 100 epochs from the teacher's weights, batch 256."""
    return replace(_on_cifar10("profeat"), weight_decay=5e-4)
