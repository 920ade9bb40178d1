"""Déjà vu: does the background of an image tell an encoder what stands in front, better than backgrounds can?
(two models: arXiv:2304.13850; one model and a reference: arXiv:2504.05651)."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from holdfast.randomness import generator, seeded_library

CORNER = 0.3
"""Side of the crop at the lower left, as a share of the image's: the background where nobody drew boxes."""
CONFIDENT = (0.05, 0.2, 1.0)
"""Shares of the most confident images that accuracies are of."""
DEJA_VU_NEIGHBOURS = 100
_SIDE, _WIDTHS, _EPOCHS, _BATCH, _RATE, _DECAY = 32, (32, 64, 128), 20, 128, 1e-3, 1e-3
_SMALL = 8


def corners(pixels: Tensor, side: int) -> Tensor:
    """The lower left corners of images uint8 [n, 3, s, s], resized to uint8 [n, 3, side, side]."""
    size = max(1, round(CORNER * pixels.shape[-1]))
    cut = pixels[:, :, pixels.shape[-2] - size :, :size].float()
    return F.interpolate(cut, size=side, mode="bicubic", antialias=True).round().clamp(0, 255).to(torch.uint8)


def neighbour_shares(queries: Tensor, reference: Tensor, labels: Tensor, *, classes: int, k: int) -> Tensor:
    """Share [n, classes] of each class among the k reference rows [m, dim] nearest to queries [n, dim] by L2."""
    found = []
    for part in queries.split(1024):
        nearest = torch.cdist(part, reference).topk(k, largest=False).indices
        found.append(F.one_hot(labels.to(nearest.device)[nearest], classes).float().mean(1))
    return torch.cat(found)


def confidence(shares: Tensor) -> Tensor:
    """Minus the entropy [n] of shares [n, classes], natural log: 0 is sure, -ln classes is not."""
    return (shares * shares.clamp(min=1e-12).log()).sum(1)


def accuracy_of_confident(shares: Tensor, labels: Tensor, share: float) -> float:
    """Part of the most confident share of images, one at least, whose largest class is the right one."""
    count = max(1, round(share * len(labels)))
    chosen = confidence(shares).argsort(descending=True, stable=True)[:count]
    return float((shares[chosen].argmax(1) == labels[chosen]).double().mean())


def memorized(own: Tensor, other: Tensor, labels: Tensor) -> Tensor:
    """bool [n] images that the encoder's shares [n, classes] get right and the reference's get wrong."""
    return (own.argmax(1) == labels) & (other.argmax(1) != labels)


def strength(own: Tensor, other: Tensor) -> Tensor:
    """How much surer [n] the encoder is than the reference, of shares [n, classes]: in [-ln classes, ln classes]."""
    return confidence(own) - confidence(other)


def label_ratio(own: Tensor, other: Tensor, labels: Tensor, *, k: int) -> Tensor:
    """Log ratio [n] of the right label's share among k neighbours to its probability by the reference.

    Both are drawn towards equal shares by one image in k, so that a share of 0 has a logarithm.
    """
    even = 1 / own.shape[1]
    smooth = [(k * shares + even) / (k + 1) for shares in (own, other)]
    picked = [shares.gather(1, labels[:, None])[:, 0].log() for shares in smooth]
    return picked[0] - picked[1]


def background_shares(known: Tensor, labels: Tensor, asked: Tensor, *, classes: int, seed: int) -> dict[str, Tensor]:
    """Probabilities [n, classes] of asked corners uint8 [n, 3, s, s] by two classifiers fitted on known ones.

    'network': three convolutions; 'pixels': a linear model of 8×8 pixels. Neither sees an encoder.
    """
    small, few = _resized(known, _SIDE), _resized(known, _SMALL).flatten(1)
    with seeded_library(seed, "background classifier"):
        network, linear = _network(classes), nn.Linear(few.shape[1], classes)
    _fit(network, small, labels, seed)
    _fit(linear, few, labels, seed)
    with torch.no_grad():
        logits = {
            "network": network.eval()(_resized(asked, _SIDE)),
            "pixels": linear(_resized(asked, _SMALL).flatten(1)),
        }
    return {name: found.softmax(1) for name, found in logits.items()}


def _resized(pixels: Tensor, side: int) -> Tensor:
    floats = pixels.cpu().float() / 255
    return F.interpolate(floats, size=side, mode="bilinear", antialias=True, align_corners=False) - 0.5


def _network(classes: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    width = 3
    for wide in _WIDTHS:
        layers += [nn.Conv2d(width, wide, 3, stride=2, padding=1), nn.BatchNorm2d(wide), nn.ReLU()]
        width = wide
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, classes))


@torch.enable_grad()
def _fit(network: nn.Module, x: Tensor, labels: Tensor, seed: int) -> None:
    draws, y = generator(seed, "background batches"), labels.cpu()
    optimiser = torch.optim.AdamW(network.parameters(), lr=_RATE, weight_decay=_DECAY)
    steps = _EPOCHS * math.ceil(len(x) / _BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, max_lr=10 * _RATE, total_steps=steps)
    for _ in range(_EPOCHS):
        for rows in torch.randperm(len(x), generator=draws).split(_BATCH):
            loss = F.cross_entropy(network(x[rows]), y[rows])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
