"""How an audit measures: options for Python and for the command line. No torch here."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from holdfast.budgets import auto_attack_eps, parse_eps
from holdfast.progress import OnStage
from holdfast.renamed import current, note

if TYPE_CHECKING:
    from holdfast.distributed import Crew

_COUNTS = {
    **dict.fromkeys(("attack_images", "attack_steps", "head_images", "apgd_steps", "attack_targets", "drift_steps"), 1),
    **dict.fromkeys(("attack_restarts", "square_images", "square_queries", "drift_images", "corruption_images"), 0),
}
_CHOICES = {
    "attack_norm": ("linf", "l2"),
    "attack_head": ("slf", "alf", "aff", "emp-ssl", "simclr-clean", "simclr-attacked"),
    "drift_distance": ("cosine", "l2"),
    "auto_attack": ("none", "targeted", "standard", "plus", "rand"),
}


@dataclass(frozen=True, kw_only=True)
class MeasurementOptions:
    """How to measure: what Python and the command line share. The defaults are for a CPU."""

    probe_on: Literal["pool", "train"] = "pool"
    """Fit the probe on all labelled images that are not test images, or on those that the encoder was trained on."""
    protocol: Literal["lbfgs", "sdclr", "sdclr-cached"] = "lbfgs"
    """The probe: L-BFGS; the SDCLR paper's SGD with augmented images; or that SGD without augmentation."""
    probe_lr_drop: Literal["on_time", "early"] = "on_time"
    """Lower the SGD probe's rate on time, or an epoch early as the authors' CIFAR script does."""
    group_rule: Literal["thirds", "thresholds"] = "thirds"
    """Groups of classes by training images: thirds by frequency, or more than 100, 20 to 100, fewer than 20 images."""
    few_shot_share: float | None = None
    """Fit the few-shot probe on this share of every class (0.01: 1 %), a nested draw; None: on the run's own few-shot
    images."""
    layer: Literal["backbone", "prefeature"] = "backbone"
    """Measure the encoder's features, or those of the wide layer after it that a run of emp-ssl keeps."""
    pool: Literal["config", "cls", "avg", "map", "cls+avg"] | None = None
    """How an encoder's tokens become a feature: class token, mean of patches, attention pooling, class token and mean
    side by side, or config, the network's own way; None: as its authors do, which is said."""
    aggregate: int = 0
    """Measure the mean features over so many random views of an image, drawn as its run drew them; 0: the image's."""
    shift_images: int = 500
    """Test images, at most, that the invariance and equivariance audits transform."""
    reference: bool = True
    """Measure random weights of the same network beside the encoder, for balance and tail."""
    average: int = 0
    """Average features over up to so many random views in the invariance audit, each a pass over all probe and test
    images; 0: do not."""
    seed: int = 0
    """Decides folds, order, resampling and, where no test images are given, which ones are held out."""
    batch_size: int = 512
    """Images per pass of the encoder; changes no result beyond rounding."""
    precision: Literal["32", "bf16"] = "32"
    """Precision of the encoder's passes."""

    attack_images: int = 1000
    """Test images, at most, that are attacked, drawn evenly over the classes; more narrow the intervals."""
    attack_norm: Literal["linf", "l2"] = "linf"
    """Norm of the perturbations."""
    attack_eps: tuple[str | float, ...] = ()
    """Budgets in pixels, such as 8/255 or 0.5; none: 2/255 4/255 8/255 for linf, 0.25 0.5 1 for l2."""
    attack_steps: int = 1000
    """Steps of PGD, whose first run starts at the image itself. In linf an image that goes round in a circle stops;
    for l2, where none does, --budget full takes 100."""
    attack_step: float | None = None
    """Length of a step in pixels; None: 0.01 for linf as in 2501.03507, 2.5 times eps over the steps for l2."""
    attack_restarts: int = 2
    """Further runs of PGD from random starts, on what is not broken yet."""
    auto_attack: Literal["none", "targeted", "standard", "plus", "rand"] = "standard"
    """AutoAttack at --auto-attack-eps, on what is left: all of a version, or targeted APGD alone."""
    auto_attack_eps: tuple[str | float, ...] = ()
    """Budgets, of --attack-eps, at which AutoAttack runs; none: 8/255 for linf, 0.5 for l2, else the largest."""
    apgd_steps: int = 100
    """Steps of APGD and FAB."""
    attack_targets: int = 9
    """Wrong classes, the likeliest, that targeted APGD and FAB aim at."""
    attacks: tuple[str, ...] = ()
    """Further attacks at every budget, see docs/attacks.md: apgd-ce, apgd-dlr, apgd-t, fab, fab-t."""
    square_images: int = 100
    """Images, at most, out of the attacked ones, that Square is tried on where nothing has broken them; 0: none. Where
    it breaks any, and as a part of AutoAttack, it meets all that are left."""
    square_queries: int = 5000
    """Queries of Square for each of them: its paper and AutoAttack take 5,000."""
    attack_head: Literal["slf", "alf", "aff", "emp-ssl", "simclr-clean", "simclr-attacked", "authors"] = "slf"
    """The linear head under attack: fitted on clean features (slf), trained on attacked ones (alf), the encoder with it
    (aff), or as CF-AMC-SSL's scripts do for EMP-SSL's rows and for SimCLR's two. 'authors' is emp-ssl."""
    head_images: int = 50_000
    """Probe images, at most, that a trained head sees, drawn evenly over the classes."""
    head_steps: int | None = None
    """Steps of Adam of a trained head; None: its protocol's own: alf, aff 200, emp-ssl 1,170, simclr-* 3,900."""
    drift_images: int = 100
    """Images, at most, out of the attacked ones, whose features are driven away without labels; 0: none."""
    drift_steps: int = 20
    """Steps of APGD for them."""
    drift_distance: Literal["cosine", "l2"] = "cosine"
    """Between the features of an image before and after."""
    corruption_images: int = 500
    """Images, at most, out of the attacked ones, that are corrupted in 15 ways at 5 strengths; 0: none."""

    def __post_init__(self) -> None:
        if old := note("protocol", self.protocol):
            warnings.warn(old, FutureWarning, stacklevel=3)
            object.__setattr__(self, "protocol", current("protocol", self.protocol))
        if self.attack_head == "authors":
            object.__setattr__(self, "attack_head", "emp-ssl")
        if self.head_steps is not None and self.head_steps < 1:
            raise ValueError(f"expected head_steps >= 1, got {self.head_steps}; leave it out for the protocol's own")
        for name, value in vars(self).items():
            if name in _COUNTS and value < _COUNTS[name]:
                raise ValueError(f"expected {name} >= {_COUNTS[name]}, got {value}; leave it out for the default")
            if name in _CHOICES and value not in _CHOICES[name]:
                raise ValueError(f"expected {name} {' or '.join(_CHOICES[name])}, got {value!r}; choose one of them")
        if self.attack_step is not None and not self.attack_step > 0:
            raise ValueError(f"expected attack_step > 0, got {self.attack_step}; it is in pixels, such as 0.01")
        parse_eps(self.attack_eps, self.attack_norm)
        auto_attack_eps(self.auto_attack_eps, self.attack_eps, self.attack_norm)


