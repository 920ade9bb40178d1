"""SDCLR's linear probe (arXiv:2106.02990): one layer trained by SGD with a large learning rate on augmented images."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from holdfast.data import Images
from holdfast.evaluation.features import extract_features
from holdfast.evaluation.probes.lbfgs import LinearProbe
from holdfast.randomness import fold, generator, key, permutation, uniform

FeaturesOfEpoch = Callable[[int], Tensor]
"""epoch, counted from 0 -> features [n, dim] of the training images, augmented anew."""


@dataclass(frozen=True, kw_only=True)
class ProbeSchedule:
    """The paper's settings that differ between full-shot and few-shot; batch 128, as for CIFAR."""

    epochs: int
    """Passes over the training images; with augmentation each is a pass of the encoder too."""
    milestones: tuple[int, ...]
    """Epochs, counted from 1, after which the rate is a tenth."""
    select_every: int
    """Epochs between looks at the validation part."""
    lr: float = 30.0
    """First learning rate."""
    batch_size: int = 128
    """Images per step; the last, smaller batch is kept."""
    drop: Literal["on_time", "early"] = "on_time"
    """'early' is the authors' CIFAR script: see probe_lr."""


FULL_SHOT = ProbeSchedule(epochs=30, milestones=(10, 20), select_every=1)
FEW_SHOT = ProbeSchedule(epochs=100, milestones=(40, 60), select_every=5)


@dataclass(frozen=True)
class SgdProbes:
    """What one training gives: the paper reports the selected probe, which saw labelled validation images."""

    selected: LinearProbe
    """The probe of the epoch with the best validation top-1 (the first of equals)."""
    selected_epoch: int
    """Counted from 1."""
    last: LinearProbe
    """The probe of the last epoch."""


def probe_lr(
    *,
    lr: float,
    epochs: int,
    milestones: Sequence[int],
    gamma: float = 0.1,
    drop: Literal["on_time", "early"] = "on_time",
) -> list[float]:
    """Learning rate of each epoch: times gamma after each milestone's epoch ('on_time').

    'early': the authors' CIFAR script advances its schedule before an epoch's updates, so each drop comes one epoch
    early; their ImageNet script does not.
    """
    if drop not in ("on_time", "early"):
        raise ValueError(f"expected drop 'on_time' or 'early', got {drop!r}; 'early' is the authors' CIFAR script")
    ahead = int(drop == "early")
    return [lr * gamma ** sum(epoch + ahead >= milestone for milestone in milestones) for epoch in range(epochs)]


def sgd_probe(
    features_of_epoch: FeaturesOfEpoch,
    labels: Tensor,
    *,
    classes: int,
    schedule: ProbeSchedule,
    validation: tuple[Tensor, Tensor],
    seed: int = 0,
) -> SgdProbes:
    """Trains a linear layer on raw features and returns the selected and the last probe.

    Weights N(0, 0.01^2), bias 0, SGD with momentum 0.9 and no weight decay. labels [n] of the rows of every epoch's
    features [n, dim]; validation: features [m, dim] of images as they are, and labels [m]. Order and weights are
    drawn by seed.
    """
    rates = probe_lr(lr=schedule.lr, epochs=schedule.epochs, milestones=schedule.milestones, drop=schedule.drop)
    layer = _initial_layer(validation[0], classes, seed)
    optimiser = torch.optim.SGD(layer.parameters(), lr=schedule.lr, momentum=0.9)
    best: tuple[int, LinearProbe] | None = None
    for epoch, rate in enumerate(rates):
        optimiser.param_groups[0]["lr"] = rate
        _train_epoch(
            layer, optimiser, features_of_epoch(epoch), labels, schedule.batch_size, key(seed, "probe order", epoch)
        )
        if (epoch + 1) % schedule.select_every and epoch + 1 < schedule.epochs:
            continue
        probe = _frozen(layer, validation)
        if best is None or (probe.validation_accuracy or 0) > (best[1].validation_accuracy or 0):
            best = epoch + 1, probe
    if best is None:
        raise ValueError(f"expected at least one epoch, got {schedule.epochs}; the paper trains 30 or 100")
    return SgdProbes(selected=best[1], selected_epoch=best[0], last=_frozen(layer, validation))


