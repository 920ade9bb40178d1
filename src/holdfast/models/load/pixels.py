"""Means and deviations that families of encoders were trained with, and files that state them."""

import json
from pathlib import Path
from typing import Any

from holdfast.models.encoders import IMAGENET_MEAN, IMAGENET_STD

SWAV_STD = (0.228, 0.224, 0.225)
"""SwAV's repository (facebookresearch/swav), of its first channel."""
CLIP_MEAN, CLIP_STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
SAT_MEAN, SAT_STD = (0.430, 0.411, 0.296), (0.213, 0.156, 0.143)
"""DINOv3 on SAT-493M (facebookresearch/dinov3 issue 61)."""
CIFAR_MEAN, CIFAR_STD = (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)
"""solo-learn on CIFAR-10."""
CIFAR100_MEAN, CIFAR100_STD = (0.5071, 0.4865, 0.4409), (0.2673, 0.2564, 0.2762)
"""solo-learn on CIFAR-100."""
BESIDE = "preprocess.json"
"""What `holdfast export` writes beside weights; anyone may: network, stem, image_size, mean, std."""
IMAGENET = {"mean": IMAGENET_MEAN, "std": IMAGENET_STD}


def stated(path: Path) -> dict[str, Any]:
    """What preprocess.json beside a file says, empty without one. Raises ValueError where it cannot be read."""
    beside = path.with_name(BESIDE)
    if not beside.is_file():
        return {}
    try:
        document = json.loads(beside.read_text())
    except ValueError as error:
        raise ValueError(f"expected JSON in {beside}, got {error}; write it again or move it away") from error
    known = ("network", "stem", "image_size", "mean", "std", "arguments", "norm_eps", "pool")
    if not isinstance(document, dict):
        raise ValueError(f"expected an object in {beside}, got {type(document).__name__}; write it again")
    found = {name: document[name] for name in known if name in document}
    for name in ("mean", "std"):
        values = found.get(name, (0.5, 0.5, 0.5))
        if len(values) != 3 or not all(isinstance(value, int | float) for value in values):
            raise ValueError(f"expected three numbers for {name} in {beside}, got {values!r}; correct them")
    return {name: tuple(value) if name in ("mean", "std") else value for name, value in found.items()}