@dataclass(frozen=True, kw_only=True)
class Options(MeasurementOptions):
    """How to measure, where, and what is kept; the same names as the arguments of `audit`."""

    views: int = 10
    """Views of each image that memorization and privacy compare, at least 4."""
    device: str | None = None
    """Where to compute; None is where the encoder is."""
    unfinished: Path | None = None
    """Folder for what the robustness audit has done so far: an interrupted one goes on there. None keeps nothing."""
    cache: Path | None = None
    """Folder that features of pool and test images are kept in for the next audit; None keeps nothing. Modules are
    never kept: a checksum of their weights does not tell what they compute."""
    crew: "Crew | None" = None
    """Processes that share the encoder's passes; None: this one does all."""
    progress: OnStage | None = None
    """Told what is measured, images done and images in all."""
    asked: Mapping[str, Any] = field(default_factory=dict)
    """What was asked for beside the axes, by option of `holdfast audit`: recorded, so that a report names a command
    that measures further axes in the same way."""


_OF_ATTACKS = ("attack", "auto_attack", "apgd_", "square_", "head_", "drift_", "corruption_")
"""What the names of the robustness audit's own options begin with."""
BEARS_ON: Mapping[str, tuple[str, ...]] = {
    **{f.name: ("robustness",) for f in fields(MeasurementOptions) if f.name.startswith(_OF_ATTACKS)},
    "shift_images": ("invariance", "equivariance"),
    "average": ("invariance",),
    "budget": ("robustness", "invariance", "equivariance"),
    "reference": ("balance", "tail", "invariance", "membership"),
    **dict.fromkeys(("members", "non_members"), ("membership",)),
    "few_shot_share": ("balance",),
    "groups": ("balance", "shortcuts", "privacy"),
    "group_rule": ("balance", "robustness", "tail"),
}
"""By option of an audit, the axes that it has an effect on; those that are not here have one on all."""