def _initial_layer(like: Tensor, classes: int, seed: int) -> nn.Linear:
    layer = nn.Linear(like.shape[1], classes, device="meta").to_empty(device=like.device)
    draws = torch.empty(classes, like.shape[1]).normal_(0, 0.01, generator=generator(seed, "probe weights"))
    with torch.no_grad():
        layer.weight.copy_(draws)
        layer.bias.zero_()
    return layer


@torch.enable_grad()
def _train_epoch(
    layer: nn.Linear, optimiser: torch.optim.SGD, features: Tensor, labels: Tensor, batch_size: int, order_key: Tensor
) -> None:
    order = permutation(order_key, len(features)).to(features.device)
    labels = labels.to(features.device)
    for rows in order.split(batch_size):
        optimiser.zero_grad()
        F.cross_entropy(layer(features[rows]), labels[rows]).backward()
        optimiser.step()


def _frozen(layer: nn.Linear, validation: tuple[Tensor, Tensor]) -> LinearProbe:
    weight, bias = layer.weight.detach().clone(), layer.bias.detach().clone()
    if not weight.isfinite().all():
        raise ValueError(
            "expected the linear layer to stay finite, got NaN or infinity; these features are too large for SDCLR's "
            "learning rate of 30: use the 'lbfgs' protocol"
        )
    features, labels = validation
    right = F.linear(features, weight, bias).argmax(1) == labels.to(features.device)
    shift, scale = torch.zeros_like(weight[0]), torch.ones_like(weight[0])
    return LinearProbe(weight, bias, shift, scale, 0.0, 100 * float(right.float().mean()))


def augmented_features(encoder: nn.Module, images: Images, *, seed: int, **options: Any) -> FeaturesOfEpoch:
    """A pass of the encoder per epoch over images padded, cropped and flipped, drawn by seed, epoch and id.

    options go to extract_features. Cost: as many passes as the schedule has epochs; SDCLR's full-shot probe on 45,000
    images is 1.35 million forwards, its few-shot probe on 450 images 45,000.
    """

    def of_epoch(epoch: int) -> Tensor:
        keys = fold(key(seed, "probe crops", epoch), images.ids.cpu())
        return extract_features(
            encoder, images, augment=lambda batch, rows: pad_crop_flip(batch, keys[rows.cpu()]), **options
        )

    return of_epoch


def cached_features(features: Tensor) -> FeaturesOfEpoch:
    """Features [n, dim] that are equal in every epoch: one pass of the encoder in all, but not the paper's protocol."""
    return lambda epoch: features


def pad_crop_flip(images: Tensor, keys: Tensor) -> Tensor:
    """SDCLR's probe augmentation: images [n, 3, h, w] padded with black, cropped back, half of them flipped.

    The padding is 4 pixels at 32 and an eighth of the side in general. keys [n] decide: one uniform draw each for row,
    column and flip.
    """
    n, _, height, width = images.shape
    padding = max(1, min(height, width) // 8)
    draws = uniform(keys, 3).to(images.device)
    top, left = (draws[:, :2] * (2 * padding + 1)).long().unbind(1)
    rows = top[:, None] + torch.arange(height, device=images.device)
    columns = torch.arange(width, device=images.device).expand(n, -1)
    columns = left[:, None] + torch.where(draws[:, 2:] < 0.5, columns.flip(1), columns)
    padded = F.pad(images, (padding,) * 4)
    samples = torch.arange(n, device=images.device)[:, None, None]
    # Indices around the slice put the channels last: [n, h, w, 3].
    return padded[samples, :, rows[:, :, None], columns[:, None, :]].movedim(-1, 1)
